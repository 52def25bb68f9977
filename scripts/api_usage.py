"""How much of what programs use works: runs a snippet for each name that two public repositories or more use.

    python scripts/api_usage.py [--backend NAME] [-v]

The table is tests/usage.tsv: a name of PyTorch's, the number of repositories (of 28) that use it, and a snippet that uses
it: statements separated by ``;``, the last an expression, after those of ``PREAMBLE`` and in an empty folder. A name works
if its snippet runs without an exception.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import pathlib
import sys
import tempfile
import warnings

PREAMBLE = ("nn = torch.nn; F = torch.nn.functional; D = torch.distributions; torch.manual_seed(0); "
            "x = torch.arange(6.0).reshape(2, 3) + 0.5; i = torch.tensor([[0, 2], [1, 0]]); m = nn.Linear(3, 2); "
            "o = torch.optim.SGD(m.parameters(), 0.1); ")
TABLE = pathlib.Path(__file__).resolve().parent.parent / "tests" / "usage.tsv"


def entries() -> list[dict]:
    """Rows of the table."""
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@contextlib.contextmanager
def in_empty_folder():
    """An empty folder as the current one, for a block."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def failure(snippet: str) -> str | None:
    """What a snippet raises, or None."""
    import numpy

    import plugtorch

    scope = {"torch": plugtorch, "np": numpy, "__name__": "__snippet__"}
    with in_empty_folder(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec("\n".join(part.strip() for part in (PREAMBLE + snippet).split(";")), scope)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("-v", action="store_true", help="show each name that does not work")
    args = parser.parse_args()
    import plugtorch
    from plugtorch.alias import install

    plugtorch.set_backend(args.backend)
    install()
    rows = entries()
    wrong = [(row["name"], failure(row["snippet"]) if row["snippet"] else "no snippet") for row in rows]
    wrong = [(name, why) for name, why in wrong if why is not None]
    for name, why in wrong if args.v else ():
        print(f"{name:<48} {why[:120]}")
    print(f"{len(rows) - len(wrong)} of {len(rows)} names used by two repositories or more work on {args.backend}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
