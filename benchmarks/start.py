"""What a library costs before the first step: time to import it, space on the disk, memory of a training."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from .driver import ROOT, Failed, Worker, environment
from .tables import number, table

IMPORTS = {
    "import plugtorch": "import plugtorch",
    "import plugtorch.nn, plugtorch.optim": "import plugtorch.nn, plugtorch.optim",
    "plugtorch with a tensor on jax": "import plugtorch; plugtorch.set_backend('jax'); plugtorch.ones(1)",
    "import torch": "import torch",
    "import jax.numpy": "import jax.numpy"}
DISTRIBUTIONS = ("numpy", "plugtorch", "torch", "jax")
TRAININGS = ("cnn_train", "gpt_train")
_MIB = 1 << 20


def imports(contenders, threads, rounds=7):
    """Seconds over those of NumPy, which all of them import, in processes of their own that take turns; medians."""
    seconds, errors = {name: [] for name in IMPORTS}, {}
    with tempfile.TemporaryDirectory() as caches:
        env = environment(threads) | {"PYTHONPYCACHEPREFIX": caches}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        for turn in range(rounds + 1):  # the first turn fills the caches of compiled modules
            for name, statement in IMPORTS.items():
                code = f"import numpy, time\nt = time.perf_counter()\n{statement}\nprint(time.perf_counter() - t)"
                done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
                if done.returncode:
                    errors[name] = done.stderr.strip().split("\n")[-1]
                elif turn:
                    seconds[name].append(float(done.stdout.split()[-1]))
    medians = {name: statistics.median(s) for name, s in seconds.items() if s}
    rows = [[name, number(medians[name] * 1e3) if name in medians else errors[name]] for name in IMPORTS]
    return table(["start, beyond NumPy's import", "ms"], rows), {"seconds": medians, "errors": errors}


def _size(name):
    """Bytes of an installed distribution without compiled caches; one installed for editing has its modules counted."""
    distribution = importlib.metadata.distribution(name)
    paths = {Path(f.locate()).resolve() for f in distribution.files or ()}
    if json.loads(distribution.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"):
        for module in (distribution.read_text("top_level.txt") or "").split():
            spec = importlib.util.find_spec(module)
            for place in spec.submodule_search_locations or ():
                paths.update(p.resolve() for p in Path(place).rglob("*"))
            if spec.origin:
                paths.add(Path(spec.origin).resolve())
    return sum(p.stat().st_size for p in paths if p.is_file() and p.suffix != ".pyc")


def _needs(name, found):
    """Adds a distribution and what it requires, without extras, to ``found``."""
    try:
        requires = importlib.metadata.requires(name) or ()
    except importlib.metadata.PackageNotFoundError:
        return found  # required on other systems
    found.add(name)
    for line in requires:
        need = re.match(r"[\w.-]+", line)[0].lower()
        if need not in found and "extra ==" not in line:
            _needs(need, found)
    return found


def sizes(contenders, threads):
    """MiB that each distribution takes when installed, alone and with all that it requires."""
    figures, rows = {}, []
    for name in DISTRIBUTIONS:
        needs = _needs(name, set())
        if not needs:
            rows.append([name, "not installed", "-"])
            continue
        figures[name] = {"alone": _size(name), "whole": sum(map(_size, needs))}
        rows.append([name, *(number(v / _MIB) for v in figures[name].values())])
    return table(["installed, MiB", "alone", "with its requirements"], rows), figures


def memory(contenders, threads):
    """Peak MiB of a process that runs some steps of a training, its libraries included."""
    figures, rows, errors = {}, [], {}
    for c in contenders:
        cells = []
        for name in TRAININGS:
            worker = Worker(c, threads)
            try:
                worker.ask(300, load=name)
                worker.ask(300, slice=0.5)
                figures[f"{c.name} {name}"] = worker.ask(60, peak=True)["bytes"]
                cells.append(number(figures[f"{c.name} {name}"] / _MIB))
            except Failed as failure:
                cells.append("error")
                errors.setdefault(f"{c.title}: {failure}"[:300])
            worker.close()
        rows.append([c.title, *cells])
    return [*table(["peak memory, MiB", *TRAININGS], rows), *errors], figures


TABLES = {"imports": imports, "sizes": sizes, "memory": memory}
