"""PyTorch's own database of ops with sample inputs (``torch.testing._internal``), brought to plugtorch.

An OpInfo is a function, generators of samples and of wrong calls, and the dtypes it supports. Here samples become
plugtorch's tensors, and the function becomes plugtorch's of the same name; a function that the database wrote itself
(a lambda over ``torch``) is run with plugtorch in the place of its global ``torch``.
"""

from __future__ import annotations

import functools
import itertools
import types

import numpy as np
import torch as reference
from torch.testing._internal.common_methods_invocations import op_db

import plugtorch

# Draws and memory that is not set: only shapes and dtypes can be compared.
SHAPES_ONLY = {"empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided", "resize_",
               "resize_as_"}
# Factors that are unique only up to signs or phases, or to order: their own tests rebuild the matrix from them.
FACTORS = {"linalg.svd", "svd", "linalg.eig", "linalg.eigh", "linalg.qr", "qr", "geqrf", "linalg.ldl_factor",
           "linalg.ldl_factor_ex",
           "svd_lowrank", "pca_lowrank", "linalg.eigvals", "lobpcg"}


def name_of(op) -> str:
    """The OpInfo's name, with the variant's after a colon."""
    return op.name + (f":{op.variant_test_name}" if op.variant_test_name else "")


@functools.cache
def database() -> dict:
    """OpInfos by name that list a CPU dtype."""
    found: dict = {}
    for op in op_db:
        if not op.dtypes or op.name.startswith("jiterator"):
            continue
        name = name_of(op)
        while name in found:
            name += "'"
        found[name] = op
    return found


# Values.

def dtype(native):
    """plugtorch's dtype for PyTorch's."""
    return getattr(plugtorch, str(native).removeprefix("torch."))


def tensor(t):
    """plugtorch's tensor with the values of PyTorch's, which may require grad."""
    plain = t.detach()
    if plain.layout is not reference.strided:
        made = tensor(plain.to_dense())
        made = made.to_sparse_csr() if plain.layout is reference.sparse_csr else made.to_sparse()
        return made.requires_grad_(t.requires_grad) if t.requires_grad else made
    plain = plain.resolve_conj().resolve_neg()
    if plain.dtype is reference.bfloat16:
        made = plugtorch.tensor(plain.float().numpy()).to(plugtorch.bfloat16)
    else:
        made = plugtorch.tensor(plain.contiguous().numpy()).reshape(tuple(plain.shape))
    return made.requires_grad_(t.requires_grad) if t.requires_grad else made


def ours(value):
    """A sample's argument as plugtorch's."""
    if isinstance(value, reference.Tensor):
        return tensor(value)
    if isinstance(value, reference.dtype):
        return dtype(value)
    if isinstance(value, reference.device):
        return plugtorch.device(str(value))
    if isinstance(value, (reference.layout, reference.memory_format)):
        return getattr(plugtorch, str(value).removeprefix("torch."))
    if isinstance(value, reference.Generator):
        return plugtorch.Generator().manual_seed(value.initial_seed())
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(ours, value))
    if isinstance(value, (list, tuple)):
        return type(value)(map(ours, value)) if type(value) in (list, tuple) else tuple(map(ours, value))
    if isinstance(value, dict):
        return {key: ours(v) for key, v in value.items()}
    if isinstance(value, reference.nn.Module):
        return getattr(plugtorch.nn, type(value).__name__)()
    if isinstance(value, types.FunctionType) and value.__module__.startswith("torch.testing"):
        return retargeted(value)
    return value


def clones(value):
    """PyTorch's argument, its tensors fresh leaves."""
    if isinstance(value, reference.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if type(value) in (list, tuple):
        return type(value)(map(clones, value))
    if isinstance(value, dict):
        return {key: clones(v) for key, v in value.items()}
    return value


def leaves(value) -> list:
    """Tensors among arguments that require grad, of either library."""
    if isinstance(value, (reference.Tensor, plugtorch.Tensor)):
        return [value] if value.requires_grad else []
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in leaves(v)]
    return [leaf for v in value.values() for leaf in leaves(v)] if isinstance(value, dict) else []


# Functions.

def _seeded(op, *args, **kwargs):
    """The database's way to call ops that draw: with the generator at a seed, the same as in PyTorch's call."""
    plugtorch.manual_seed(42)
    return op(*args, **kwargs)


def retargeted(function):
    """A function of the database with plugtorch as its ``torch``."""
    scope = {**function.__globals__, "torch": plugtorch, "wrapper_set_seed": _seeded}
    copy = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


class Missing(Exception):
    """plugtorch has no function of that name."""


def function_of(op):
    """plugtorch's function for an OpInfo.

    Raises:
        Missing: there is none.
    """
    if isinstance(op.op, types.FunctionType) and op.op.__module__.startswith("torch.testing"):
        return retargeted(op.op)
    path = str(op.op).replace("aten.", "ops.aten.", 1) if type(op.op).__name__.startswith("OpOverload") else op.name
    found = plugtorch
    for part in path.removeprefix("torch.").split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            if "." not in path and hasattr(plugtorch.Tensor, path):
                return getattr(plugtorch.Tensor, path)
            raise Missing(path) from None
    return found if callable(found) else getattr(plugtorch.Tensor, path)


def samples(op, dtype, count, requires_grad=False) -> list:
    """Some of an OpInfo's samples, evenly spread over the first hundred."""
    reference.manual_seed(0)
    np.random.seed(0)
    found = list(itertools.islice(op.sample_inputs("cpu", dtype, requires_grad=requires_grad), 100))
    picks = sorted({round(i) for i in np.linspace(0, len(found) - 1, count)}) if found else []
    return [found[i] for i in picks]


def call(function, sample, convert):
    """A function on a sample in one library: the result, and the leaves that it was computed from."""
    args = [convert(sample.input), *convert(list(sample.args))]
    kwargs = convert(dict(sample.kwargs))
    inputs = leaves([args, kwargs])
    return function(*args, **kwargs), inputs


def tensors_in(value) -> list:
    """Tensors of a result, in order, of either library."""
    if isinstance(value, (reference.Tensor, plugtorch.Tensor)):
        return [value]
    return [t for v in value for t in tensors_in(v)] if isinstance(value, (list, tuple)) else []


# Comparison.

_TOLERANCES = {"float16": (1e-2, 1e-3), "bfloat16": (6e-2, 1e-2), "float32": (2e-5, 2e-4), "float64": (1e-6, 1e-6),
               "complex64": (2e-5, 2e-4), "complex128": (1e-6, 1e-6)}


def host(t):
    """The values of a tensor of either library, halves and bfloat16 in float32."""
    t = t.detach()
    if isinstance(t, reference.Tensor):
        t = t.resolve_conj().resolve_neg()
        if t.layout is not reference.strided:
            t = t.to_dense()
    elif t.layout is not plugtorch.strided:
        t = t.to_dense()
    if str(t.dtype) in ("torch.float16", "torch.bfloat16"):
        t = t.float()
    elif str(t.dtype) == "torch.complex32":
        t = t.to(reference.complex64)
    return np.asarray(t.numpy(force=True))


def difference(got, want, where="result", shapes_only=False, tolerance=None) -> str | None:
    """How two results differ, or None."""
    if isinstance(want, reference.Tensor):
        if not isinstance(got, plugtorch.Tensor):
            return f"{where}: {type(got).__name__} instead of a tensor"
        if str(got.dtype) != str(want.dtype):
            return f"{where}: {got.dtype} instead of {want.dtype}"
        if tuple(got.shape) != tuple(want.shape):
            return f"{where}: shape {tuple(got.shape)} instead of {tuple(want.shape)}"
        if shapes_only:
            return None
        rtol, atol = _TOLERANCES.get(str(want.dtype).removeprefix("torch."), (0, 0))
        if tolerance is not None:
            rtol, atol = max(rtol, tolerance[0]), max(atol, tolerance[1])
        a, b = host(got), host(want)
        if not np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True):
            wrong = ~np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
            return f"{where}: {wrong.sum()} of {wrong.size} differ, {a[wrong][0]} instead of {b[wrong][0]}"
        return None
    if isinstance(want, (list, tuple)):
        if len(got) != len(want):
            return f"{where}: {len(got)} entries instead of {len(want)}"
        found = (difference(g, w, f"{where}[{i}]", shapes_only, tolerance) for i, (g, w) in enumerate(zip(got, want)))
        return next((text for text in found if text), None)
    if shapes_only or isinstance(want, float) and np.isclose(got, want, rtol=1e-4):
        return None
    return None if str(got) == str(want) else f"{where}: {got!r} instead of {want!r}"
