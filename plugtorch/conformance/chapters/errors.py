"""What a backend refuses, with which exception, and that a failed op leaves its operands as they were."""

from __future__ import annotations

import re

import numpy as np

import plugtorch as torch
from plugtorch.autograd.record import apply
from plugtorch.spec import dtypes

from ..check import Bench, Check, dtype_names

ONE_BY_NOTHING = np.zeros((2, 0))
NOT_DEFINITE = np.array([[1.0, 2.0], [2.0, 1.0]])
WHOLE = np.array([3, 4])

# op, exception, pattern of the message, operands, parameters
REFUSED = [
    *(
        (op, RuntimeError, "must match the size of tensor b", (np.ones((2, 3)), np.ones(4)), {})
        for op in (
            "add",
            "sub",
            "mul",
            "div",
            "pow",
            "maximum",
            "minimum",
            "atan2",
            "eq",
            "lt",
            "le",
            "ne",
            "gt",
            "ge",
            "hypot",
            "logaddexp",
            "mul_conj",
            "remainder",
            "floor_divide",
            "fmod",
        )
    ),
    ("where", RuntimeError, "must match the size", (np.array([True]), np.ones((2, 3)), np.ones(4)), {}),
    ("lerp", RuntimeError, "must match the size", (np.ones((2, 3)), np.ones(4), 0.5), {}),
    *(
        (op, RuntimeError, "must match the size", (np.ones((2, 3), np.int64), np.ones(4, np.int64)), {})
        for op in ("bit_and", "bit_or", "bit_xor", "shift_left", "shift_right")
    ),
    *(
        (op, ZeroDivisionError, "", (WHOLE, zero), {})
        for op in ("floor_divide", "remainder", "fmod")
        for zero in (0, np.array([1, 0]))
    ),
    *((op, IndexError, "", (ONE_BY_NOTHING,), {"axis": (1,)}) for op in ("max", "min")),
    ("matmul", RuntimeError, "cannot be multiplied", (np.ones((2, 3)), np.ones((2, 3))), {}),
    ("matmul", RuntimeError, "", (np.ones((2, 2, 3)), np.ones((3, 3, 4))), {}),
    ("bitcast", RuntimeError, "must be divisible", (np.ones(3, np.float32),), {"dtype": dtypes.float64}),
]

# The same through tensors: PyTorch's exceptions, whatever the array library raises.
PROGRAMS = {
    "cholesky, not definite": (
        torch.linalg.LinAlgError,
        "order 2 is not positive-definite",
        lambda x: torch.linalg.cholesky(torch.tensor(NOT_DEFINITE)),
    ),
    "solve, singular": (
        torch.linalg.LinAlgError,
        "the input matrix is singular",
        lambda x: torch.linalg.solve(torch.ones(2, 2), torch.ones(2)),
    ),
    "reshape": (RuntimeError, "invalid for input of size 6", lambda x: x.reshape(4, 2)),
    "index too far": (IndexError, "out of bounds", lambda x: x[torch.tensor([0, 2])]),
    "integer index too far": (IndexError, "out of (bounds|range)", lambda x: x[5]),
    "index_select too far": (
        (IndexError, RuntimeError),
        "out of (range|bounds)",
        lambda x: x.index_select(0, torch.tensor([7])),
    ),
    "gather too far": (RuntimeError, "out of bounds", lambda x: x.gather(0, torch.tensor([[5, 0, 0]]))),
    "dimension": (IndexError, "Dimension out of range", lambda x: x.sum(2)),
    "cat": (RuntimeError, "Sizes of tensors must match", lambda x: torch.cat([x, torch.ones(2, 4)])),
    "stack": (RuntimeError, "equal size", lambda x: torch.stack([x, torch.ones(2, 4)])),
    "mm": (RuntimeError, "cannot be multiplied", lambda x: x @ x),
    "expand": (RuntimeError, "must match the existing size", lambda x: x.expand(2, 4)),
    "max of nothing": ((IndexError, RuntimeError), "", lambda x: x[:0].max()),
    "embedding": (IndexError, "", lambda x: torch.nn.functional.embedding(torch.tensor([9]), x)),
    "cross entropy": (IndexError, "out of bounds", lambda x: torch.nn.functional.cross_entropy(x, torch.tensor([0, 5]))),
    "item": (RuntimeError, "cannot be converted to Scalar", lambda x: x.item()),
    "in place cast": (RuntimeError, "can't be cast", lambda x: x.long().add_(0.5)),
    "integer division": ((ZeroDivisionError, RuntimeError), "", lambda x: x.long() // 0),
}


def check_refused(bench: Bench, op, exception, pattern, operands, params):
    """The op raises on tensors, and they keep their values.

    Shapes that do not fit are the spec's to explain (``plugtorch.spec.refuse``): whatever the library raises, users
    meet PyTorch's words. Errors of values are the kernel's own.
    """
    operands = [bench.fitted(o) for o in operands]
    tensors = [bench.tensor(o) if isinstance(o, np.ndarray) else o for o in operands]
    expect(exception, pattern, lambda: apply(op, tuple(tensors), params))
    for t, o in zip(tensors, operands, strict=True):
        if isinstance(o, np.ndarray):
            np.testing.assert_array_equal(bench.host(t._a), o, "an operand was modified")


def check_program(bench: Bench, exception, pattern, program):
    """The function raises, and its tensor keeps its values."""
    x = torch.arange(6.0).reshape(2, 3)
    expect(exception, pattern, lambda: program(x))
    assert x.tolist() == [[0, 1, 2], [3, 4, 5]] and x._version == 0


def expect(exception, pattern, call):
    """Fails unless ``call()`` raises ``exception`` with a message that matches."""
    try:
        result = call()
    except exception as error:
        assert re.search(pattern, str(error)), f"the message {str(error)!r} does not match {pattern!r}"
        return
    except Exception as error:
        raise AssertionError(f"{named(exception)} was expected, not {type(error).__name__}: {error}") from error
    raise AssertionError(f"{named(exception)} was expected; nothing was raised, and the result is {result!r}")


def named(exception) -> str:
    """The name of an exception class, or of several."""
    kinds = exception if isinstance(exception, tuple) else (exception,)
    return " or ".join(e.__name__ for e in kinds)


def check_unknown_dtype(bench: Bench):
    """An array of no tensor dtype is refused, never narrowed."""
    for strange in (np.array(["a", "b"]), np.array([1, 2], np.dtype("datetime64[s]"))):
        expect((TypeError, ValueError), "", lambda strange=strange: bench.k.dtype_of(bench.put(strange)))


def checks():
    """Kernels first, then functions on tensors."""
    seen = {}
    for op, exception, pattern, operands, params in REFUSED:
        seen[op] = seen.get(op, -1) + 1
        yield Check(
            "errors",
            op,
            str(seen[op]),
            lambda bench, args=(op, exception, pattern, operands, params): check_refused(bench, *args),
            dtype_names(*operands, *params.values()),
            fits=op != "bitcast",
        )
    yield Check("errors", "from_host", "unknown dtypes", check_unknown_dtype)
    for name, program in PROGRAMS.items():
        yield Check("errors", "programs", name, lambda bench, program=program: check_program(bench, *program))
