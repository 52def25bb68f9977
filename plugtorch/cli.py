"""The command line: ``plugtorch run``, ``backends``, ``doctor``, and for authors of backends ``new-backend``,
``conformance``, ``ops`` and ``bench``."""

from __future__ import annotations

import argparse
import sys

from .commands import backends, bench, conformance, doctor, new_backend, ops, run

COMMANDS = (run, backends, doctor, new_backend, conformance, ops, bench)


def main(argv: list[str] | None = None) -> int:
    """Entry point of the ``plugtorch`` command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="plugtorch", description="PyTorch's programming model over swappable array "
                                     "libraries.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add_parser(commands).set_defaults(main=command.main)
    args = parser.parse_args(argv)
    return args.main(args)


if __name__ == "__main__":
    sys.exit(main())
