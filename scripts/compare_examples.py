"""Runs the examples with PyTorch and with plugtorch, from the same seed, and prints what they reach as a Markdown table.

    python scripts/compare_examples.py [--only gan,recommender] [--backends torch,numpy,jax] [--arguments "--epochs 1"]
                                       [--json FILE]

Needs an environment with both PyTorch and plugtorch. A program says what it reached in lines of the form

    result: NAME VALUE UNIT (baseline VALUE: WHAT; baseline VALUE: WHAT)

where the unit may be missing.

Exits with 1 where a program fails or says nothing. The seconds are those of a whole process, one at a time.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
RESULT = re.compile(r"result: (?P<name>.+?) (?P<value>-?[\d.]+|nan)(?: (?P<unit>\S+))? \((?P<baselines>baseline .+)\)")
TITLES = {"torch": "PyTorch", "numpy": "plugtorch, NumPy", "jax": "plugtorch, JAX"}


def run(program, backend, arguments):
    """What a program says on a backend: ``{"seconds": ..., "results": [...], "error": None or the end of stderr}``."""
    with tempfile.TemporaryDirectory() as out:
        host = [] if backend == "torch" else ["-m", "plugtorch", "run", "--backend", backend]
        command = [sys.executable, *host, str(EXAMPLES / f"{program}.py"), "--out", out, *arguments]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        seconds = time.perf_counter() - start
    results = [match.groupdict() for match in map(RESULT.fullmatch, done.stdout.splitlines()) if match]
    error = None
    if done.returncode:
        error = done.stderr[-1000:]
    elif not results:
        error = f"no line of the form {RESULT.pattern!r} in the output"
    return {"seconds": round(seconds, 1), "results": results, "error": error}


def rows(program, runs):
    """A row of the table for each result of a program, or one that says that it failed everywhere."""
    measured = [r for r in runs.values() if not r["error"]]
    for index in range(max((len(r["results"]) for r in measured), default=0)):
        found = [r["results"][index] if index < len(r["results"]) else None for r in runs.values()]
        known = next(filter(None, found))
        measure = ", ".join(filter(None, (known["name"], known["unit"])))
        yield [program, measure, known["baselines"].replace("baseline ", ""),
               *(f["value"] if f else "failed" for f in found), *(f"{r['seconds']:.0f}" for r in runs.values())]
    if not measured:
        yield [program, "-", "-", *["failed"] * len(runs), *(f"{r['seconds']:.0f}" for r in runs.values())]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="programs, by commas (default: all)")
    parser.add_argument("--backends", default="torch,numpy,jax", help="torch, or backends of plugtorch, by commas")
    parser.add_argument("--arguments", default="", help="arguments that every program gets")
    parser.add_argument("--json", help="also write everything measured into this file")
    args = parser.parse_args()
    backends = args.backends.split(",")
    programs = args.only.split(",") if args.only else sorted(
        path.stem for path in EXAMPLES.glob("*.py") if "__main__" in path.read_text())

    titles = [TITLES.get(b, b) for b in backends]
    header = ["program", "measure", "baselines", *titles, *(f"seconds, {t}" for t in titles)]
    print(f"| {' | '.join(header)} |", f"|{'---|' * len(header)}", sep="\n", flush=True)
    found = {}
    for program in programs:
        found[program] = {b: run(program, b, shlex.split(args.arguments)) for b in backends}
        for cells in rows(program, found[program]):
            print(f"| {' | '.join(cells)} |", flush=True)
    if args.json:
        Path(args.json).write_text(json.dumps(found, indent=1) + "\n")
    failed = [(p, b, r["error"]) for p, runs in found.items() for b, r in runs.items() if r["error"]]
    for program, backend, error in failed:
        print(f"\n{program} on {backend}:\n{error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
