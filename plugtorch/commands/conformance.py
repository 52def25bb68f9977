"""``plugtorch conformance``: the suite on one backend, without pytest."""

from __future__ import annotations

import fnmatch
import sys
import threading
import time
from pathlib import Path

PATIENCE = 20  # seconds after which a check that is still running is named


def add_parser(commands):
    parser = commands.add_parser("conformance", help="check a backend against the spec")
    parser.add_argument("backend", help="name of the backend")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every outcome to a file")
    parser.add_argument("--select", metavar="PATTERN", help="run only the checks whose id fits, e.g. 'values/softmax/*'")
    parser.add_argument("--deviations", type=Path, metavar="FILE", help="in place of the backend's own conformance.toml")
    parser.add_argument("-v", "--verbose", action="store_true", help="name each check before it is run")
    parser.add_argument("--table", action="store_true", help="show the coverage table alone; nothing is run")
    return parser


def watch(suite, done: threading.Event) -> None:
    """Names a check that does not come back, on the error stream."""
    named, since, at = "", time.monotonic(), -1
    while not done.wait(1):
        if suite.count != at:
            at, since = suite.count, time.monotonic()
        elif time.monotonic() - since > PATIENCE and named != suite.current:
            named = suite.current
            print(f"plugtorch: still running after {PATIENCE} s: {named}", file=sys.stderr, flush=True)


def main(args) -> int:
    from tqdm import tqdm

    from plugtorch.conformance import DeviationsError, Suite, deviations_of, run, table
    from plugtorch.spec.registry import BackendUnavailable, load_backend

    try:
        k = load_backend(args.backend)
        if args.table:
            print(table(k))
            return 0
        select = None
        if args.select:
            def select(check):
                return check.id == args.select or fnmatch.fnmatchcase(check.id, args.select)

        def progress(checks):
            for check in tqdm(checks, unit="check", leave=False, disable=args.verbose or not sys.stderr.isatty()):
                if args.verbose:
                    print(check.id, file=sys.stderr, flush=True)
                yield check

        suite = Suite(k, deviations_of(k, args.deviations) if args.deviations else None)
        done = threading.Event()
        threading.Thread(target=watch, args=(suite, done), daemon=True).start()
        report = run(suite, select=select, progress=progress)
        done.set()
    except (BackendUnavailable, DeviationsError, OSError) as error:
        print(f"plugtorch: {error}", file=sys.stderr)
        return 2
    if not report.outcomes:
        print(f"plugtorch: no check has an id like {args.select!r}", file=sys.stderr)
        return 2
    print(table(k, report))
    print(report.summary())
    if args.json:
        args.json.write_text(report.to_json() + "\n", encoding="utf-8")
    return 0 if report.passed else 1
