"""``plugtorch ops``: the contract, op by op."""

from __future__ import annotations

import sys


def add_parser(commands):
    parser = commands.add_parser("ops", help="show the ops of the spec: signatures and meanings")
    parser.add_argument("names", nargs="*", help="ops to show in full; all, a line each, where none is named")
    return parser


def main(args) -> int:
    from plugtorch.spec import OPS

    for name in args.names:
        if name not in OPS:
            print(f"plugtorch: there is no op {name!r}; `plugtorch ops` lists them", file=sys.stderr)
            return 2
        op = OPS[name]
        kind = "primitive: every backend brings it" if op.primitive else "derived: composed of other ops unless overridden"
        print(f"{name}{op.signature} -> {', '.join(op.outputs)}\n    {kind}" + ("; a view" if op.view else ""))
        print("    " + op.doc.replace("\n", "\n    ") + "\n")
    if not args.names:
        for family in dict.fromkeys(op.family for op in OPS.values()):
            print(family)
            for op in OPS.values():
                if op.family == family:
                    print(f"  {'*' if op.primitive else ' '} {op.name}{op.signature}")
        print("* primitive: every backend brings it")
    return 0
