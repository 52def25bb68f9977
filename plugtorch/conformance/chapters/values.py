"""Values, dtype, shape and device of every op against its reference, in double precision and on special values."""

from __future__ import annotations

import numpy as np

from plugtorch.spec import OPS, Abstract, infer
from plugtorch.spec.dtypes import BY_NAME

from ..check import Bench, Check, as_tuple, dtype_names, numbered
from ..samples import SAMPLES, Sample

SINGLE = (np.float32, np.complex64)


def spec_of(o):
    """What the shape rules see of a host operand."""
    return Abstract(o.shape, BY_NAME[o.dtype.name]) if isinstance(o, np.ndarray) else o


def run(bench: Bench, s: Sample, operands, kernel=None) -> list[np.ndarray]:
    """Results of a call as host arrays, after comparing shape, dtype and device with the spec, and looking whether
    an operand was modified."""
    k = bench.k
    params = {n: bench.device if n == "device" else v for n, v in s.params.items()}
    arrays = list(operands) if s.op == "from_host" else [bench.put(o) for o in operands]
    before = [None if s.op == "from_host" or not isinstance(o, np.ndarray) else bench.host(a)
              for a, o in zip(arrays, operands, strict=True)]
    got = (kernel or getattr(k, s.op))(*arrays, **params)
    assert isinstance(got, tuple) == (len(OPS[s.op].outputs) > 1), \
        f"{s.op} has {len(OPS[s.op].outputs)} results, and returned a {type(got).__name__}"
    if s.op == "to_host":
        assert isinstance(got, np.ndarray), f"to_host returned a {type(got).__name__}"
        return [np.array(got)]
    want = infer(s.op, *map(spec_of, operands), **s.params)
    for one, rule in zip(as_tuple(got), as_tuple(want), strict=True):
        if s.op != "nonzero":
            found = tuple(one.shape), k.dtype_of(one)
            assert found == (rule.shape, rule.dtype), f"{s.op} gave {found[1]}{list(found[0])}, the spec says {rule}"
        assert k.device_of(one) == bench.device, f"{s.op} gave a result on {k.device_of(one)}, not on {bench.device}"
    for i, (a, b) in enumerate(zip(arrays, before, strict=True)):
        assert b is None or bench.host(a).tobytes() == b.tobytes(), f"{s.op} modified its operand {i}"
    return [bench.host(v) for v in as_tuple(got)]


def compare(results, expected, rtol, atol, signs=False):
    """Whole numbers and bools exactly, others within ``atol + rtol * |expected|``; nan equals nan."""
    for got, want in zip(results, as_tuple(expected), strict=True):
        want = np.asarray(want)
        if got.dtype.kind in "biu":
            np.testing.assert_array_equal(got, want)
            continue
        wide = np.complex128 if got.dtype.kind == "c" else np.float64
        np.testing.assert_allclose(got.astype(wide), want.astype(wide), rtol=rtol, atol=atol)
        if signs:
            for a, b in ((got.real, want.real), (got.imag, want.imag)) if got.dtype.kind == "c" else ((got, want),):
                zeros = (a == 0) & (b == 0)
                np.testing.assert_array_equal(np.signbit(a[zeros]), np.signbit(b[zeros]), "signs of zeros")


def check_values(bench: Bench, s: Sample, kernel=None):
    """Runs a sample and compares it with its reference."""
    results = run(bench, s, s.operands, kernel)
    if s.check is not None:
        s.check(results, s.operands, s.params)
        return
    single = any(isinstance(o, np.ndarray) and o.dtype in SINGLE for o in s.operands)
    tolerance = (1e-5 if single else 1e-10 * s.tolerance) * bench.slack
    with np.errstate(all="ignore"):
        expected = s.reference(*s.operands, **s.params)
    compare(results, expected, tolerance, tolerance, s.signs)


def check_composition(bench: Bench, s: Sample):
    """The composition that defines a derived op, run on the backend."""
    k, body = bench.k, OPS[s.op].body
    check_values(bench, s, lambda *operands, **params: body(k, *operands, **params))


def check_layout(bench: Bench, s: Sample):
    """The same call on operands that are views with odd strides, made by the backend itself."""
    k = bench.k

    def spread(x):
        """``x`` as every second column of a wider array, read with its axes in reverse order."""
        turned = bench.host(x).T
        wide = np.repeat(turned, 2, axis=-1)
        rows = len(turned.shape)
        view = k.slice(bench.put(wide), start=(0,) * rows, stop=wide.shape, step=(*(1,) * (rows - 1), 2))
        return k.permute(view, axes=tuple(reversed(range(rows))))

    kernel = getattr(k, s.op)
    check_values(bench, s, lambda *arrays, **params: kernel(
        *(spread(a) if hasattr(a, "shape") and len(a.shape) > 0 else a for a in arrays), **params))


def checks():
    """Every sample; those of special operands stand in the chapter of special values."""
    for op, samples in SAMPLES.items():
        for name, s in numbered(samples):
            dtypes = dtype_names(*s.operands, *s.params.values())
            chapter = "special" if s.features else "values"
            yield Check(chapter, op, name, lambda bench, s=s: check_values(bench, s), dtypes)
        plain = [(n, s) for n, s in numbered(samples) if s.check is None and not s.features & {"nan", "inf", "empty"}]
        if not OPS[op].primitive and op not in ("zeros_like", "ones_like"):
            for name, s in plain[:2]:
                yield Check("composition", op, name, lambda bench, s=s: check_composition(bench, s),
                            dtype_names(*s.operands, *s.params.values()))
        for name, s in [(n, s) for n, s in plain if any(np.ndim(o) > 0 for o in s.operands if o is not None)][:1]:
            if op not in ("from_host", "to_host", "bitcast", "as_strided"):
                yield Check("layout", op, name, lambda bench, s=s: check_layout(bench, s), dtype_names(*s.operands),
                            "aliases")
