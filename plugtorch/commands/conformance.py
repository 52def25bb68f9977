"""``plugtorch conformance``: the suite on one backend, without pytest."""

from __future__ import annotations

import fnmatch
import sys
from pathlib import Path


def add_parser(commands):
    parser = commands.add_parser("conformance", help="check a backend against the spec")
    parser.add_argument("backend", help="name of the backend")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every outcome to a file")
    parser.add_argument("--select", metavar="PATTERN", help="run only the checks whose id fits, e.g. 'values/softmax/*'")
    parser.add_argument("--deviations", type=Path, metavar="FILE", help="in place of the backend's own conformance.toml")
    parser.add_argument("--table", action="store_true", help="show the coverage table alone; nothing is run")
    return parser


def main(args) -> int:
    from tqdm import tqdm

    from plugtorch.conformance import DeviationsError, deviations_of, run, table
    from plugtorch.spec.registry import BackendUnavailable, load_backend

    try:
        k = load_backend(args.backend)
        if args.table:
            print(table(k))
            return 0
        select = None
        if args.select:
            def select(check):
                return fnmatch.fnmatchcase(check.id, args.select)

        report = run(k, select=select, deviations=deviations_of(k, args.deviations) if args.deviations else None,
                     progress=lambda checks: tqdm(checks, unit="check", leave=False, disable=not sys.stderr.isatty()))
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
