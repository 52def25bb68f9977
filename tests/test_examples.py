"""The examples, run by ``plugtorch run`` on their real data: for a few steps, and the quick ones to the end."""

from __future__ import annotations

import importlib
import io
import math
import os
import pathlib
import pickle
import re
import subprocess
import sys
import tarfile
import typing

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
EMOJI = EXAMPLES / "data" / "emoji-32" / "emoji-32-python.tar.gz"
STEP = re.compile(r"step (\d+) loss (\S+)")


class Program(typing.NamedTuple):
    """Arguments with which the losses fall within ``steps``; ``whole`` are those of a whole run, if one is quick enough."""

    arguments: str
    steps: int
    whole: str | None = None


PROGRAMS = {
    "fashion_mnist_cnn": Program("--batch-size 32 --lr 0.05", 12),
    "logistic_regression_and_mlp": Program("", 12, "--epochs 1"),
    "colour_cnn": Program("--width 8 --lr 0.03", 15, "--width 8 --epochs 1"),
    "recommender": Program("--epochs 1 --lr 0.02", 60, "--epochs 1"),
    "sentiment_lstm": Program(
        "--hidden 24 --batch-size 512 --epochs 2 --lr 0.03 --bucket 64", 30, "--hidden 8 --batch-size 512 --epochs 1"
    ),
    "gan": Program("--width 8 --batch-size 32 --double", 12, "--width 4 --batch-size 250 --epochs 1"),
    "translation": Program(
        "--embedding 16 --hidden 8 --epochs 1 --lr 0.02 --bucket 24", 12,
        "--embedding 8 --hidden 4 --batch-size 512 --epochs 1"
    ),
}


def command(program, arguments, backend="numpy"):
    """The command that runs a program; on the backend "torch" it is PyTorch's own."""
    host = [] if backend == "torch" else ["-m", "plugtorch", "run", "--backend", backend]
    return [sys.executable, *host, str(EXAMPLES / f"{program}.py"), *arguments]


def run(*args):
    """What a program prints, as lines; the arguments are those of ``command``."""
    done = subprocess.run(command(*args), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def curves(lines):
    """The losses that a program printed: a list for each of its models, whose steps are numbered from 0."""
    found = []
    for match in filter(None, map(STEP.fullmatch, lines)):
        if match[1] == "0":
            found.append([])
        assert int(match[1]) == len(found[-1])
        found[-1].append(float(match[2]))
    return found


def load_script(name):
    folder = str(ROOT / "scripts")
    if folder not in sys.path:  # scripts import one another
        sys.path.append(folder)
    return importlib.import_module(name)


@pytest.mark.parametrize("program", PROGRAMS)
def test_losses_fall(program, backend):
    row = PROGRAMS[program]
    found = curves(run(program, [*row.arguments.split(), "--steps", str(row.steps)], backend))
    assert found
    third = max(row.steps // 3, 1)
    for losses in found:
        assert len(losses) == row.steps and all(map(math.isfinite, losses))
        assert sum(losses[-third:]) < sum(losses[:third]), losses


def check_compiled(program, backend):
    """The losses of a few steps with ``--compile`` are those without, and the steps were compiled."""
    arguments = [*PROGRAMS[program].arguments.split(), "--steps", "4"]
    expected = curves(run(program, arguments, backend))
    done = subprocess.run(command(program, [*arguments, "--compile"], backend), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0 and "is run eagerly" not in done.stderr, done.stderr
    found = curves(done.stdout.splitlines())
    assert len(found) == len(expected)
    for losses, others in zip(found, expected, strict=True):
        assert losses == pytest.approx(others, rel=1e-4)


@pytest.mark.one_backend
@pytest.mark.parametrize("program", PROGRAMS)
def test_compiled_steps_give_the_same_losses(program, backend):
    check_compiled(program, backend)


@pytest.mark.parametrize("program", ["logistic_regression_and_mlp", "recommender"])
def test_compiled_steps_on_every_backend(program, backend):
    check_compiled(program, backend)


@pytest.mark.one_backend
@pytest.mark.parametrize("program", [name for name, row in PROGRAMS.items() if row.whole])
def test_a_whole_run_says_what_it_reached(program, backend, tmp_path):
    """In the form that ``scripts/compare_examples.py`` reads, with a checkpoint that can be read back."""
    import plugtorch

    lines = run(program, [*PROGRAMS[program].whole.split(), "--out", str(tmp_path)])
    results = [load_script("compare_examples").RESULT.fullmatch(line) for line in lines if line.startswith("result: ")]
    assert results and all(results) and lines[-1].startswith("result: ")
    assert all(math.isfinite(float(match["value"])) for match in results)
    assert plugtorch.load(tmp_path / f"{program}.pt")


@pytest.mark.one_backend
def test_every_example_is_tested():
    assert sorted(PROGRAMS) == sorted(path.stem for path in EXAMPLES.glob("*.py") if "__main__" in path.read_text())


@pytest.mark.one_backend
def test_folders_are_read_like_archives(tmp_path, backend):
    with tarfile.open(EMOJI) as archive:
        archive.extractall(tmp_path, filter="data")
    arguments = ["--width", "4", "--steps", "1", "--data"]
    folder = next(tmp_path.iterdir())
    lines = run("colour_cnn", [*arguments, str(folder)])
    assert curves(lines) and lines == run("colour_cnn", [*arguments, str(EMOJI)])
    (folder / "data_batch_3").unlink()
    done = subprocess.run(command("colour_cnn", [*arguments, str(folder)]), capture_output=True, text=True)
    assert done.returncode == 1 and "it lacks data_batch_3" in done.stderr


class Marker:
    """Its pickle makes a folder when an unsuspecting reader loads it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.one_backend
def test_pickles_that_call_functions_are_refused(tmp_path, backend):
    made, path = tmp_path / "made", tmp_path / "batches.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        content = pickle.dumps({b"data": Marker(str(made))})
        entry = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    done = subprocess.run(command("colour_cnn", ["--data", str(path)]), capture_output=True, text=True)
    assert done.returncode == 1 and f"has no need of {os.name}.mkdir" in done.stderr
    assert not made.exists()


@pytest.mark.one_backend
def test_no_emoji_has_a_variant_on_the_other_side():
    """And the stored batches are pickles of the kind that CIFAR-10 has: Python 2's strings, NumPy 1's names."""
    prepare, kinds = load_script("prepare_example_data"), {}
    with tarfile.open(EMOJI) as archive:
        for member in archive:
            raw = archive.extractfile(member).read()
            assert b"numpy._core" not in raw
            batch = pickle.loads(raw, encoding="bytes")
            part = "test" if member.name.endswith("test_batch") else "training"
            for name in batch.get(b"filenames", ()):
                kinds.setdefault(part, []).append(prepare.kind({"unified": name.decode().removesuffix(".png").upper()}))
            if b"data" in batch:
                assert batch[b"data"].shape == (len(batch[b"labels"]), 3072) and batch[b"data"].dtype == "uint8"
    assert {part: len(names) for part, names in kinds.items()} == {"training": 1524, "test": 382}
    assert not set(kinds["training"]) & set(kinds["test"])


@pytest.mark.one_backend
def test_markup_leaves_the_verses():
    text = ('<title>A Psalm.</title> <l sID="1"/>God <w lemma="x">so</w> loved<note>the <w>Greek</w></note>'
            '<q who="y">us</q> <l eID="1"/>&amp; them .')
    assert load_script("prepare_example_data").clean(text) == "God so loved us & them."
