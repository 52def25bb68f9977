"""The backend conforms. `pytest --pyargs plugtorch.conformance --backend minimal` shows every check by itself."""

from plugtorch.conformance import run


def test_conformance():
    report = run("minimal")
    assert report.passed, report.summary()
    assert report.executed > 3000
