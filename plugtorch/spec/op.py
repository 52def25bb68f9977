"""How an op is declared.

An op is one function in ``spec/ops``. Its signature is the kernel's signature
(after ``k``, the namespace of ops it may call): arrays positional, parameters
keyword-only. Its docstring is its meaning. Its body is

* for a *primitive*: the shape and dtype rule, computed on :class:`Abstract`
  values; every backend must bring a kernel of its own;
* for a *derived* op: the default composition over other ops, which every
  backend inherits and may override by something faster. Its shape and dtype
  rule is that composition, run on abstract values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import inspect

OPS: dict[str, Op] = {}
SPEC_VERSION = 1
REQUIRED = object()


class Op:
    """One op of the contract.

    Attributes:
        name: the kernel's name.
        family: the chapter of the reference table it stands in.
        body: rule (primitive) or composition (derived), ``body(k, *arrays, **params)``.
        primitive: whether a backend must implement it.
        operands: names of the array parameters; the last may be variadic.
        variadic: whether the last operand takes any number of arrays.
        params: keyword parameters and their defaults (``REQUIRED`` where there is none).
        outputs: names of the results; one name for an op with one result.
        view: whether the result shares its operand's memory (PyTorch's aliasing).
    """

    __slots__ = ("name", "family", "body", "primitive", "operands", "variadic", "params", "outputs", "view")

    def __init__(self, family: str, body: Callable, primitive: bool, outputs: tuple[str, ...], view: bool):
        # Read off the code object: this runs for every op at import, and ``inspect`` costs more than all the rest.
        code = body.__code__
        names = code.co_varnames
        keywords = names[code.co_argcount:code.co_argcount + code.co_kwonlyargcount]
        self.variadic = bool(code.co_flags & 0x04)  # CO_VARARGS
        rest = names[code.co_argcount + len(keywords):][:1] if self.variadic else ()
        self.name, self.family, self.body = body.__name__, family, body
        self.primitive, self.outputs, self.view = primitive, outputs, view
        self.operands = (*names[1:code.co_argcount], *rest)
        defaults = body.__kwdefaults__ or {}
        self.params = {name: defaults.get(name, REQUIRED) for name in keywords}

    @property
    def doc(self) -> str:
        """What the op means: the docstring of its declaration."""
        import inspect

        return inspect.getdoc(self.body) or ""

    @property
    def signature(self) -> inspect.Signature:
        """Signature of a kernel, without the leading namespace."""
        import inspect

        full = inspect.signature(self.body)
        return full.replace(parameters=list(full.parameters.values())[1:])

    def __repr__(self):
        return f"<{'primitive' if self.primitive else 'derived'} op {self.name}{self.signature}>"


def _declare(body, family, primitive, outputs, view):
    name = body.__name__
    if name in OPS:
        raise ValueError(f"op {name!r} is declared twice: in {OPS[name].body.__module__} and {body.__module__}")
    if not body.__doc__:
        raise ValueError(f"op {name!r} has no docstring; it is its specification")
    OPS[name] = Op(family, body, primitive, outputs, view)
    return body


# Called with each op that a plugin adds, and its gradient rules or None; the autograd layer listens.
ADDED: list[Callable] = []


def add_op(body: Callable, namespace: str, gradients=None, outputs: tuple[str, ...] = ("y",)) -> Op:
    """Declares an op of a plugin: a derived op called ``namespace_name``.

    Raises:
        ValueError: the name is taken, the docstring is missing, or a gradient is given for no operand of it.
    """
    if not body.__doc__:
        raise ValueError(f"op {body.__name__!r} has no docstring; it is its specification")
    op = Op(f"plugin {namespace}", body, False, tuple(outputs), False)
    op.name = f"{namespace}_{body.__name__}"
    if op.name in OPS:
        raise ValueError(f"op {op.name!r} is declared twice: in {OPS[op.name].body.__module__} and {body.__module__}")
    unknown = set(gradients or ()) - set(op.operands)
    if unknown:
        raise ValueError(f"op {op.name!r} has no operands {sorted(unknown)}; it has {op.operands}")
    OPS[op.name] = op
    for listener in ADDED:
        listener(op, gradients)
    return op


def primitive(family: str, *, outputs: tuple[str, ...] = ("y",), view: bool = False):
    """Declares a required op; the decorated body is its shape and dtype rule."""
    return lambda body: _declare(body, family, True, outputs, view)


def derived(family: str, *, outputs: tuple[str, ...] = ("y",), view: bool = False):
    """Declares an op with a default composition, the decorated body."""
    return lambda body: _declare(body, family, False, outputs, view)
