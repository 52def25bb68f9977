"""Gradient rules, and their preparation for a set of operands.

A rule is written against a namespace ``k`` of ops, so it serves twice: with the
backend's raw kernels in an ordinary backward pass, and with differentiable ops
under ``create_graph=True``. What it needs is named by its parameters::

    defvjp("mul", a=lambda k, g, b: k.mul(g, k.conj(b)),
                  b=lambda k, g, a: k.mul(g, k.conj(a)))

After ``(k, g)`` come names of operands (saved, guarded by version counters), ``y``
or an output's name (the result, saved likewise), parameters of the op, and static facts:
``<operand>_shape`` and, for variadic ops, ``shapes``. An op with several results
gets in ``g`` a list, with None where no gradient arrived.

Gradients need not be fitted to broadcast operands, nor to their dtype: the
engine sums, casts and takes real parts.
"""

from __future__ import annotations

from plugtorch.spec.dtypes import HALF, float32
from plugtorch.spec.op import ADDED, OPS, Op

from .names import node_name

_RULES: dict[str, Rule] = {}
_NONDIFFERENTIABLE: set[str] = set()
_SINGLE: set[str] = set()


class Rule:
    """All that is known about the gradient of one op."""

    def __init__(self, op: Op, per_operand, joint):
        self.op, self.per_operand, self.joint = op, per_operand, joint
        self._plans: dict[tuple[int, int], Plan] = {}

    def plan(self, mask: int, count: int) -> Plan:
        """The rule for operands whose bit is set in ``mask``; ``count`` is the number of operands."""
        found = self._plans.get((mask, count))
        if found is None:
            found = self._plans[mask, count] = Plan(self, mask, count)
        return found


def defvjp(name: str, **per_operand) -> None:
    """Declares one function per operand; an operand given as None passes no gradient."""
    op = OPS[name]
    unknown = set(per_operand) - set(op.operands)
    if unknown or name in _RULES:
        raise ValueError(f"rule for {name!r}: " + (f"no operands {unknown}" if unknown else "declared twice"))
    _RULES[name] = Rule(op, per_operand, None)


def _adopt(op: Op, gradients) -> None:
    """Takes the gradient rules of an op that a plugin adds."""
    if gradients is not None:
        defvjp(op.name, **gradients)


ADDED.append(_adopt)


def defvjp_joint(name: str):
    """Declares one function for all operands: ``rule(k, g, needs, *names)`` returns a gradient or None per operand."""

    def declare(function):
        if name in _RULES:
            raise ValueError(f"rule for {name!r} declared twice")
        _RULES[name] = Rule(OPS[name], None, function)
        return function

    return declare


def nondifferentiable(*names: str) -> None:
    """Declares ops through which no gradient flows."""
    for name in names:
        if name not in OPS:
            raise ValueError(f"there is no op {name!r}")
        _NONDIFFERENTIABLE.add(name)


def in_single(*names: str) -> None:
    """Declares ops whose rule runs in float32 from half gradients and half saved values: those for whose backward pass
    PyTorch has one kernel. The engine rounds the result once, when it fits it to the operand's dtype."""
    for name in names:
        if name not in OPS:
            raise ValueError(f"there is no op {name!r}")
        _SINGLE.add(name)


def _widened(k, value):
    if isinstance(value, (tuple, list)):
        return type(value)(_widened(k, v) for v in value)
    if hasattr(value, "shape") and k.dtype_of(value) in HALF:
        return k.cast(value, dtype=float32)
    return value


def _in_single(run):
    def single(k, g, saved):
        if k.dtype_of(next(v for v in g if v is not None) if type(g) is list else g) not in HALF:
            return run(k, g, saved)
        return run(k, _widened(k, g), tuple(_widened(k, v) for v in saved))

    return single


def rule_for(name: str) -> Rule | None:
    """The rule of an op, or None if it has none of its own (its composition is then differentiated)."""
    return _RULES.get(name)


def is_nondifferentiable(name: str) -> bool:
    return name in _NONDIFFERENTIABLE


def _names(function, skip):
    code = function.__code__
    return code.co_varnames[skip:code.co_argcount]


class PlanBase:
    """What the engine reads of any plan.

    Attributes:
        keeps: whether saved arrays are freed by the backward pass.
        sources: where each saved value comes from.
        results: how many results the node has.
        is_slot: whether the node stands for one of several results of another node.
        user: whether a user's ``Function`` computes the gradient.
    """

    user = False
    keeps = False
    sources: tuple = ()
    is_slot = False
    results = 1


class StandIn(PlanBase):
    """A plan in place of another, whose ``call`` does something about what the node saved; all else is the other's."""

    keeps = user = True

    def __init__(self, plan):
        self.plan, self.results = plan, plan.results

    def __getattr__(self, name):
        return getattr(self.plan, name)

    @property
    def sources(self):
        return self.plan.sources

    def node_name(self, node):
        return self.plan.node_name(node)


class Plan(PlanBase):
    """A rule prepared for one set of operands that need gradients.

    Attributes:
        run: ``run(k, g, saved)`` -> tuple of gradients, one per operand.
        sources: per saved value where it comes from: ``("operand", i)``, ``("output", i)``,
            ``("param", name)``, ``("shape", i)`` or ``("shapes", None)``.
        keeps: whether arrays are saved (and freed by the backward pass).
        saves: indices of saved operands.
    """

    def __init__(self, rule: Rule, mask: int, count: int):
        self.rule, self.op, self.mask, self.count = rule, rule.op, mask, count
        needs = tuple(bool(mask >> i & 1) for i in range(count))
        sources, calls = [], []

        def slot(name):
            source = self._source(name)
            if source not in sources:
                sources.append(source)
            return f"s[{sources.index(source)}]"

        scope = {}
        if rule.joint is not None:
            scope["joint"], scope["needs"] = rule.joint, needs
            arguments = ", ".join(["k", "g", "needs", *map(slot, _names(rule.joint, 3))])
            body = f"joint({arguments})"
        else:
            for i, need in enumerate(needs):
                name = self.op.operands[min(i, len(self.op.operands) - 1)]
                function = rule.per_operand.get(name) if need else None
                if function is None:
                    if need and name not in rule.per_operand:
                        raise RuntimeError(f"op {self.op.name!r} has no gradient rule for its operand {name!r}")
                    calls.append("None")
                    continue
                scope[f"f{i}"] = function
                calls.append(f"f{i}({', '.join(['k', 'g', *map(slot, _names(function, 2))])})")
            body = f"({', '.join(calls)},)"
        self.run = eval(f"lambda k, g, s: {body}", scope)  # noqa: S307  (source built from the rule's own signature)
        if self.op.name in _SINGLE:
            self.run = _in_single(self.run)
        self.sources = tuple(sources)
        self.keeps = any(kind in ("operand", "output") for kind, _ in sources)
        self.results = len(self.op.outputs)
        self.saves = frozenset(i for kind, i in sources if kind == "operand")
        self.collect = self._collector()

    def _source(self, name):
        op = self.op
        if name in op.operands:
            if op.variadic and name == op.operands[-1]:
                return ("operands", op.operands.index(name))
            return ("operand", op.operands.index(name))
        if name in op.outputs or name == "y":
            return ("output", op.outputs.index(name))
        if name in op.params:
            return ("param", name)
        if name == "shapes":
            return ("shapes", None)
        if name.endswith("_shape") and name[:-6] in op.operands:
            return ("shape", op.operands.index(name[:-6]))
        raise ValueError(f"rule for {op.name!r} names {name!r}, which is no operand, output or parameter of "
                         f"{op.name}{op.signature}")

    def _collector(self):
        """``collect(arrays, params, outputs)`` -> the tuple of saved values."""
        parts = []
        for kind, i in self.sources:
            parts.append({
                "operand": f"a[{i}]", "operands": f"a[{i}:]", "output": f"o[{i}]",
                "param": f"p.get({i!r}, d.get({i!r}))",
                "shapes": "tuple(getattr(x, 'shape', None) for x in a)", "shape": f"getattr(a[{i}], 'shape', ())",
            }[kind])
        code = f"lambda a, p, o: ({', '.join(parts)}{',' if parts else ''})"
        return eval(code, {"d": self.op.params})  # noqa: S307

    def node_name(self, node) -> str:
        return node_name(self.op.name, node)
