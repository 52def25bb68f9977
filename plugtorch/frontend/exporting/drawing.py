"""Pictures of programs: DOT text, and SVG, by the program ``dot`` where it is installed and else by a layout of our own.

The layout puts each op one layer below the lowest of its operands, orders the layers by the mean place of their neighbours
(the barycentre heuristic of Sugiyama, Tagawa and Toda, 1981), and draws edges as curves.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from html import escape
from typing import NamedTuple

from plugtorch.spec.program import Program, Symbol

from ..compiled.function import CompiledFunction
from ..nn.modules.compiled import OptimizedModule
from .graph import short_type
from .program import ExportedProgram
from .signature import ConstantArgument, InputKind, OutputKind

COLOURS = {"input": "#cfe2f3", "parameter": "#fff2cc", "constant": "#e8e8e8", "op": "#ffffff", "output": "#d9ead3",
           "written": "#f4cccc"}
CHARACTER, LINE, GAP, DROP = 6.7, 14.0, 18.0, 44.0  # sizes in pixels, of a 11 pixel monospaced font


class Box(NamedTuple):
    """A node of a picture.

    Attributes:
        lines: its text.
        kind: a key of ``COLOURS``.
        group: what it is grouped by, or None.
    """

    lines: tuple[str, ...]
    kind: str
    group: str | None = None


class Picture:
    """Boxes, and edges between them by number, in an order in which every edge leads forward."""

    def __init__(self):
        self.boxes: list[Box] = []
        self.edges: list[tuple[int, int]] = []

    def add(self, *lines: str, kind: str, group: str | None = None) -> int:
        """The number of a new box."""
        self.boxes.append(Box(lines, kind, group))
        return len(self.boxes) - 1


def _place(where, group_by):
    if where is None or group_by is None:
        return None
    name = os.path.basename(where[0])
    return name if group_by == "file" else f"{name}:{where[1]}"


def picture_of(subject, group_by: str | None = None) -> Picture:
    """The picture of an exported program, a program, or a compiled function (of the programs that it keeps).

    Args:
        group_by: "line" or "file": boxes are grouped by the place of the program that called for them, where it is known.

    Raises:
        TypeError: something else.
        ValueError: another ``group_by``, or a compiled function that has not been called yet.
    """
    if group_by not in (None, "line", "file"):
        raise ValueError(f'boxes are grouped by "line" or "file", not {group_by!r}')
    picture = Picture()
    if isinstance(subject, ExportedProgram):
        _add_exported(picture, subject, group_by)
        return picture
    if isinstance(subject, Program):
        _add_program(picture, subject, group_by)
        return picture
    kept = _compiled(subject)
    if kept is None:
        raise TypeError(f"an exported program, a program or a compiled function can be drawn, not {type(subject).__name__}")
    if not kept:
        raise ValueError("the compiled function has no program yet: call it first")
    for program in kept:
        _add_program(picture, program, group_by)
    return picture


def _compiled(subject):
    """The programs of a compiled function or module; None if it is none."""
    function = subject.__dict__["_compiled"] if isinstance(subject, OptimizedModule) else subject
    inner = getattr(function, "compiled", function)
    if not isinstance(inner, CompiledFunction):
        return None
    return [entry.call.program for entries in inner._entries.values() for entry in entries]


def _add_exported(picture, ep, group_by):
    numbers: dict[Symbol, int] = {}
    symbols = iter(ep.program.inputs)
    used = {s for one in ep.program.instructions for s in one.symbols()} | set(ep.program.outputs)
    for spec in ep.graph_signature.input_specs:
        if isinstance(spec.arg, ConstantArgument):
            continue
        symbol = next(symbols)
        if symbol not in used and spec.kind is not InputKind.USER_INPUT:
            continue
        kind = {InputKind.USER_INPUT: "input", InputKind.CONSTANT_TENSOR: "constant"}.get(spec.kind, "parameter")
        numbers[symbol] = picture.add(spec.target or spec.arg.name, short_type(symbol), kind=kind)
    _add_instructions(picture, ep.program, numbers, group_by)
    outputs = iter(ep.program.outputs)
    for spec in ep.graph_signature.output_specs:
        if isinstance(spec.arg, ConstantArgument):
            continue
        symbol = next(outputs)
        kind = "output" if spec.kind is OutputKind.USER_OUTPUT else "written"
        n = picture.add("output" if spec.target is None else f"new {spec.target}", short_type(symbol), kind=kind)
        picture.edges.append((numbers[symbol], n))


def _add_program(picture, program, group_by):
    numbers: dict[Symbol, int] = {}
    for group, kind in ((program.inputs, "input"), (program.constants, "constant"), (program.numbers, "constant")):
        for symbol in group:
            text = "number" if symbol.dtype is None else short_type(symbol)
            numbers[symbol] = picture.add(kind if symbol.dtype is not None else "a Python float", text, kind=kind)
    _add_instructions(picture, program, numbers, group_by)
    for i, symbol in enumerate(program.outputs):
        kind = "written" if i in program.updates else "output"
        n = picture.add(kind, short_type(symbol), kind=kind)
        picture.edges.append((numbers[symbol], n))


def _add_instructions(picture, program, numbers, group_by):
    for one in program.instructions:
        plain = [repr(o) for o in one.operands if type(o) in (int, float, bool, complex)]
        types = ", ".join(short_type(s) for s in one.outputs[:3]) + (", ..." if len(one.outputs) > 3 else "")
        lines = [one.op + (f"({', '.join(plain)})" if plain else ""), types]
        place = _place(one.where, group_by)
        n = picture.add(*lines, kind="op", group=place)
        picture.edges += [(numbers[s], n) for s in dict.fromkeys(one.symbols())]
        numbers.update(dict.fromkeys(one.outputs, n))


def dot_text(subject, group_by: str | None = None) -> str:
    """The graph in the language of Graphviz; see :func:`picture_of`."""
    picture = subject if isinstance(subject, Picture) else picture_of(subject, group_by)

    def quoted(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = ["digraph program {", '  node [shape=box, style="filled,rounded", fontname="monospace", fontsize=10];']
    groups: dict[str | None, list[str]] = {}
    for n, box in enumerate(picture.boxes):
        label = quoted("\n".join(box.lines)).replace("\n", "\\n")
        groups.setdefault(box.group, []).append(f'n{n} [label={label}, fillcolor="{COLOURS[box.kind]}"];')
    for i, (group, members) in enumerate(groups.items()):
        if group is None:
            lines += [f"  {m}" for m in members]
        else:
            lines += [f"  subgraph cluster_{i} {{", f"    label={quoted(group)};", *(f"    {m}" for m in members), "  }"]
    lines += [f"  n{a} -> n{b};" for a, b in picture.edges]
    return "\n".join([*lines, "}", ""])


# The layout.

def _layers(picture) -> list[list[int]]:
    depth = [0] * len(picture.boxes)
    after: dict[int, list[int]] = {}
    for a, b in picture.edges:
        depth[b] = max(depth[b], depth[a] + 1)
        after.setdefault(a, []).append(b)
    for n, box in enumerate(picture.boxes):  # what is only read stands beside who reads it first
        if box.kind in ("parameter", "constant", "input") and n in after:
            depth[n] = min(depth[b] for b in after[n]) - 1
    layers: list[list[int]] = [[] for _ in range(max(depth, default=0) + 1)]
    for n, d in enumerate(depth):
        layers[d].append(n)
    return layers


def _ordered(layers, edges) -> None:
    near: dict[int, list[int]] = {}
    for a, b in edges:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    place = {n: i - len(layer) / 2 for layer in layers for i, n in enumerate(layer)}
    for sweep in range(6):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            mean = {n: sum(place[m] for m in near[n]) / len(near[n]) if n in near else place[n] for n in layer}
            layer.sort(key=mean.__getitem__)
            place.update((n, i - len(layer) / 2) for i, n in enumerate(layer))


def svg_text(subject, group_by: str | None = None) -> str:
    """The graph as SVG by the layout of this module; see :func:`picture_of`. The group of a box is written into it."""
    picture = subject if isinstance(subject, Picture) else picture_of(subject, group_by)
    layers = _layers(picture)
    _ordered(layers, picture.edges)
    texts = [(*box.lines, *([box.group] if box.group else [])) for box in picture.boxes]
    widths = [CHARACTER * max(map(len, lines)) + 14 for lines in texts]
    heights = [LINE * len(lines) + 10 for lines in texts]
    across = [sum(widths[n] + GAP for n in layer) - GAP for layer in layers]
    whole = max(across, default=0) + 2 * GAP
    at: dict[int, tuple[float, float]] = {}
    y = GAP
    for layer, width in zip(layers, across, strict=True):
        x = (whole - width) / 2
        for n in layer:
            at[n] = x, y
            x += widths[n] + GAP
        y += max((heights[n] for n in layer), default=0) + DROP
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole:.0f}" height="{y:.0f}" viewBox="0 0 {whole:.0f} '
             f'{y:.0f}" font-family="monospace" font-size="11">',
             '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
             '<path d="M0 0 L8 4 L0 8 z" fill="#666"/></marker></defs>', '<rect width="100%" height="100%" fill="#fff"/>']
    for a, b in picture.edges:
        x1, y1 = at[a][0] + widths[a] / 2, at[a][1] + heights[a]
        x2, y2 = at[b][0] + widths[b] / 2, at[b][1]
        bend = (y2 - y1) / 2
        lines.append(f'<path d="M{x1:.1f} {y1:.1f} C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}" '
                     'fill="none" stroke="#666" marker-end="url(#tip)"/>')
    for n, box in enumerate(picture.boxes):
        x, y0 = at[n]
        lines.append(f'<g class="{box.kind}"><rect x="{x:.1f}" y="{y0:.1f}" width="{widths[n]:.1f}" '
                     f'height="{heights[n]:.1f}" rx="4" fill="{COLOURS[box.kind]}" stroke="#444"/>')
        for i, text in enumerate(texts[n]):
            style = ' font-weight="bold"' if i == 0 else ' fill="#777"' if i == len(box.lines) else ""
            lines.append(f'<text x="{x + widths[n] / 2:.1f}" y="{y0 + 16 + LINE * i:.1f}" text-anchor="middle"{style}>'
                         f"{escape(text)}</text>")
        lines.append("</g>")
    return "\n".join([*lines, "</svg>", ""])


def draw(subject, path, group_by: str | None = None) -> None:
    """Writes a picture of an exported program, a program or a compiled function.

    Args:
        path: its ending says what is written: ``.dot`` or ``.gv`` (text for Graphviz) or ``.svg``, for which the program
            ``dot`` is used where it is installed.
        group_by: see :func:`picture_of`.

    Raises:
        ValueError: another ending.
    """
    path = os.fspath(path)
    ending = os.path.splitext(path)[1].lower()
    if ending not in (".dot", ".gv", ".svg"):
        raise ValueError(f"a picture is written as .svg or .dot, not {ending!r}")
    picture = picture_of(subject, group_by)
    program = shutil.which("dot")
    if ending != ".svg":
        text = dot_text(picture)
    elif program is not None:
        text = subprocess.run([program, "-Tsvg"], input=dot_text(picture), capture_output=True, text=True, check=True,
                              timeout=120).stdout
    else:
        text = svg_text(picture)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
