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

import dataclasses
import inspect
from collections.abc import Callable

OPS: dict[str, Op] = {}
SPEC_VERSION = 1


@dataclasses.dataclass(eq=False)
class Op:
    """One op of the contract.

    Attributes:
        name: the kernel's name.
        family: the chapter of the reference table it stands in.
        body: rule (primitive) or composition (derived), ``body(k, *arrays, **params)``.
        primitive: whether a backend must implement it.
        operands: names of the array parameters; the last may be variadic.
        variadic: whether the last operand takes any number of arrays.
        params: keyword parameters and their defaults (``inspect.Parameter.empty`` if required).
        outputs: names of the results; one name for an op with one result.
        view: whether the result shares its operand's memory (PyTorch's aliasing).
    """

    name: str
    family: str
    body: Callable
    primitive: bool
    operands: tuple[str, ...]
    variadic: bool
    params: dict[str, object]
    outputs: tuple[str, ...]
    view: bool

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.body) or ""

    @property
    def signature(self) -> inspect.Signature:
        """Signature of a kernel, without the leading namespace."""
        full = inspect.signature(self.body)
        return full.replace(parameters=list(full.parameters.values())[1:])

    def __repr__(self):
        return f"<{'primitive' if self.primitive else 'derived'} op {self.name}{self.signature}>"


def _declare(body, family, primitive, outputs, view):
    operands, params, variadic = [], {}, False
    for parameter in list(inspect.signature(body).parameters.values())[1:]:
        if parameter.kind is parameter.KEYWORD_ONLY:
            params[parameter.name] = parameter.default
        else:
            operands.append(parameter.name)
            variadic |= parameter.kind is parameter.VAR_POSITIONAL
    name = body.__name__
    if name in OPS:
        raise ValueError(f"op {name!r} is declared twice: in {OPS[name].body.__module__} and {body.__module__}")
    if not body.__doc__:
        raise ValueError(f"op {name!r} has no docstring; it is its specification")
    OPS[name] = Op(name, family, body, primitive, tuple(operands), variadic, params, outputs, view)
    return body


def primitive(family: str, *, outputs: tuple[str, ...] = ("y",), view: bool = False):
    """Declares a required op; the decorated body is its shape and dtype rule."""
    return lambda body: _declare(body, family, True, outputs, view)


def derived(family: str, *, outputs: tuple[str, ...] = ("y",), view: bool = False):
    """Declares an op with a default composition, the decorated body."""
    return lambda body: _declare(body, family, False, outputs, view)
