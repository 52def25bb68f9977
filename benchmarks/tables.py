"""Results as tables, in Markdown that reads well as plain text, and as JSON."""

from __future__ import annotations

import importlib.metadata
import os
import platform


def table(head, rows):
    """Lines of a table: the first column to the left, the others to the right."""
    cells = [head, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]

    def line(row):
        return "| " + " | ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]) + " |"

    return [line(head), "|" + "|".join(["-" * (widths[0] + 2), *("-" * (w + 1) + ":" for w in widths[1:])]) + "|",
            *map(line, rows)]


def circumstances(threads):
    """The versions of the libraries and what else the figures depend on, in a line."""
    found = [f"Python {platform.python_version()}"]
    for name in ("numpy", "torch", "jax"):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"no {name}")
    found += [f"{name}={os.environ[name]}" for name in ("OPENBLAS_CORETYPE", "JAX_PLATFORMS") if name in os.environ]
    return f"{', '.join(found)}; {platform.machine()}, {threads} thread{'s' if threads > 1 else ''}"


def number(value):
    """Three digits, and no more after the point than they need."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def _cell(workload, result, reference):
    if result is None:
        return "-"
    if result.error:
        return "error"
    text = number(result.median * workload.scale)
    if reference is not None and reference.median:
        text += f" ({result.median / reference.median:.2f})"
    return text + ("" if result.agrees else " !")


def report(contenders, measured):
    """Lines for ``measured``, a list of ``(workload, results)``: times with their ratios to PyTorch eager, what the
    first steps cost, and what failed."""
    names = [c.name for c in contenders]
    head = ["", *(c.title for c in contenders)]
    rows = [[f"{w.name}, {w.unit}", *(_cell(w, r.get(n), r.get("torch")) for n in names)] for w, r in measured]
    lines = [*table(head, rows), ""]
    lines.append(f"Medians of interleaved slices{', in brackets the ratio to PyTorch eager' if 'torch' in names else ''}.")
    slow = [(w, r) for w, r in measured if any((v.warm_up or 0) > 0.5 for v in r.values())]
    if slow:
        lines += ["", "Seconds that the first three steps took beyond three later ones (start of libraries, compilation):",
                  ""]
        lines += table(head, [[w.name, *(number(r[n].warm_up) if n in r and r[n].slices else "-" for n in names)]
                              for w, r in slow])
    apart = [f"{w.name}, {c.title}: {r[c.name].losses}, {reference(r)}"
             for w, r in measured for c in contenders if c.name in r and not r[c.name].agrees]
    if apart:
        lines += ["", "! Losses of the first steps that are not those of the others:", *apart]
    failed = {}
    for w, r in measured:
        for c in contenders:
            if c.name in r and r[c.name].error:
                failed.setdefault((c.title, r[c.name].error[:300]), []).append(w.name)
    if failed:
        lines += ["", "Errors:"] + [f"{title} ({', '.join(where) if len(where) < 8 else f'{len(where)} workloads'}): {error}"
                                    for (title, error), where in failed.items()]
    return lines


def reference(results):
    """What the losses were compared with, in words."""
    name, r = next((n, r) for n, r in [("torch", results.get("torch")), *results.items()] if r is not None and not r.error)
    return f"{name} {r.losses}"


def as_json(measured):
    """The figures of ``measured`` as a dict for :func:`json.dump`: seconds throughout."""
    return {w.name: {"title": w.title, "unit": w.unit, "scale": w.scale, "contenders": {
        name: {"error": r.error} if r.error else
        {"median": r.median, "slices": r.slices, "first": r.first, "losses": r.losses, "agrees": r.agrees}
        for name, r in results.items()}} for w, results in measured}
