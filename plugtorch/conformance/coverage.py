"""Which ops a backend brings, inherits or lacks."""

from __future__ import annotations

import collections
import inspect

from plugtorch.spec import OPS
from plugtorch.spec.backend import Backend

from .runner import Report

REQUIRED, SHARED, DERIVED, OVERRIDDEN, LACKING = "required", "shared", "derived", "overridden", "unsupported"
SHARED_BASE = "plugtorch.spec.xp"


def kinds(k) -> dict[str, str]:
    """Per op where its kernel comes from.

    * ``required``: a primitive that the backend wrote;
    * ``shared``: inherited from the shared base over an array namespace;
    * ``overridden``: a derived op that the backend, or a plugin, has a kernel of its own for;
    * ``derived``: a derived op that runs as its composition;
    * ``unsupported``: declared as such.
    """
    found = {}
    for name, op in OPS.items():
        kernel = inspect.unwrap(getattr(type(k), name, None) or (lambda: None))
        if name in k.unsupported:
            found[name] = LACKING
        elif getattr(kernel, "__module__", "").startswith(SHARED_BASE):
            found[name] = SHARED
        elif op.primitive:
            found[name] = REQUIRED
        else:
            found[name] = DERIVED if kernel is inspect.unwrap(getattr(Backend, name)) and name not in vars(k) else OVERRIDDEN
    return found


def table(k, report: Report | None = None) -> str:
    """The ops by family and kind, with the checks that were run on each."""
    by_kind = kinds(k)
    executed = collections.Counter()
    failed = set()
    for o in report.outcomes if report is not None else ():
        executed[o.check.subject] += o.state in ("passed", "failed", "xfailed", "xpassed")
        if o.wrong:
            failed.add(o.check.subject)
    lines = []
    for family in dict.fromkeys(op.family for op in OPS.values()):
        lines.append(family)
        for kind in (REQUIRED, SHARED, OVERRIDDEN, DERIVED, LACKING):
            names = [n for n, op in OPS.items() if op.family == family and by_kind[n] == kind]
            if names:
                shown = ", ".join(n + (f" {executed[n]}" if report is not None else "") + ("!" if n in failed else "")
                                  for n in names)
                lines.append(f"  {kind:<12}{shown}")
    total = collections.Counter(by_kind.values())
    lines.append("ops: " + ", ".join(f"{total[kind]} {kind}" for kind in
                                     (REQUIRED, SHARED, OVERRIDDEN, DERIVED, LACKING) if total[kind]))
    return "\n".join(lines)
