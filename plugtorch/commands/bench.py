"""``plugtorch bench``: a backend's kernel of an op against the op's composition on the same backend."""

from __future__ import annotations

import sys

import numpy as np

SIZES = (10, 1_000, 100_000, 4_000_000)


def add_parser(commands):
    parser = commands.add_parser("bench", help="measure a backend's kernel of a derived op against its composition")
    parser.add_argument("op", help="name of a derived op")
    parser.add_argument("--backend", default="numpy", help="name of the backend (default: numpy)")
    return parser


def examples(op):
    """Operands and parameters to measure with: lines of several lengths for an op of single elements, else the largest
    samples of the conformance suite in single precision."""
    from plugtorch.conformance.samples import SAMPLES

    smooth = [s for s in SAMPLES[op.name] if s.grad and all(
        not isinstance(o, np.ndarray) or o.dtype == np.float64 or o.dtype.kind in "iub" for o in s.operands)]
    if op.family in ("elementwise", "activation", "comparison"):
        rng = np.random.default_rng(0)
        for n in SIZES:
            yield tuple(rng.uniform(0.5, 0.9, n).astype(np.float32) for _ in op.operands), smooth[0].params if smooth else {}
        return
    for s in sorted(smooth, key=lambda s: sum(np.size(o) for o in s.operands))[-3:]:
        yield tuple(o.astype(np.float32) if isinstance(o, np.ndarray) and o.dtype == np.float64 else o
                    for o in s.operands), s.params


def main(args) -> int:
    from plugtorch.spec import OPS, load_backend
    from plugtorch.spec.half import composition
    from plugtorch.spec.registry import BackendUnavailable, Replacement

    from .backends import measure

    op = OPS.get(args.op)
    if op is None or op.primitive:
        print(f"plugtorch: {args.op!r} is no derived op; only these have a composition to be measured against",
              file=sys.stderr)
        return 2
    try:
        k = load_backend(args.backend)
    except BackendUnavailable as error:
        print(f"plugtorch: {error}", file=sys.stderr)
        return 2
    body = composition(op)

    def composed(*operands, **params):
        return body(k, *operands, **params)

    for operands, params in examples(op):
        replacement = Replacement(op.name, "", getattr(k, op.name), composed, lambda v=(operands, params): v)
        ratio, shown = measure(k, replacement)
        print(f"{op.name} on {args.backend}: {ratio:6.2f} times as fast as its composition on {shown}")
    return 0
