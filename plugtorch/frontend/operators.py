"""The arithmetic operators, with a short path for the ordinary case: two plain tensors of one backend and dtype, or
a tensor and a float, in the ordinary mode or under no_grad. Everything else goes through the families of functions.

The short path unwraps, computes, wraps and records inline, in a few microseconds; it is written once, as the
template below, and compiled per operator so that kernel and plan are plain attribute and closure reads.
"""

from __future__ import annotations

from numpy import generic

from plugtorch.autograd.base import Node, next_seq
from plugtorch.autograd.mode import NO_GRAD, mode
from plugtorch.autograd.names import rename
from plugtorch.autograd.plans import rule_for
from plugtorch.autograd.record import finish
from plugtorch.spec.dtypes import float32, float64
from plugtorch.spec.op import OPS
from plugtorch.spec.refuse import refused

from .dispatch import NUMBERS, elementwise, is_tensor
from .tensor import Tensor

# {name}: the op. {fits}: further conditions on the arrays a and b. {save_x}: what operand x leaves when recorded.
_TEMPLATE = """
def operator(self, other):
    kind = type(other)
    if kind is Tensor or kind in FAST:
        a = self._a
        b = other._a
        k = self._k
        dtype = a.dtype
        if dtype is b.dtype and k is other._k and (flags := mode()) <= NO_GRAD and {fits}:
            try:
                y = k.{name}(a, b)
            except Exception as error:
                refused(error, k, '{name}', (a, b), {{}})
            t = new(Tensor)
            t._a = y
            t._k = k
            t._grad = t._cell = t._alias = t._hooks = None
            if flags:
                t._req = False
                t._node = None
                return t
            if self._req:
                t._node = node = new(Node)
                left = self._node
                if left is None:
                    left = self
                if other._req:
                    right = other._node
                    if right is None:
                        right = other
                    node._plan = BOTH
                    node._edges = (left, right)
                    {save_both}
                else:
                    node._plan = LEFT
                    node._edges = (left, None)
                    {save_left}
            elif other._req:
                t._node = node = new(Node)
                right = other._node
                if right is None:
                    right = other
                node._plan = RIGHT
                node._edges = (None, right)
                {save_right}
            else:
                t._req = False
                t._node = None
                return t
            t._req = True
            node._k = k
            node._seq = next_seq()
            node._shape = y.shape
            node._dtype = dtype
            node._hooks = node.extra = None
            return t
    elif kind is float and type(self) in FAST and mode() <= NO_GRAD:
        a = self._a
        k = self._k
        dtype = k.dtype_of(a)
        if dtype is float32 or dtype is float64:
            return finish(OP, k, (self, other), (a, other), {{}}, 1 if self._req else 0)
    return slow(self, other)
"""

_HOLDERS = {("operand", 0): "self", ("operand", 1): "other", ("output", 0): "t"}


def _saving(plan, indent):
    """Statements that save what a plan names: arrays, and the version cells that guard them."""
    lines, values, check = [], [], []
    for n, source in enumerate(plan.sources):
        holder = _HOLDERS[source]
        lines += [f"c{n} = {holder}._cell", f"if c{n} is None:", f"    c{n} = {holder}._cell = [0]"]
        values.append({"self": "a", "other": "b", "t": "y"}[holder])
        check += [f"c{n}", f"c{n}[0]"]
    lines.append(f"node._kept = ({', '.join(values)}{',' if values else ''})")
    lines.append(f"node._check = ({', '.join(check)}{',' if check else ''})")
    return ("\n" + " " * indent).join(lines)


# op name -> function that checks dtypes before the general path, filled by the modules of functions
CHECKED = {}
_SCOPES = []
FAST = frozenset({Tensor})


def fast_types(*classes) -> None:
    """Lets tensors of these subclasses take the operators' short path; their results are plain tensors."""
    global FAST
    FAST = FAST | frozenset(classes)
    for scope in _SCOPES:
        scope["FAST"] = FAST


def _general(name, a, b, to_float):
    other = a if not is_tensor(a) else b
    if not is_tensor(other) and not isinstance(other, (*NUMBERS, generic)):
        return NotImplemented  # of arrays too: NumPy computes with them, and its result becomes a tensor
    return CHECKED.get(name, elementwise)(name, (a, b), None, to_float)


def _compile(name, fits, slow):
    rule = rule_for(name)
    left, right, both = (rule.plan(mask, 2) for mask in (1, 2, 3))
    source = _TEMPLATE.format(name=name, fits=fits, save_both=_saving(both, 20), save_left=_saving(left, 20),
                              save_right=_saving(right, 16))
    scope = {"FAST": FAST, "LEFT": left, "RIGHT": right, "BOTH": both, "Node": Node, "OP": OPS[name], "Tensor": Tensor,
             "finish": finish, "float32": float32, "float64": float64, "mode": mode, "new": object.__new__,
             "next_seq": next_seq, "slow": slow, "refused": refused, "F32": float32.numpy, "F64": float64.numpy,
             "NO_GRAD": NO_GRAD}
    exec(compile(source, f"<operator {name}>", "exec"), scope)  # noqa: S102  (the template above, filled with names)
    _SCOPES.append(scope)
    return scope["operator"]


def _arithmetic(symbol, name, to_float=False, fits="True", node_name=None):
    """Defines an operator and its reflected form, whose nodes PyTorch calls ``node_name``."""
    operator = _compile(name, fits, lambda self, other: _general(name, self, other, to_float))
    operator.__name__ = operator.__qualname__ = f"__{symbol}__"

    def reflected(self, other):
        if name == "div" and not is_tensor(other) and is_tensor(self) and isinstance(other, (*NUMBERS, generic)):
            inverse = self.reciprocal()  # PyTorch's division of a number by a tensor is this product
            return rename(inverse, node_name) if other == 1 else inverse * other
        if not is_tensor(self):
            raise TypeError(f"descriptor '__r{symbol}__' for 'torch._C.TensorBase' objects doesn't apply to a "
                            f"'{type(self).__name__}' object")
        y = _general(name, other, self, to_float)
        return y if node_name is None or y is NotImplemented else rename(y, node_name)

    reflected.__name__ = reflected.__qualname__ = f"__r{symbol}__"
    setattr(Tensor, operator.__name__, operator)
    setattr(Tensor, reflected.__name__, reflected)


def _matmul(self, other):
    if not is_tensor(other):
        return NotImplemented
    from .linear import matmul

    return matmul(self, other)


# Most tensors are of the first two dtypes, which are told by identity; a library's own dtype objects by their meaning.
_NOT_INTEGER = "(dtype is F32 or dtype is F64 or k.dtype_of(a).differentiable)"
_arithmetic("add", "add")
_arithmetic("sub", "sub", fits=_NOT_INTEGER, node_name="RsubBackward1")
_arithmetic("mul", "mul")
_arithmetic("truediv", "div", to_float=True, fits=_NOT_INTEGER, node_name="MulBackward0")
Tensor.__div__ = Tensor.__truediv__
Tensor.__rdiv__ = Tensor.__rtruediv__
Tensor.__rmatmul__ = lambda self, other: _matmul(other, self) if is_tensor(other) else NotImplemented
Tensor.__matmul__ = _compile("matmul", "a.ndim == 2 == b.ndim and a.shape[1] == b.shape[0] and " + _NOT_INTEGER,
                              _matmul)
