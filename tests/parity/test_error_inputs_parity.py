"""Wrong calls of PyTorch's op database: the same exception, a message as clear, and inputs that are as before."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")

import op_database as db  # noqa: E402

import plugtorch  # noqa: E402

# Where another exception is right.
KNOWN = {
    "__rdiv__ 0": "PyTorch's is that an int has no reciprocal(); ours says that the operand is no tensor",
    "__rdiv__ 1": "the same",
    "narrow_copy 1": "PyTorch's is a failed check of its own; ours says which dimensions there are",
}


def wrong_calls():
    """``(name, number, OpInfo, ErrorInput)`` of every wrong call that PyTorch refuses on a CPU."""
    for name, op in db.database().items():
        if op.error_inputs_func is None:
            continue
        torch.manual_seed(0)
        for n, wrong in enumerate(op.error_inputs("cpu")):
            if all(t.device.type == "cpu" and t.dim() <= 64 for t in db.tensors_in(
                    [wrong.sample_input.input, wrong.sample_input.args, list(wrong.sample_input.kwargs.values())])):
                yield name, n, op, wrong  # no array has more than 64 dimensions


def raised(call):
    """What a call raises, or None."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            call()
        except Exception as error:
            return error
    return None


def arguments(sample, convert):
    return [convert(sample.input), *convert(list(sample.args))], convert(dict(sample.kwargs))


def snapshot(values):
    """Values and state of tensors among arguments."""
    if isinstance(values, plugtorch.Tensor):
        return (db.host(values).copy(), tuple(values.shape), str(values.dtype), values._version, values.requires_grad,
                values.grad_fn)
    if isinstance(values, (list, tuple)):
        return [snapshot(v) for v in values]
    return {key: snapshot(v) for key, v in values.items()} if isinstance(values, dict) else None


def unchanged(before, after) -> bool:
    if isinstance(before, tuple):
        return np.array_equal(before[0], after[0], equal_nan=before[0].dtype.kind in "fc") and before[1:] == after[1:]
    if isinstance(before, list):
        return all(map(unchanged, before, after))
    return all(unchanged(before[key], after[key]) for key in before) if isinstance(before, dict) else True


def faults(name, op, wrong) -> list[str]:
    """What is wrong about the way plugtorch refuses a call."""
    sample = wrong.sample_input
    function = db.function_of(op)
    args, kwargs = arguments(sample, db.clones)
    want = raised(lambda: op.op(*args, **kwargs))
    if want is None:
        return []
    args, kwargs = arguments(sample, db.ours)
    before = snapshot([args, kwargs])
    got = raised(lambda: function(*args, **kwargs))
    text = f"{type(want).__name__}: {str(want).splitlines()[0][:150] if str(want) else ''}"
    found = []
    if got is None:
        found.append(f"nothing is raised instead of {text}")
    elif not isinstance(got, type(want)) and type(want).__name__ not in {c.__name__ for c in type(got).__mro__}:
        found.append(f"{type(got).__name__}: {str(got)[:100]} instead of {text}")
    if not unchanged(before, snapshot([args, kwargs])):
        found.append("an input was changed")
    return found


@pytest.fixture(scope="module")
def calls():
    return list(wrong_calls())


def test_wrong_calls_are_refused_as_pytorch_refuses_them(calls):
    found = {f"{name} {n}": why for name, n, op, wrong in calls if (why := faults(name, op, wrong))}
    assert {call: why for call, why in found.items() if call not in KNOWN} == {}
    assert set(KNOWN) <= set(found)
    assert len(calls) > 600
