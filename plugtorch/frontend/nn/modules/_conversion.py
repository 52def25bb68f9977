"""Moving a module to another device, backend or dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.modules._conversion_switches import get_overwrite_module_params_on_conversion
from plugtorch.frontend.tensor import Tensor


def _parse_to(args: tuple, kwargs: dict[str, Any]) -> tuple[Any, Any, bool, Any]:
    """Sort the arguments of ``to(device, dtype, non_blocking)``, ``to(dtype, non_blocking)`` and
    ``to(tensor, non_blocking)``; returns device, dtype, non_blocking, memory_format."""
    unknown = kwargs.keys() - {"device", "dtype", "non_blocking", "memory_format", "tensor"}
    if unknown:
        raise TypeError(f"to() got an unexpected keyword argument '{sorted(unknown)[0]}'")
    device, dtype = kwargs.get("device"), kwargs.get("dtype")
    rest = list(args)
    like = kwargs.get("tensor")
    if rest and isinstance(rest[0], Tensor):
        like = rest.pop(0)
    if like is not None:
        device, dtype = like.device, like.dtype
    elif rest and isinstance(rest[0], fn.dtype):
        dtype = rest.pop(0)
    elif rest:
        device = rest.pop(0)
        if rest and not isinstance(rest[0], bool):
            dtype = rest.pop(0)
    non_blocking = kwargs.get("non_blocking", rest.pop(0) if rest else False)
    if rest or not (dtype is None or isinstance(dtype, fn.dtype)):
        raise TypeError(
            "to() received an invalid combination of arguments: it takes (device, dtype, non_blocking), "
            f"(dtype, non_blocking) or (tensor, non_blocking), got {args}"
        )
    return device, dtype, non_blocking, kwargs.get("memory_format")


def _is_floating(tensor: Tensor) -> bool:
    return tensor.is_floating_point()


class ModuleConversion:
    """``_apply`` and what is built on it; all change the module in place and return it."""

    def _apply(self, fn_: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """Replace every parameter, gradient and buffer by ``fn_`` of it. Parameters stay the same objects,
        so that optimizers keep working."""
        if recurse:
            for module in self.children():
                module._apply(fn_)
        with fn.no_grad():
            for name, param in self._parameters.items():
                if param is None:
                    continue
                grad = param.grad
                if get_overwrite_module_params_on_conversion():
                    new = self._parameters[name] = type(param)(fn_(param), param.requires_grad)
                    if grad is not None:
                        new.grad = fn_(grad)
                    continue
                param.data = fn_(param)
                if grad is not None:
                    grad.data = fn_(grad)
                    param.grad = grad
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn_(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Move parameters and buffers to a device, and the floating point ones to a dtype.

        Called as ``to(device=None, dtype=None, non_blocking=False)``, ``to(dtype, non_blocking=False)``,
        ``to(tensor, non_blocking=False)`` or ``to(memory_format=channels_last)``.

        Raises:
            TypeError: for a dtype that is neither floating point nor complex.
        """
        device, dtype, non_blocking, memory_format = _parse_to(args, kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
            )

        def convert(t: Tensor) -> Tensor:
            target = dtype if t.is_floating_point() or t.is_complex() else None
            options = {"non_blocking": non_blocking}
            if device is not None:
                options["device"] = device
            if target is not None:
                options["dtype"] = target
            if memory_format is not None and t.dim() in (4, 5):
                options["memory_format"] = memory_format
            return t.to(**options)

        return self._apply(convert)

    def to_empty(self, *, device: Any, recurse: bool = True) -> Any:
        """Move to ``device`` without copying: the values there are uninitialised."""
        return self._apply(lambda t: fn.empty_like(t, device=device), recurse=recurse)

    def cuda(self, device: Any = None) -> Any:
        """Move parameters and buffers to the accelerator ``device``, the current one if None."""
        return self._apply(lambda t: t.cuda(device))

    def cpu(self) -> Any:
        """Move parameters and buffers to the CPU."""
        return self._apply(lambda t: t.cpu())

    def type(self, dst_type: Any) -> Any:
        """Cast all parameters and buffers, integer ones too, to ``dst_type``."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self) -> Any:
        """Cast floating point parameters and buffers to float32."""
        return self._apply(lambda t: t.float() if _is_floating(t) else t)

    def double(self) -> Any:
        """Cast floating point parameters and buffers to float64."""
        return self._apply(lambda t: t.double() if _is_floating(t) else t)

    def half(self) -> Any:
        """Cast floating point parameters and buffers to float16."""
        return self._apply(lambda t: t.half() if _is_floating(t) else t)

    def bfloat16(self) -> Any:
        """Cast floating point parameters and buffers to bfloat16."""
        return self._apply(lambda t: t.bfloat16() if _is_floating(t) else t)

    def share_memory(self) -> Any:
        """Move parameters and buffers to memory that other processes can share."""
        return self._apply(lambda t: t.share_memory_())
