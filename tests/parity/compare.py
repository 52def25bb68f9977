"""One snippet, run with PyTorch and with plugtorch, and its two outcomes compared."""

from __future__ import annotations

import math

import numpy as np
import torch as reference

import plugtorch

_SMALL = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 2e-5, "complex64": 2e-5}


def outcome(source: str, module):
    """What a snippet gives: the exception it raises, or the value of its last line (an expression)."""
    *body, last = [line for line in source.strip().split(";") if line.strip()]
    scope = {"torch": module, "np": np, "math": math}
    try:
        with np.errstate(all="ignore"):
            exec(";".join(line.strip() for line in body), scope)
            return eval(last.strip(), scope)
    except Exception as error:
        return error


def _host(t):
    t = t.detach()
    if str(t.dtype) == "torch.bfloat16":
        t = t.to(t.float().dtype)
    return np.asarray(t.resolve_conj().resolve_neg().numpy() if hasattr(t, "resolve_neg") else t.numpy())


def _same_value(got, want, where, tolerance):
    if isinstance(want, reference.Tensor):
        assert isinstance(got, plugtorch.Tensor), f"{where}: {type(got).__name__} instead of a tensor"
        assert str(got.dtype) == str(want.dtype), f"{where}: dtype {got.dtype} != {want.dtype}"
        assert tuple(got.shape) == tuple(want.shape), f"{where}: shape {tuple(got.shape)} != {tuple(want.shape)}"
        assert got.requires_grad == want.requires_grad, f"{where}: requires_grad is {got.requires_grad}"
        rtol = tolerance or _SMALL.get(str(want.dtype).removeprefix("torch."), 1e-9)
        np.testing.assert_allclose(_host(got), _host(want), rtol=rtol, atol=rtol, err_msg=where)
    elif isinstance(want, (tuple, list)):
        assert type(got).__name__ == type(want).__name__, f"{where}: {type(got)} instead of {type(want)}"
        assert len(got) == len(want), f"{where}: {len(got)} entries instead of {len(want)}"
        for n, (g, w) in enumerate(zip(got, want)):
            _same_value(g, w, f"{where}[{n}]", tolerance)
    elif isinstance(want, np.ndarray):
        assert got.dtype == want.dtype, f"{where}: dtype {got.dtype} != {want.dtype}"
        np.testing.assert_array_equal(got, want, err_msg=where)
    elif isinstance(want, (float, complex)):
        assert type(got) is type(want), f"{where}: {type(got)} instead of {type(want)}"
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-7, err_msg=where)
    elif isinstance(want, (bool, int, str, type(None))):
        assert type(got) is type(want) and got == want, f"{where}: {got!r} instead of {want!r}"
    else:
        assert str(got) == str(want), f"{where}: {got} instead of {want}"


def agree(source: str, message: str | None = None, tolerance: float | None = None) -> None:
    """Asserts that a snippet does the same in both.

    Statements are separated by ``;`` and the last is an expression, whose values, dtypes, shapes and types are
    compared; where PyTorch raises, the exception's type is, and with ``message`` both texts must contain it.
    """
    dtype = reference.get_default_dtype()
    try:
        want = outcome(source, reference)
    finally:
        reference.set_default_dtype(dtype)
    got = outcome(source, plugtorch)
    if isinstance(want, Exception):
        assert isinstance(got, Exception), f"{source}: should raise {type(want).__name__}: {want}; gave {got!r}"
        assert type(got).__name__ == type(want).__name__, f"{source}: {got!r} instead of {want!r}"
        if message is not None:
            assert message in str(want), f"{source}: PyTorch says {want}"
            assert message in str(got), f"{source}: {got} instead of {want}"
        return
    if isinstance(got, Exception):
        raise AssertionError(f"{source}: {type(got).__name__}: {got}") from got
    _same_value(got, want, source, tolerance)


def disagreements(sources) -> list[str]:
    """The first line of each disagreement among snippets: for tables too large to be one test per entry."""
    found = []
    for source in sources:
        try:
            agree(source)
        except AssertionError as error:
            found.append(next(line for line in str(error).split("\n") if line.strip())[:300] + f"   <- {source}")
    return found
