"""The same script in several processes of this machine, told who they are as by ``torchrun``."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

_GRACE = 10.0
_POLL = 0.05


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def launch(arguments: list[str], processes: int) -> int:
    """Runs ``plugtorch run ARGUMENTS`` in ``processes`` processes, with RANK, LOCAL_RANK, WORLD_SIZE, LOCAL_WORLD_SIZE,
    MASTER_ADDR and MASTER_PORT set. When one fails the others are ended.

    Returns:
        0, or the exit status of the first that failed (128 and its number for a signal).
    """
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "OMP_NUM_THREADS": "1", **os.environ,
              "WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    started: list[subprocess.Popen] = []
    try:
        for rank in range(processes):
            started.append(subprocess.Popen([sys.executable, "-m", "plugtorch", "run", *arguments],
                                            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)}))
        while True:
            codes = [process.poll() for process in started]
            failed = next(((i, code) for i, code in enumerate(codes) if code), None)
            if failed is not None:
                rank, code = failed
                how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
                print(f"plugtorch: process {rank} of {processes} ended {how}; the others are ended", file=sys.stderr)
                return 128 - code if code < 0 else code
            if None not in codes:
                return 0
            time.sleep(_POLL)
    finally:
        _end(started)


def _end(processes):
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + _GRACE
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
