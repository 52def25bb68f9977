"""The layers import only downwards."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))


def test_every_import_follows_the_arrows():
    import arrows

    assert arrows.violations() == []


def test_the_check_sees_a_wrong_import(tmp_path, monkeypatch):
    import arrows

    bad = tmp_path / "plugtorch" / "spec"
    bad.mkdir(parents=True)
    (bad / "x.py").write_text("from plugtorch.frontend import tensor\nimport jax\n")
    (tmp_path / "backends").mkdir()
    monkeypatch.setattr(arrows, "ROOT", tmp_path)
    assert len(arrows.violations()) == 2
