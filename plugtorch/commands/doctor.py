"""``plugtorch doctor``: what is installed, what works, what does not and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import warnings

PACKAGES = ("numpy", "pluggy", "ml_dtypes", "threadpoolctl", "jax", "jaxlib", "cupy-cuda12x", "cupy-cuda13x", "torch",
            "scipy", "pytest")
VARIABLES = ("PLUGTORCH_HOST_FALLBACK", "PLUGTORCH_KEEP_MEMORY", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
             "OPENBLAS_CORETYPE", "MKL_NUM_THREADS", "JAX_PLATFORMS", "XLA_FLAGS", "CUDA_VISIBLE_DEVICES")


def add_parser(commands):
    return commands.add_parser("doctor", help="check the installation: versions, plugins, a training step per backend")


def versions() -> list[str]:
    """Python, the machine, and the packages that matter."""
    import plugtorch

    lines = [f"plugtorch {plugtorch.__version__}, Python {platform.python_version()} on {platform.platform()}, "
             f"{os.cpu_count()} cores", f"  from {os.path.dirname(plugtorch.__file__)}"]
    for name in PACKAGES:
        try:
            lines.append(f"  {name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    lines += [f"  {v}={os.environ[v]}" for v in VARIABLES if v in os.environ]
    return lines


def blas() -> list[str]:
    """The numerical libraries that NumPy loaded and their threads."""
    import threadpoolctl

    return [f"  {i['internal_api']} {i.get('version') or ''}: {i['num_threads']} threads ({i.get('architecture', '')})"
            for i in threadpoolctl.threadpool_info()]


def step(name: str) -> float:
    """The loss after three training steps of a small network on a backend.

    Raises:
        RuntimeError: the loss did not fall.
    """
    import plugtorch as torch
    import plugtorch.nn
    import plugtorch.optim  # noqa: F401

    with torch.backend(name), torch.random.fork_rng():
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        x = torch.randn(16, 4)
        losses = []
        for _ in range(4):
            optimizer.zero_grad()
            loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if not losses[-1] < losses[0]:
            raise RuntimeError(f"the loss of a small network did not fall: {losses}")
        return losses[-1]


def examine() -> tuple[list[str], int]:
    """The report, and how many things are wrong."""
    from plugtorch.spec import registry

    lines, problems = [*versions(), *blas(), "backends"], 0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", registry.PluginWarning)
        for name in registry.backend_names():
            try:
                k = registry.load_backend(name)
            except registry.BackendUnavailable as error:
                # A first-party backend whose library is not installed is no fault.
                absent = isinstance(error.__cause__, ModuleNotFoundError)
                problems += not absent
                lines.append(f"  {name}: {'not installed' if absent else 'BROKEN'}: {error}")
                continue
            try:
                lines.append(f"  {name} {k.library_version} on {', '.join(map(str, k.devices()))}: works "
                             f"(loss {step(name):.6f} after three steps)")
            except Exception as error:
                problems += 1
                lines.append(f"  {name}: BROKEN: {type(error).__name__}: {error}. `plugtorch conformance {name}` tells more")
            for r in registry.replacements(name).values():
                lines.append(f"    {r.op} by plugin {r.plugin}")
        registry.load_op_plugins()
    lines.append("plugins")
    causes = registry.failed_plugins()
    lines += [f"  {name}: {source}" for name, source in registry.plugin_sources().items()]
    unmet = [n for n in causes if n not in registry.backend_names()]
    lines += [f"  {n}: IGNORED: {type(causes[n]).__name__}: {causes[n]}" for n in unmet]
    lines += [f"  WARNING: {w.message}" for w in caught if issubclass(w.category, registry.PluginWarning)
              and not any(f"{n!r} is ignored" in str(w.message) for n in unmet)]
    problems += len(unmet)
    lines.append("all is well" if not problems else f"{problems} problem{'s' if problems > 1 else ''} found")
    return lines, problems


def main(args) -> int:
    lines, problems = examine()
    print("\n".join(lines), file=sys.stdout)
    return 1 if problems else 0
