"""Parameters and buffers: tensors that a module owns."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.operators import fast_types
from plugtorch.frontend.tensor import Tensor

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "UninitializedTensorMixin", "is_lazy"]


class _ParameterMeta(type(Tensor)):
    """Lets a tensor of a user's own subclass count as a Parameter once it is marked as one."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if super().__instancecheck__(instance):
            return True
        return cls is Parameter and isinstance(instance, Tensor) and getattr(instance, "_is_param", False)


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A tensor that a :class:`Module` registers when it is assigned as an attribute.

    Args:
        data: values of the parameter, any shape; an empty float tensor if left out. The parameter shares
            its storage.
        requires_grad: whether autograd records operations on it. Only floating point and complex dtypes
            can require gradients.

    ``data`` of a subclass of Tensor keeps its class and is marked as a parameter.
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        if data is None:
            data = fn.empty(0)
        if requires_grad and not (data.is_floating_point() or data.is_complex()):
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        kind = type(data)
        if kind is Tensor or issubclass(kind, Parameter):
            return data.detach().as_subclass(cls).requires_grad_(requires_grad)
        own = data.detach().as_subclass(kind).requires_grad_(requires_grad)
        own._is_param = True
        return own

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        # __new__ made the tensor; there is nothing left to set, whatever the base class would do here.
        pass

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) in memo:
            return memo[id(self)]
        result = type(self)(self.detach().clone(), self.requires_grad)
        memo[id(self)] = result
        return result

    def __reduce_ex__(self, protocol: int) -> tuple:
        return _rebuild_parameter, (self.detach().as_subclass(Tensor), self.requires_grad, OrderedDict())


# Operators need not look for overrides on a parameter: results are plain tensors.
fast_types(Parameter)


def _rebuild_parameter(data: Tensor, requires_grad: bool, backward_hooks: Any = None) -> Parameter:
    """Make a pickled parameter again. Hooks are not stored, so ``backward_hooks`` is always empty."""
    return Parameter(data, requires_grad)


class _BufferMeta(type(Tensor)):
    def __instancecheck__(cls, instance: Any) -> bool:
        if super().__instancecheck__(instance):
            return True
        return cls is Buffer and isinstance(instance, Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(Tensor, metaclass=_BufferMeta):
    """Mark a tensor so that a :class:`Module` registers it as a buffer on assignment.

    Args:
        data: values of the buffer, any shape; an empty float tensor if left out.
        persistent: whether the buffer is part of the module's ``state_dict``.

    The result is a tensor of the class of ``data`` that shares its storage.
    """

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Tensor:
        if data is None:
            data = fn.empty(0)
        marked = data.detach().requires_grad_(data.requires_grad)
        marked._is_buffer = True
        marked.persistent = persistent
        return marked


_LAZY_REFUSAL = (
    "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
    "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. "
    "Call `forward` to initialize the parameters before accessing their attributes."
)


class UninitializedTensorMixin:
    """What an uninitialised parameter and buffer share: a dtype and a device, and no shape yet."""

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Give the tensor memory of ``shape`` (uninitialised values) and its ordinary class."""
        device = self.device if device is None else device
        dtype = self.dtype if dtype is None else dtype
        self.data = fn.empty(shape, device=device, dtype=dtype)
        self.__class__ = self.cls_to_become

    @property
    def shape(self) -> Any:
        raise RuntimeError(_LAZY_REFUSAL)

    def share_memory_(self) -> Any:
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the "
            "parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: int) -> tuple:
        return _rebuild_lazy, (type(self), self.requires_grad, self.device, self.dtype)


def _rebuild_lazy(cls: type, requires_grad: bool, device: Any, dtype: Any) -> Any:
    return cls(requires_grad, device=device, dtype=dtype)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is found at the first forward call; see the ``Lazy`` modules."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        made = fn.empty(0, device=device, dtype=dtype).as_subclass(cls)
        return made.requires_grad_(requires_grad)

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        pass

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer whose shape is found at the first forward call; see the ``Lazy`` modules."""

    cls_to_become = Tensor

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> Any:
        made = fn.empty(0, device=device, dtype=dtype).as_subclass(cls)
        made.requires_grad_(requires_grad)
        made.persistent = persistent
        made._is_buffer = True
        return made

    def __init__(
        self, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> None:
        pass

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedBuffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype, self.persistent)
        return memo[id(self)]


def is_lazy(tensor: Any) -> bool:
    """Whether ``tensor`` is a parameter or buffer that has no shape yet."""
    return isinstance(tensor, UninitializedTensorMixin)
