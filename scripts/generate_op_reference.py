"""Writes docs/ops.md, the reference table of the op spec, from the declarations in plugtorch/spec/ops.

    python scripts/generate_op_reference.py [--check]

``--check`` writes nothing and fails if the file is out of date.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

from plugtorch.autograd.plans import is_nondifferentiable, rule_for
from plugtorch.spec import OPS, SPEC_VERSION

TARGET = pathlib.Path(__file__).resolve().parent.parent / "docs" / "ops.md"


def gradient(op) -> str:
    """How gradients pass an op."""
    if rule_for(op.name) is not None:
        return "rule"
    if is_nondifferentiable(op.name):
        return "none"
    return "composition"


def text() -> str:
    """The whole page."""
    primitives = [op for op in OPS.values() if op.primitive]
    lines = [
        "# The op spec",
        "",
        f"Version {SPEC_VERSION}: {len(primitives)} primitive ops, which every backend implements, and "
        f"{len(OPS) - len(primitives)} derived ops, whose default is a composition of others. This page is generated "
        "from `plugtorch/spec/ops` by `scripts/generate_op_reference.py`.",
        "",
        "Arrays are positional, parameters are keywords; axes are normalised, shapes are tuples, and operands arrive in "
        "one dtype. Gradient: *rule* = one of its own in `plugtorch/autograd/rules`, *composition* = that of the "
        "default composition, *none* = declared without.",
    ]
    families: dict[str, list] = {}
    for op in OPS.values():
        families.setdefault(op.family, []).append(op)
    for family, ops in families.items():
        lines += ["", f"## {family.capitalize()}", "", "| op | kind | gradient | meaning |", "|---|---|---|---|"]
        for op in sorted(ops, key=lambda op: (not op.primitive, op.name)):
            meaning = " ".join(op.doc.split()).replace("|", "\\|")
            kind = ("primitive" if op.primitive else "derived") + (", view" if op.view else "")
            lines.append(f"| `{op.name}{op.signature}` | {kind} | {gradient(op)} | {meaning} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    if not args.check:
        TARGET.write_text(text())
        return 0
    if TARGET.read_text() == text():
        return 0
    print("docs/ops.md is out of date: run python scripts/generate_op_reference.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
