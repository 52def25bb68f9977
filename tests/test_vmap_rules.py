"""Every op under ``vmap`` against a loop over the samples: each operand mapped alone, and all together."""

from __future__ import annotations

import numpy as np
import pytest

import plugtorch as torch
from plugtorch.autograd.record import apply
from plugtorch.conformance.samples import SAMPLES
from plugtorch.frontend.creation import from_numpy
from plugtorch.spec.op import OPS
from plugtorch.transforms.batching import RULES

WITHOUT_ARRAYS = {"from_host", "to_host", "full", "arange"}
DATA_DEPENDENT = {"nonzero"}
MAPPED = sorted(set(SAMPLES) & set(OPS) - WITHOUT_ARRAYS - DATA_DEPENDENT)
LENGTH = 3
NESTED = ["add", "matmul", "conv", "take", "index", "index_put", "gather", "scatter", "sum", "softmax", "concat",
          "linear", "sort", "layer_norm", "lstm_layer", "max_pool", "reshape", "slice_put", "embedding", "cumsum"]


def variants(x):
    """Three arrays like x, different where that keeps them valid operands."""
    if x.dtype.kind in "fc" or x.dtype.name == "bfloat16":
        with np.errstate(all="ignore"):
            return [x, *(np.asarray(x * c).astype(x.dtype) for c in (0.5, 0.75))]
    if x.dtype.kind == "b":
        return [x, np.asarray(~x), x]
    flat = x.reshape(-1)
    return [x, np.roll(flat, 1).reshape(x.shape), flat[::-1].reshape(x.shape)]


def columns(operands, mapped):
    """Per operand the list of its samples; the same one three times where it is not mapped."""
    return [variants(o) if n in mapped else [o] * LENGTH for n, o in enumerate(operands)]


def on_device(o):
    return from_numpy(np.array(o, order="C")) if isinstance(o, np.ndarray) else o


def host(t):
    return t.double().numpy() if t.dtype is torch.bfloat16 else t.numpy()


def as_tuple(result):
    return result if isinstance(result, tuple) else (result,)


def loop(name, table, params):
    """The op on each sample; None where it refuses one."""
    rows = []
    for row in zip(*table, strict=True):
        try:
            rows.append(as_tuple(apply(name, tuple(map(on_device, row)), params)))
        except (RuntimeError, IndexError, ZeroDivisionError):
            return None
    return [np.stack([host(r[n]) for r in rows]) for n in range(len(rows[0]))]


def choices(operands):
    arrays = [n for n, o in enumerate(operands) if isinstance(o, np.ndarray)]
    return [{n} for n in arrays] + ([set(arrays)] if len(arrays) > 1 else [])


@pytest.mark.one_backend
@pytest.mark.parametrize("name", MAPPED)
def test_op_equals_loop(name, backend):
    """The rules are written in ops that every backend has; they are tried in full on one."""
    compare(name, SAMPLES[name])


@pytest.mark.parametrize("name", NESTED)
def test_op_equals_loop_everywhere(name):
    compare(name, SAMPLES[name][:2])


def compare(name, samples):
    compared = 0
    for sample in samples:
        for mapped in choices(sample.operands):
            table = columns(sample.operands, mapped)
            expected = loop(name, table, sample.params)
            if expected is None:
                continue
            arguments = [on_device(np.stack(c)) if n in mapped else on_device(c[0]) for n, c in enumerate(table)]
            in_dims = tuple(0 if n in mapped else None for n in range(len(table)))
            got = as_tuple(torch.vmap(lambda *o, s=sample: apply(name, o, s.params), in_dims)(*arguments))
            for g, e in zip(got, expected, strict=True):
                assert tuple(g.shape) == e.shape, (sample, mapped)
                loose = 2e-2 if g.dtype.itemsize == 2 else 2e-5 if g.dtype.itemsize == 4 else 1e-9
                np.testing.assert_allclose(host(g), e, rtol=loose, atol=loose, equal_nan=True,
                                           err_msg=f"{sample}, mapped {sorted(mapped)}")
            compared += 1
    assert compared


@pytest.mark.one_backend
def test_every_primitive_has_a_rule():
    """Without one an op runs once per sample."""
    special = WITHOUT_ARRAYS | DATA_DEPENDENT
    assert [op.name for op in OPS.values() if op.primitive and op.name not in RULES and op.name not in special] == []


@pytest.mark.parametrize("name", NESTED)
def test_two_levels(name):
    """The first operand mapped by the outer function, the last one by the inner."""
    for sample in SAMPLES[name][:2]:
        arrays = [n for n, o in enumerate(sample.operands) if isinstance(o, np.ndarray)]
        first, last = arrays[0], arrays[-1]
        outer, inner = columns(sample.operands, {first}), columns(sample.operands, {last})
        expected = []
        for i in range(LENGTH):
            table = [([outer[n][i]] * LENGTH if n == first else c) if n != last or first == last else c
                     for n, c in enumerate(inner)]
            if first == last:
                table[first] = [outer[first][i]] * LENGTH
            expected.append(loop(name, table, sample.params))
        arguments = [on_device(np.stack(outer[n])) if n == first else on_device(np.stack(inner[n])) if n == last
                     else on_device(o) for n, o in enumerate(sample.operands)]
        outer_dims = tuple(0 if n == first else None for n in range(len(arguments)))
        inner_dims = tuple(0 if n == last else None for n in range(len(arguments)))
        if first == last:  # one operand: mapped outside, and the same inside
            function = lambda *o, s=sample: torch.vmap(lambda _, *p: apply(name, p, s.params), (0, *(None,) * len(o)))(
                torch.zeros(LENGTH), *o)
        else:
            function = torch.vmap(lambda *o, s=sample: apply(name, o, s.params), inner_dims)
        got = as_tuple(torch.vmap(function, outer_dims)(*arguments))
        for n, g in enumerate(got):
            np.testing.assert_allclose(host(g), np.stack([row[n] for row in expected]), rtol=1e-9, atol=1e-9,
                                       equal_nan=True, err_msg=str(sample))
