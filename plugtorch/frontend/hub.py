"""Models from GitHub repositories and folders that have a ``hubconf.py``, and weights from addresses; names of
``torch.hub``.

Downloads are kept in ``get_dir()``, laid out as PyTorch lays them out: a folder ``OWNER_REPOSITORY_BRANCH`` per
repository, weights in ``checkpoints``, the repositories that the user trusts in the file ``trusted_list``.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import uuid
import warnings
import zipfile
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
MODULE_HUBCONF = "hubconf.py"
_TRUSTED_OWNERS = ("facebookresearch", "facebookincubator", "pytorch", "fairinternal")
_CHUNK = 128 * 1024
_hub_dir: str | None = None


def get_dir() -> str:
    """The folder of downloads: what :func:`set_dir` was told, else ``$TORCH_HOME/hub``, ``$XDG_CACHE_HOME/torch/hub`` or
    ``~/.cache/torch/hub``."""
    if _hub_dir is not None:
        return _hub_dir
    home = os.getenv("TORCH_HOME") or os.path.join(os.getenv("XDG_CACHE_HOME", "~/.cache"), "torch")
    return os.path.join(os.path.expanduser(home), "hub")


def set_dir(d: str | os.PathLike) -> None:
    """Sets the folder of downloads."""
    global _hub_dir
    _hub_dir = os.path.expanduser(os.fspath(d))


# Files.

def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Downloads to a file, which appears when it is complete and its hash is right.

    Args:
        url: an address.
        dst: the path of the file.
        hash_prefix: the first hexadecimal digits of the SHA-256 of the content.
        progress: show a bar on stderr.

    Raises:
        RuntimeError: another hash.
        urllib.error.URLError: the address cannot be read.
    """
    dst = os.path.expanduser(os.fspath(dst))
    partial = f"{dst}.{uuid.uuid4().hex}.partial"
    digest = hashlib.sha256()
    try:
        with urlopen(Request(url, headers={"User-Agent": "torch.hub"})) as source, open(partial, "xb") as file:
            length = source.headers.get("Content-Length")
            with _bar(int(length) if length else None, progress) as bar:
                while chunk := source.read(_CHUNK):
                    file.write(chunk)
                    digest.update(chunk)
                    bar.update(len(chunk))
        if hash_prefix is not None and digest.hexdigest()[:len(hash_prefix)] != hash_prefix:
            raise RuntimeError(f'invalid hash value (expected "{hash_prefix}", got "{digest.hexdigest()}")')
        shutil.move(partial, dst)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(partial)


def _bar(total, shown):
    from tqdm import tqdm

    return tqdm(total=total, disable=not shown, unit="B", unit_scale=True, unit_divisor=1024)


def load_state_dict_from_url(url: str, model_dir: str | None = None, map_location=None, progress: bool = True,
                             check_hash: bool = False, file_name: str | None = None,
                             weights_only: bool = True) -> dict[str, Any]:
    """What :func:`plugtorch.load` reads from a file that is downloaded once.

    Args:
        url: the address of a file of ``torch.save``, or of a zip that holds one.
        model_dir: where it is kept; ``get_dir()/checkpoints`` unless given.
        map_location, weights_only: as of :func:`plugtorch.load`. Unlike in PyTorch, ``weights_only`` is True by default, so
            that no downloaded file runs code.
        progress: show a bar.
        check_hash: the file's name ends in ``-DIGITS.EXT``, the first digits of its SHA-256, which are checked.
        file_name: its name where it is kept.

    Raises:
        RuntimeError: another hash.
    """
    from .serialization import load as load_object

    if os.getenv("TORCH_MODEL_ZOO"):
        warnings.warn("TORCH_MODEL_ZOO is deprecated, please use env TORCH_HOME instead", stacklevel=2)
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else os.fspath(model_dir)
    os.makedirs(folder, exist_ok=True)
    name = os.path.basename(urlparse(url).path) if file_name is None else file_name
    if os.path.basename(name) != name or name in ("", ".", ".."):
        raise ValueError(f"the file name must be a plain name without folders, got {name!r}")
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        sys.stdout.write(f'Downloading: "{url}" to {path}\n')
        found = HASH_REGEX.search(name) if check_hash else None
        download_url_to_file(url, path, found[1] if found else None, progress)
    inner = _only_member(path)
    if inner is not None:
        path = _extract_all(path, folder)[0]
    return load_object(path, map_location, weights_only=weights_only)


def _only_member(path):
    """The one file of an old-style zip around the file that ``torch.save`` wrote; None for other files."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    return members[0].filename if len(members) == 1 and "/" not in members[0].filename else None


def _extract_all(path, folder) -> list[str]:
    """Extracts a zip; no member may be put outside the folder.

    Raises:
        RuntimeError: a member's name leads outside.
    """
    root = os.path.realpath(folder)
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            target = os.path.realpath(os.path.join(root, member.filename))
            linked = (member.external_attr >> 28) == 0xA
            if os.path.commonpath([root, target]) != root or os.path.isabs(member.filename) or linked:
                raise RuntimeError(f"the archive {os.path.basename(path)} holds {member.filename!r}, which leads outside "
                                   "the folder it is extracted to; nothing was extracted")
        archive.extractall(root)
        return [os.path.join(root, member.filename) for member in archive.infolist()]


# Repositories.

_PART = re.compile(r"[A-Za-z0-9._-]+\Z")


def _parse(github: str) -> tuple[str, str, str | None]:
    repository, colon, ref = github.partition(":")
    owner, slash, name = repository.partition("/")
    if not slash or not all(_PART.match(part) and part.strip(".") for part in (owner, name)):
        raise ValueError(f"a repository is written OWNER/NAME[:BRANCH], got {github!r}")
    if colon and (not ref or ".." in ref or ref.startswith("/") or not re.match(r"[A-Za-z0-9._/-]+\Z", ref)):
        raise ValueError(f"the branch {ref!r} is no name of a branch or tag")
    return owner, name, ref or None


def _read(url: str) -> bytes:
    headers = {"Accept": "application/vnd.github.v3+json"}
    token = os.environ.get("GITHUB_TOKEN")
    if token and url.startswith("https://api.github.com/"):
        headers["Authorization"] = f"token {token}"
    with urlopen(Request(url, headers=headers)) as source:
        return source.read()


def _default_branch(owner, name) -> str:
    try:
        _read(f"https://github.com/{owner}/{name}/tree/main/")
    except HTTPError as error:
        if error.code == 404:
            return "master"
        raise
    except URLError as error:
        for branch in ("main", "master"):
            if os.path.exists(os.path.join(get_dir(), f"{owner}_{name}_{branch}")):
                return branch
        raise RuntimeError("It looks like there is no internet connection and the repo could not be found in the cache "
                           f"({get_dir()})") from error
    return "main"


def _check_not_forked(owner, name, ref) -> None:
    """A commit of a fork can be addressed through the original repository; it must not be taken for the owner's."""
    for kind in ("branches", "tags"):
        page = 0
        while True:
            page += 1
            entries = json.loads(_read(f"https://api.github.com/repos/{owner}/{name}/{kind}?per_page=100&page={page}"))
            if not entries:
                break
            if any(ref == e["name"] or e["commit"]["sha"].startswith(ref) for e in entries):
                return
    raise ValueError(f"Cannot find {ref} in https://github.com/{owner}/{name}. If it's a commit from a forked repo, please "
                     "call hub.load() with forked repo directly.")


def _check_trusted(owner, name, ref, trust_repo) -> None:
    """Asks, where it is wanted, before code of a repository is run.

    Raises:
        Exception: the user does not trust it.
    """
    entry, hub = f"{owner}_{name}", pathlib.Path(get_dir())
    path = hub / "trusted_list"
    path.touch(exist_ok=True)
    known = {line.strip() for line in path.read_text().splitlines()}
    trusted = entry in known or (hub / f"{entry}_{ref.replace('/', '_')}").is_dir() or owner in _TRUSTED_OWNERS
    if trust_repo is False or (trust_repo == "check" and not trusted):
        answer = input(f"The repository {entry} does not belong to the list of trusted repositories and as such cannot be "
                       "downloaded. Do you trust this repository and wish to add it to the trusted list of repositories "
                       "(y/N)?")
        if answer.lower() not in ("y", "yes"):
            raise Exception("Untrusted repository.")
    if not trusted:
        with open(path, "a") as file:
            file.write(entry + "\n")


def _get_repository(github, force_reload, trust_repo, verbose=True, skip_validation=False) -> str:
    """The folder of a repository, downloaded unless it is there."""
    owner, name, ref = _parse(github)
    ref = _default_branch(owner, name) if ref is None else ref
    os.makedirs(get_dir(), exist_ok=True)
    folder = os.path.join(get_dir(), "_".join((owner, name, ref.replace("/", "_"))))
    _check_trusted(owner, name, ref, trust_repo)
    if os.path.exists(folder) and not force_reload:
        if verbose:
            sys.stderr.write(f"Using cache found in {folder}\n")
        return folder
    if not skip_validation:
        _check_not_forked(owner, name, ref)
    with tempfile.TemporaryDirectory(dir=get_dir()) as scratch:
        archive = os.path.join(scratch, "repository.zip")
        url = f"https://github.com/{owner}/{name}/zipball/{ref}"
        sys.stderr.write(f'Downloading: "{url}" to {folder}\n')
        download_url_to_file(url, archive, progress=False)
        unpacked = os.path.join(scratch, "unpacked")
        os.makedirs(unpacked)
        _extract_all(archive, unpacked)
        (inside,) = os.listdir(unpacked)
        if os.path.exists(folder):
            shutil.rmtree(folder)
        shutil.move(os.path.join(unpacked, inside), folder)
    return folder


@contextlib.contextmanager
def _hubconf(folder):
    """The module of a folder's hubconf.py, which imports from its folder."""
    path = os.path.join(folder, MODULE_HUBCONF)
    if not os.path.isfile(path):
        raise FileNotFoundError(errno.ENOENT, f"the repository has no {MODULE_HUBCONF}", path)
    sys.path.insert(0, folder)
    try:
        spec = importlib.util.spec_from_file_location(MODULE_HUBCONF, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        missing = [d for d in getattr(module, "dependencies", ()) if importlib.util.find_spec(d) is None]
        if missing:
            raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")
        yield module
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


def _entry(module, name):
    function = getattr(module, name, None) if isinstance(name, str) else None
    if not isinstance(name, str):
        raise ValueError("Invalid input: model should be a string of function name")
    if not callable(function):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return function


def load(repo_or_dir, model: str, *args: Any, source: str = "github", trust_repo="check", force_reload: bool = False,
         verbose: bool = True, skip_validation: bool = False, **kwargs: Any):
    """What the function ``model`` of a repository's ``hubconf.py`` returns.

    Args:
        repo_or_dir: "OWNER/NAME[:BRANCH]", or a folder with ``source="local"``.
        model: the name of the function; the other arguments are its.
        source: "github" or "local".
        trust_repo: True, False (ask) or "check" (ask if it is new): the repository's code is run.
        force_reload: download it again.
        skip_validation: do not ask GitHub whether the branch is the repository's own.

    Raises:
        ValueError: another source.
        RuntimeError: no such function, or modules that the repository needs are missing.
    """
    source = source.lower()
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source == "github":
        repo_or_dir = _get_repository(repo_or_dir, force_reload, trust_repo, verbose, skip_validation)
    with _hubconf(os.path.expanduser(os.fspath(repo_or_dir))) as module:
        return _entry(module, model)(*args, **kwargs)


def help(github, model: str, force_reload: bool = False, skip_validation: bool = False,  # noqa: A001
         trust_repo="check") -> str | None:
    """The docstring of the function ``model`` of a GitHub repository's ``hubconf.py``."""
    folder = _get_repository(github, force_reload, trust_repo, True, skip_validation)
    with _hubconf(folder) as module:
        return _entry(module, model).__doc__


def list(github, force_reload: bool = False, skip_validation: bool = False, trust_repo="check",  # noqa: A001
         verbose: bool = True):
    """The names of the functions of a GitHub repository's ``hubconf.py``."""
    folder = _get_repository(github, force_reload, trust_repo, verbose, skip_validation)
    with _hubconf(folder) as module:
        return [name for name in dir(module) if callable(getattr(module, name)) and not name.startswith("_")]
