"""The backend conforms. `pytest --pyargs plugtorch.conformance --backend torch` shows every check by itself."""

from plugtorch.conformance import run


def test_conformance():
    report = run("torch")
    assert report.passed, report.summary()
    assert report.executed > 4000
