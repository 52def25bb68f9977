"""``plugtorch backends``: what is installed, and with ``-v`` which kernels plugins replaced and what that brings."""

from __future__ import annotations

import time

import numpy as np

BATCH = 0.02  # seconds of repeated calls per timing
ROUNDS = 5


def add_parser(commands):
    parser = commands.add_parser("backends", help="list installed backends")
    parser.add_argument("-v", "--verbose", action="store_true",
                        help="show causes in full, where plugins come from, and kernels that plugins replaced, measured")
    return parser


def measure(k, replacement) -> tuple[float, str] | None:
    """How many times as fast a plugin's kernel is as the backend's own, and on which operands; None if it cannot be
    told. The best of five alternating rounds counts on each side."""
    if replacement.example is not None:
        operands, params = replacement.example()
    else:
        from plugtorch.conformance.samples import SAMPLES

        samples = [s for s in SAMPLES.get(replacement.op, ()) if s.grad]
        if not samples:
            return None
        best = max(samples, key=lambda s: sum(np.size(o) for o in s.operands))
        operands, params = best.operands, best.params
    device = k.default_device()
    arrays = [k.from_host(o, device=device) if isinstance(o, np.ndarray) else o for o in operands]

    def seconds(kernel, calls):
        begin = time.perf_counter()
        for _ in range(calls):
            kernel(*arrays, **params)
        k.synchronize()
        return (time.perf_counter() - begin) / calls

    pair = (replacement.own, replacement.kernel)
    for kernel in pair:
        seconds(kernel, 1)  # compiles, warms caches
    calls = [max(1, min(1000, int(BATCH / max(seconds(kernel, 1), 1e-7)))) for kernel in pair]
    rounds = [[seconds(kernel, n) for kernel, n in zip(pair, calls, strict=True)] for _ in range(ROUNDS)]
    own, other = (min(column) for column in zip(*rounds, strict=True))
    shown = ", ".join(f"{o.dtype}{list(o.shape)}" if isinstance(o, np.ndarray) else repr(o) for o in operands)
    return own / other, shown


def list_backends(verbose: bool = False) -> str:
    """A table of the installed backends: version, devices, and the cause where one cannot load."""
    from plugtorch.frontend.state import get_backend
    from plugtorch.spec.registry import BackendUnavailable, backend_names, describe, load_backend, replacements

    rows, notes = [], []
    for name in backend_names():
        try:
            k = load_backend(name)
            rows.append((name, "available", k.library_version, ", ".join(map(str, k.devices()))))
        except BackendUnavailable as error:
            k = None
            rows.append((name, "unavailable", "-", str(error) if verbose else str(error).splitlines()[0]))
        if verbose:
            offer, _, _ = describe(name)
            if offer is not None:
                rows[-1] = (*rows[-1][:3], f"{rows[-1][3]}  [plugin {offer.plugin}]")
            for replacement in replacements(name).values() if k is not None else ():
                found = measure(k, replacement)
                notes.append(f"{name}: {replacement.op} is computed by plugin {replacement.plugin}" + (
                    f", {found[0]:.2f} times as fast as the backend's own kernel on {found[1]}" if found else ""))
            for op, reason in k.unsupported.items() if k is not None else ():
                notes.append(f"{name}: no {op} ({reason})")
    header = ("backend", "state", "version", "devices or cause")
    widths = [max(len(str(row[i])) for row in (header, *rows)) for i in range(3)]
    lines = ["  ".join([*(str(v).ljust(w) for v, w in zip(row, widths, strict=False)), str(row[3])])
             for row in (header, *rows)]
    return "\n".join([*lines, *notes, f"default: {get_backend()}"])


def main(args) -> int:
    print(list_backends(args.verbose))
    return 0
