"""Values, dtype, shape and device of every op against its reference, in double precision and on special values."""

from __future__ import annotations

import dataclasses

import numpy as np

from plugtorch.spec import OPS, Abstract, infer
from plugtorch.spec.dtypes import BY_NAME, DType

from ..check import SINGLE_OF, Bench, Check, as_tuple, dtype_names, numbered
from ..samples import SAMPLES, Sample

SINGLE = (np.float32, np.complex64)
SINGLES = {BY_NAME[double]: BY_NAME[single] for double, single in SINGLE_OF.items()}


def spec_of(o):
    """What the shape rules see of a host operand."""
    return Abstract(o.shape, BY_NAME[o.dtype.name]) if isinstance(o, np.ndarray) else o


def needed_dtypes(s: Sample) -> frozenset[str]:
    """The dtypes of a sample's operands, parameters and results."""
    results = ()
    if s.op not in ("from_host", "to_host"):
        results = as_tuple(infer(s.op, *map(spec_of, s.operands), **s.params))
    return dtype_names(*s.operands, *s.params.values()) | {r.dtype.name for r in results}


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


def shown(operands) -> str:
    """Operands for a message, cut short."""
    return "operands " + ", ".join(np.array2string(o, threshold=24, precision=6) if isinstance(o, np.ndarray) else repr(o)
                                   for o in operands)


def compare(results, expected, rtol, atol, signs=False, operands=()):
    """Whole numbers and bools exactly, others within ``atol + rtol * |expected|``; nan equals nan."""
    try:
        _compare(results, expected, rtol, atol, signs)
    except AssertionError as error:
        raise AssertionError(f"{str(error).strip()}\n{shown(operands)}") from None


def _compare(results, expected, rtol, atol, signs):
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
    doubles, operands = s.operands, tuple(bench.fitted(o) for o in s.operands)
    params = {n: SINGLES.get(v, v) if bench.narrow and isinstance(v, DType) else v for n, v in s.params.items()}
    if params != s.params or any(a is not b for a, b in zip(operands, s.operands, strict=True)):
        s = dataclasses.replace(s, operands=operands, params=params)
    results = run(bench, s, operands, kernel)
    if s.check is not None:
        s.check(results, operands, params)
        return
    single = any(isinstance(o, np.ndarray) and o.dtype in SINGLE for o in operands)
    tolerance = (1e-4 if bench.narrow else 1e-5 if single else 1e-10 * s.tolerance) * bench.slack
    # The reference computes in doubles, from the operands as they were rounded.
    exact = (o.astype(d.dtype) if isinstance(d, np.ndarray) else o for o, d in zip(operands, doubles, strict=True))
    with np.errstate(all="ignore"):
        expected = s.reference(*exact, **params)
    compare(results, expected, tolerance, tolerance, s.signs, operands)


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


def fits(s: Sample) -> bool:
    """Whether a sample says something in single precision, too: it is not about digits or sizes that only doubles have."""
    with np.errstate(over="ignore"):
        finite = all(np.isfinite(o).sum() == np.isfinite(o.astype(SINGLE_OF[o.dtype.name])).sum() for o in s.operands
                     if isinstance(o, np.ndarray) and o.dtype.name in SINGLE_OF)
    return finite and s.op not in ("from_host", "to_host", "bitcast", "cast") and s.tolerance < 1e3


def checks():
    """Every sample; those of special operands stand in the chapter of special values."""
    for op, samples in SAMPLES.items():
        for name, s in numbered(samples):
            chapter = "special" if s.features else "values"
            yield Check(chapter, op, name, lambda bench, s=s: check_values(bench, s), needed_dtypes(s), fits=fits(s))
        plain = [(n, s) for n, s in numbered(samples) if s.check is None and not s.features & {"nan", "inf", "empty"}]
        if not OPS[op].primitive and op not in ("zeros_like", "ones_like"):
            for name, s in plain[:2]:
                yield Check("composition", op, name, lambda bench, s=s: check_composition(bench, s), needed_dtypes(s),
                            fits=fits(s))
        for name, s in [(n, s) for n, s in plain if any(np.ndim(o) > 0 for o in s.operands if o is not None)][:1]:
            if op not in ("from_host", "to_host", "bitcast", "as_strided"):
                yield Check("layout", op, name, lambda bench, s=s: check_layout(bench, s), needed_dtypes(s), "aliases",
                            fits(s))
