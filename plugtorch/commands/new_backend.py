"""``plugtorch new-backend``: a project for a backend of your own, which runs and conforms from the first minute."""

from __future__ import annotations

import keyword
import re
import sys
from importlib import resources
from pathlib import Path

SUFFIX = ".template"


def add_parser(commands):
    parser = commands.add_parser("new-backend", help="write a project for a backend of your own")
    parser.add_argument("name", help="name of the backend: what plugtorch.set_backend will take")
    parser.add_argument(
        "--into", type=Path, default=Path("."), metavar="FOLDER", help="where its folder is made (default: here)"
    )
    return parser


def _files(folder, prefix=""):
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(SUFFIX):
            yield prefix + entry.name.removesuffix(SUFFIX), entry.read_text(encoding="utf-8")


def project(name: str) -> dict[str, str]:
    """The files of a new backend's project, by path.

    Raises:
        ValueError: the name is no lower-case Python identifier, or is taken by a first-party backend.
    """
    from plugtorch.spec.registry import backend_names

    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise ValueError(f"{name!r} cannot be a backend's name: lower-case letters, digits and underscores, a letter first")
    if name in ("numpy", "jax", "cupy", "ops") or name in backend_names() and name != "minimal":
        raise ValueError(f"there is a backend {name!r} already; choose another name")
    words = {
        "NAME": name,
        "CLASS": "".join(part.capitalize() for part in name.split("_")) + "Backend",
        "DIST": name.replace("_", "-"),
    }
    pattern = re.compile("@(" + "|".join(words) + ")@")
    return {
        pattern.sub(lambda m: words[m[1]], path): pattern.sub(lambda m: words[m[1]], text)
        for path, text in _files(resources.files("plugtorch.scaffold").joinpath("files"))
    }


def write_project(name: str, into: Path) -> Path:
    """Writes the project and returns its folder.

    Raises:
        FileExistsError: the folder is there already; nothing is changed.
    """
    files = project(name)
    folder = into / f"plugtorch-{name.replace('_', '-')}"
    if folder.exists():
        raise FileExistsError(f"{folder} exists already; nothing was written")
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def main(args) -> int:
    try:
        folder = write_project(args.name, args.into)
    except (ValueError, OSError) as error:
        print(f"plugtorch: {error}", file=sys.stderr)
        return 2
    print(f"wrote {folder}\nnext:\n  pip install -e {folder} pytest\n  pytest {folder}\nthen read {folder / 'README.md'}")
    return 0
