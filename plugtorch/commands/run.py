"""``plugtorch run``: an unmodified PyTorch script on plugtorch."""

from __future__ import annotations

import argparse
import os
import runpy
import sys

from .launch import launch


def add_parser(commands):
    parser = commands.add_parser("run", help="run an unmodified PyTorch script on plugtorch")
    parser.add_argument("--backend", help="backend on which tensors are made (default: numpy)")
    parser.add_argument("--lazy", action="store_true", help="note ops and run them as compiled programs where values are "
                        "needed (backends with immutable arrays)")
    parser.add_argument("--seed", type=int, help="torch.manual_seed before the script starts")
    parser.add_argument("--nproc", type=int, help="run it in so many processes, told who they are by RANK, WORLD_SIZE and "
                        "the other variables of torchrun")
    parser.add_argument("script", help="path of the script")
    parser.add_argument("args", nargs=argparse.REMAINDER, help="arguments of the script")
    return parser


def run_script(script: str, args: list[str], backend: str | None = None, seed: int | None = None,
               lazy: bool = False) -> None:
    """Runs a script as ``__main__`` with ``import torch`` answered by plugtorch.

    Raises:
        FileNotFoundError: there is no such script.
        BackendUnavailable: the backend cannot be had.
        RuntimeError: it has no lazy form.
    """
    import plugtorch
    from plugtorch.alias import install

    from .spawned import reaching_spawned_processes

    if not os.path.isfile(script):
        raise FileNotFoundError(f"plugtorch run: there is no script {script!r}")
    if backend is not None or lazy:
        plugtorch.set_backend(backend or plugtorch.get_backend(), lazy=lazy)
    if seed is not None:
        plugtorch.manual_seed(seed)
    install()
    sys.argv = [script, *args]
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    with reaching_spawned_processes(backend):
        runpy.run_path(script, run_name="__main__")


def main(args) -> int:
    from plugtorch.spec.registry import BackendUnavailable

    if args.nproc is not None:
        if args.nproc < 1:
            print(f"plugtorch: --nproc must be positive, got {args.nproc}", file=sys.stderr)
            return 2
        options = [f"--{name}={value}" for name in ("backend", "seed") if (value := getattr(args, name)) is not None]
        options += ["--lazy"] if args.lazy else []
        return launch([*options, args.script, *args.args], args.nproc)
    try:
        run_script(args.script, args.args, args.backend, args.seed, args.lazy)
    except (FileNotFoundError, BackendUnavailable) as error:
        if isinstance(error, FileNotFoundError) and "plugtorch run" not in str(error):
            raise
        print(f"plugtorch: {error}", file=sys.stderr)
        return 2
    return 0
