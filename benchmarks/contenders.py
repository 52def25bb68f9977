"""The libraries that are compared, and how each makes a workload ready."""

from __future__ import annotations

import functools
import importlib
import re
from dataclasses import dataclass

from .workloads.workload import Program, Workload

_MODES = {"": "", "compiled": " compiled", "lazy": " lazy"}


@dataclass(frozen=True)
class Contender:
    """
    Args:
        name: what the command line calls it.
        library: "plugtorch", "torch", or "hand" for the versions without either.
        backend: the array library of plugtorch or of a version by hand; "" for PyTorch.
        mode: "", "compiled", or "lazy".
    """

    name: str
    library: str
    backend: str = ""
    mode: str = ""

    @property
    def title(self):
        if self.library == "hand":
            return {"numpy": "NumPy by hand", "jax": "JAX by hand"}[self.backend]
        return (f"plugtorch {self.backend}" if self.library == "plugtorch" else "PyTorch") + _MODES[self.mode]

    def enters(self, workload: Workload) -> bool:
        """Whether the workload has something to run for this contender."""
        if self.library == "hand":
            return getattr(workload, self.backend) is not None
        return not (workload.eager and self.mode == "compiled")


CONTENDERS = {c.name: c for c in (
    Contender("plugtorch-numpy", "plugtorch", "numpy"),
    Contender("plugtorch-numpy-compiled", "plugtorch", "numpy", "compiled"),
    Contender("plugtorch-jax", "plugtorch", "jax"),
    Contender("plugtorch-jax-compiled", "plugtorch", "jax", "compiled"),
    Contender("plugtorch-jax-lazy", "plugtorch", "jax", "lazy"),
    Contender("torch", "torch"),
    Contender("torch-compiled", "torch", "", "compiled"),
    Contender("hand-numpy", "hand", "numpy"),
    Contender("hand-jax", "hand", "jax"))}


def named(word):
    """The contenders that a word of the command line means: one by its name, one of another backend by
    ``plugtorch-BACKEND[-compiled|-lazy]``, or all whose name has the word as a part.

    Raises:
        LookupError: it means none.
    """
    if word in CONTENDERS:
        return [CONTENDERS[word]]
    other = re.fullmatch(r"plugtorch-(\w+?)(?:-(compiled|lazy))?", word)
    if other:
        return [Contender(word, "plugtorch", other[1], other[2] or "")]
    found = [c for c in CONTENDERS.values() if word in c.name.split("-")]
    if not found:
        raise LookupError(f"no contender is called {word!r}; there are {', '.join(CONTENDERS)}")
    return found


def ready(contender: Contender, workload: Workload, threads: int) -> Program:
    """The workload in the contender's library, with its initial values. Loads the library."""
    values = workload.values()
    if contender.library == "hand":
        return getattr(workload, contender.backend)(values)
    torch = importlib.import_module(contender.library)
    for part in ("nn", "optim"):
        importlib.import_module(f"{contender.library}.{part}")
    torch.set_num_threads(threads)
    compile_model = compile_step = _unchanged
    if contender.library == "plugtorch":
        lazily = {"lazy": True} if contender.mode == "lazy" else {}
        torch.set_backend(contender.backend, **lazily)
        if contender.mode == "compiled":
            compile_step = functools.partial(torch.compile, fullgraph=True)
    elif contender.mode == "compiled":
        compile_model = torch.compile
    torch.manual_seed(0)
    program = workload.program(torch, values, compile_model)
    return program._replace(step=compile_step(program.step))


def _unchanged(function):
    return function
