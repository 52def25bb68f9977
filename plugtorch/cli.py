"""The command line: ``plugtorch run SCRIPT`` and ``plugtorch backends``."""

from __future__ import annotations

import argparse
import os
import runpy
import sys


def _parser():
    parser = argparse.ArgumentParser(prog="plugtorch", description="PyTorch's programming model over swappable array "
                                     "libraries.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run an unmodified PyTorch script on plugtorch")
    run.add_argument("--backend", help="backend on which tensors are made (default: numpy)")
    run.add_argument("--seed", type=int, help="torch.manual_seed before the script starts")
    run.add_argument("script", help="path of the script")
    run.add_argument("args", nargs=argparse.REMAINDER, help="arguments of the script")
    backends = commands.add_parser("backends", help="list installed backends")
    backends.add_argument("-v", "--verbose", action="store_true", help="show causes in full and where plugins come from")
    return parser


def run_script(script: str, args: list[str], backend: str | None = None, seed: int | None = None) -> None:
    """Runs a script as ``__main__`` with ``import torch`` answered by plugtorch.

    Raises:
        FileNotFoundError: there is no such script.
        BackendUnavailable: the backend cannot be had.
    """
    import plugtorch

    from .alias import install

    if not os.path.isfile(script):
        raise FileNotFoundError(f"plugtorch run: there is no script {script!r}")
    if backend is not None:
        plugtorch.set_backend(backend)
    if seed is not None:
        plugtorch.manual_seed(seed)
    install()
    sys.argv = [script, *args]
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    runpy.run_path(script, run_name="__main__")


def list_backends(verbose: bool = False) -> str:
    """A table of the installed backends: version, devices, and the cause where one cannot load."""
    from .frontend.state import get_backend
    from .spec.registry import BackendUnavailable, backend_names, describe, load_backend

    rows = []
    for name in backend_names():
        try:
            k = load_backend(name)
            rows.append((name, "available", k.library_version, ", ".join(map(str, k.devices()))))
        except BackendUnavailable as error:
            rows.append((name, "unavailable", "-", str(error) if verbose else str(error).splitlines()[0]))
        if verbose:
            offer, _, _ = describe(name)
            if offer is not None:
                rows[-1] = (*rows[-1][:3], f"{rows[-1][3]}  [plugin {offer.plugin}]")
    header = ("backend", "state", "version", "devices or cause")
    widths = [max(len(str(row[i])) for row in (header, *rows)) for i in range(3)]
    lines = ["  ".join([*(str(v).ljust(w) for v, w in zip(row, widths, strict=False)), str(row[3])])
             for row in (header, *rows)]
    return "\n".join([*lines, f"default: {get_backend()}"])


def main(argv: list[str] | None = None) -> int:
    """Entry point of the ``plugtorch`` command."""
    from .spec.registry import BackendUnavailable

    args = _parser().parse_args(argv)
    if args.command == "backends":
        print(list_backends(args.verbose))
        return 0
    try:
        run_script(args.script, args.args, args.backend, args.seed)
    except (FileNotFoundError, BackendUnavailable) as error:
        if isinstance(error, FileNotFoundError) and "plugtorch run" not in str(error):
            raise
        print(f"plugtorch: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
