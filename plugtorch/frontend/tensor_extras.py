"""Functions and methods about tensors as such: construction like another tensor, promotion queries, storage."""

from __future__ import annotations

import warnings

from plugtorch.spec.device import Device
from plugtorch.spec.dtypes import can_cast as _can_cast
from plugtorch.spec.dtypes import promote_types

from . import creation
from .creation import as_subclass
from .dispatch import as_number, common_dtype, is_tensor, shape_from, transfer_like
from .methods import method

__all__ = ["can_cast", "is_distributed", "is_inference", "is_nonzero", "is_signed", "promote_types", "result_type",
           "typename",
           "variable"]

method(as_subclass)


def _inside(like, t):
    """A new tensor on the level of the mapped function that ``like`` belongs to, so that it can be written in place."""
    return like._k.lift(t) if like._k.level else t


def _new(name):
    make = getattr(creation, name)

    def function(self, *size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, **kwargs):
        if "size" in kwargs:
            size = (kwargs.pop("size"),)
        t = make(shape_from(size), dtype=dtype or self.dtype, device=device, requires_grad=requires_grad,
                 **kwargs).to(self if device is None and dtype is None else self.dtype if dtype is None else dtype)
        return _inside(self, t)

    function.__name__ = f"new_{name}"
    function.__doc__ = f"{name} of this tensor's dtype and place."
    method(function)


for _name in ("zeros", "ones", "empty"):
    _new(_name)


@method
def new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """One number in a shape, of this tensor's dtype and place."""
    t = creation.full(size, fill_value, dtype=dtype or self.dtype, device=device or self.device)
    return _inside(self, t if device else transfer_like(t, self)).requires_grad_(requires_grad)


@method
def new_empty_strided(self, size, stride, *, dtype=None, device=None, requires_grad=False, layout=None,
                      pin_memory=False):
    """A tensor of given sizes and strides, of this tensor's dtype and place."""
    t = creation.empty_strided(size, stride, dtype=dtype or self.dtype, device=device or self.device)
    return (t if device else transfer_like(t, self)).requires_grad_(requires_grad)


@method
def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """A copy of data in this tensor's dtype and place."""
    t = creation.tensor(data, dtype=dtype or self.dtype, device=device or self.device)
    return (t if device else transfer_like(t, self)).requires_grad_(requires_grad)


@method
def new(self, *args):
    """A tensor of this dtype: of a shape, or with a copy of data."""
    if args and not isinstance(args[0], int) and type(args[0]).__name__ != "Size":
        return transfer_like(creation.tensor(args[0], dtype=self.dtype), self)
    return transfer_like(creation.empty(*(args or (0,)), dtype=self.dtype), self)


def result_type(tensor1, tensor2):
    """The dtype in which an operation on two operands computes."""
    return common_dtype((as_number(tensor1), as_number(tensor2)))


def can_cast(from_, to):
    """Whether a dtype may be stored as another in place."""
    return _can_cast(from_, to)


def typename(obj, /):
    """The name of a type or of an object's type with its module; a tensor's type string."""
    if is_tensor(obj):
        return obj.type()
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(obj, "__module__", None)
    return named.__qualname__ if module in (None, "builtins") else f"{module}.{named.__qualname__}"


@method
def is_nonzero(input):
    """Whether a tensor of one element is not zero."""
    return bool(input)


def variable(data, requires_grad=True):
    """A tensor that takes part in gradients, from the time when variables wrapped tensors.

    A floating or complex tensor is itself marked, so that its ``grad`` is filled; others pass through.
    """
    t = data if is_tensor(data) else creation.tensor(data)
    if requires_grad and t.dtype.differentiable and t.is_leaf:
        t.requires_grad_()
    return t


# What kind of device or of memory a tensor is on.
for _kind in ("cpu", "cuda", "hpu", "ipu", "maia", "meta", "mps", "mtia", "vulkan", "xla", "xpu"):
    method(property(lambda self, kind=_kind: self.device.type == kind, doc=f"Whether it is on a device of kind {_kind}."),
           name=f"is_{_kind}")
for _name in ("is_quantized", "is_mkldnn", "is_nested", "volatile"):
    method(property(lambda self: False, doc="False."), name=_name)
for _name in ("name", "names"):
    method(property(lambda self: None, doc="None: tensors and dimensions have no names."), name=_name)
method(property(lambda self: self.dtype, doc="The dtype that gradients of it have: its own."), name="grad_dtype")


def is_signed(input):
    """Whether the dtype has negative numbers."""
    return input.dtype.is_signed


def is_inference(input):
    """Whether the tensor was made in inference mode."""
    return input.is_inference()


@method
def is_distributed(input):
    """False: a tensor is in one process."""
    return False


@method
def record_stream(self, stream):
    """Nothing: the array libraries know themselves until when memory is in use."""


def _mover(kind):
    def function(self, device=None, non_blocking=False, memory_format=None):
        return self.to(Device(kind) if device is None else device)

    function.__name__ = function.__qualname__ = kind
    function.__doc__ = f"The tensor on a device of kind {kind}.\n\nRaises:\n    RuntimeError: no backend here has one."
    return method(function)


for _kind in ("ipu", "mtia", "xpu"):
    _mover(_kind)


@method
def resize(self, *sizes):
    """Older name of reshape: the number of elements has to stay."""
    warnings.warn("non-inplace resize is deprecated", UserWarning, stacklevel=2)
    return self.reshape(*sizes)


@method
def resize_as(self, tensor):
    """:meth:`resize` to another tensor's shape."""
    warnings.warn("non-inplace resize_as is deprecated", UserWarning, stacklevel=2)
    return self.reshape(tensor._a.shape)


@method
def reinforce(self, reward):
    """Removed from PyTorch.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError("reinforce() was removed. Use torch.distributions instead: draw an action with "
                       "Categorical(probs).sample() and minimise -log_prob(action) * reward")


@method
def module_load(self, other, assign=False):
    """What a module puts in place of a parameter when it loads ``other`` into it: ``other`` detached, or with ``assign``
    itself as it is; see ``torch.__future__.set_swap_module_params_on_conversion``."""
    return other if assign else self.copy_(other).detach()


@method
def get_device(self):
    """The index of its device, -1 on the CPU."""
    return -1 if self.device.type == "cpu" else (self.device.index or 0)


@method
def pin_memory(self, device=None):
    """The tensor itself: host memory is not paged out by any backend here."""
    return self


@method
def is_pinned(self, device=None):
    """False: host memory is not paged out by any backend here."""
    return False


@method
def share_memory_(self):
    """The tensor itself; it is copied when it crosses processes."""
    return self


@method
def is_shared(self):
    """Whether the memory is shared between processes; none is."""
    return False


method(property(lambda self: None if self._alias is None else self._alias.base,
                doc="The tensor that this one is a differentiable view of, or None."), name="_base")


@method
def _is_view(self):
    """Whether it is a differentiable view of another tensor."""
    return self._alias is not None and self._alias.base is not None


@method
def is_conj(self):
    """Whether the conjugation of its values is still to be done; it never is."""
    return False


@method
def is_neg(self):
    """Whether the negation of its values is still to be done; it never is."""
    return False
