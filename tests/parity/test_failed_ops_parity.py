"""An op that fails leaves its operands and ``out=`` tensors as they were, and an ``out=`` form does what PyTorch's does."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")

import op_database as db  # noqa: E402
from test_error_inputs_parity import raised, snapshot, unchanged  # noqa: E402

import plugtorch  # noqa: E402

# PyTorch's histogramdd has none either; sparse results have no dense one.
NO_OUT = {"histogramdd", "sparse.sampled_addmm"}
OUT = sorted(name for name, op in db.database().items()
             if op.supports_out and torch.float32 in op.dtypes and name not in NO_OUT)
INPLACE = sorted(name for name in dir(plugtorch.Tensor) if name.endswith("_") and not name.startswith("_"))
# They take no operands that could be wrong, or what is wrong for others is right for them.
TAKES_ANYTHING = {"share_memory_", "requires_grad_", "detach_"}


def _ours(op):
    sample = db.samples(op, torch.float32, 1)[0]
    function = db.function_of(op)
    args, kwargs = [db.ours(sample.input), *db.ours(list(sample.args))], db.ours(dict(sample.kwargs))
    return function, args, kwargs


def _wrong_out(result, dtype):
    """Tensors of one number and a dtype in the places of a result's tensors."""
    made = [plugtorch.full(tuple(t.shape), 7).to(dtype) for t in db.tensors_in(result)]
    return made[0] if isinstance(result, plugtorch.Tensor) else tuple(made)


def _fault(name):
    op = db.database()[name]
    function, args, kwargs = _ours(op)
    result = function(*args, **kwargs)
    if not db.tensors_in(result) or any(t.dtype is plugtorch.bool for t in db.tensors_in(result)):
        return None
    out = _wrong_out(result, plugtorch.bool)
    before = snapshot([args, kwargs, out])
    if raised(lambda: function(*args, **kwargs, out=out)) is None:
        return "an out= of dtype bool is written"
    if not unchanged(before, snapshot([args, kwargs, out])):
        return "a refused out= changed something"
    right = [plugtorch.zeros(tuple(t.shape)).to(t.dtype) for t in db.tensors_in(result)]
    right = right[0] if isinstance(result, plugtorch.Tensor) else tuple(right)
    error = raised(lambda: function(*args, **kwargs, out=right))
    if error is not None:
        return f"out= raises {type(error).__name__}: {error}"
    same = all(np.array_equal(db.host(a), db.host(b), equal_nan=db.host(a).dtype.kind in "fc")
               for a, b in zip(db.tensors_in(right), db.tensors_in(result)))
    return None if same or op.name in db.SHAPES_ONLY else "out= holds something else than the result"


def test_out_forms():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        faults = {name: why for name in OUT if (why := _fault(name))}
    assert faults == {}
    assert len(OUT) > 250


WRONG = [
    (plugtorch.ones(5),), ("no tensor",), (plugtorch.ones(3, 4, dtype=plugtorch.complex64),), (plugtorch.ones(2, 3, 4),),
    (9, plugtorch.tensor([0]), plugtorch.ones(3, 1)), (0, plugtorch.tensor([17]), 1.0), (0, plugtorch.tensor([17]),
                                                                                         plugtorch.ones(1, 4)),
    (plugtorch.ones(5), plugtorch.ones(5)), (plugtorch.tensor([True]), "no number"), (-1, "no number"), (), (3.5, "x", None),
]


@pytest.mark.parametrize("requires_grad", [False, True])
def test_in_place_forms(requires_grad):
    """Calls that every in-place method refuses, one or another; a leaf that requires grad refuses them all."""
    changed, refused = [], 0
    for name in INPLACE:
        for wrong in WRONG:
            x = plugtorch.arange(12.0).reshape(3, 4).clone().requires_grad_(requires_grad)
            before = snapshot([x, list(wrong)])
            error = raised(functools.partial(getattr(x, name), *wrong))
            refused += error is not None
            if error is not None and not unchanged(before, snapshot([x, list(wrong)])):
                changed.append(f"{name}{wrong}: {type(error).__name__}: {error}")
            if requires_grad and error is None and name not in TAKES_ANYTHING and x._version:
                changed.append(f"{name}{wrong} wrote to a leaf that requires grad")
    assert changed == []
    assert refused > 5 * len(INPLACE)
