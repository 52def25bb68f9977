"""Parameters that are functions of others: ``module.weight`` computed, whenever it is read, from what is stored."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.modules.container import ModuleDict, ModuleList
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.parameter import Parameter
from plugtorch.frontend.tensor import Tensor

__all__ = ["ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
           "transfer_parametrizations_and_params", "type_before_parametrizations"]

_cache_depth = 0
_cache: dict = {}


@contextlib.contextmanager
def cached():
    """Within it a parametrized tensor is computed once, when first read, and kept until the outermost block ends."""
    global _cache_depth
    _cache_depth += 1
    try:
        yield
    finally:
        _cache_depth -= 1
        if not _cache_depth:
            _cache.clear()


def _register(module, name, x):
    if isinstance(x, Parameter):
        module.register_parameter(name, x)
    else:
        module.register_buffer(name, x)


def _set(dest, source):
    """``dest`` with the values and shape of ``source``, still the same object, which an optimizer may hold."""
    if dest is not source:
        dest.data = source.detach()


def _check_same(what, have, result, other):
    for field in ("dtype", "shape"):
        if getattr(have, field) != getattr(result, field):
            raise ValueError(f"Registering a parametrization may not change the {field} of the tensor, unless the "
                             f"`unsafe` flag is enabled.\n{what}.{field}: {getattr(have, field)}\n{other}.{field}: "
                             f"{getattr(result, field)}")


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in the order in which they are applied, and the tensors they start from.

    Those are ``original``, or ``original0``, ``original1``, ... where the first parametrization's ``right_inverse`` gives
    several.

    Args:
        modules: the parametrizations, at least one.
        original: the tensor, as it was in the module.
        unsafe: whether shape and dtype may change.

    Raises:
        ValueError: no parametrizations, or results of another type, dtype or shape.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        new: Any = original
        with fn.no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    with contextlib.suppress(NotImplementedError):
                        new = module.right_inverse(new)
        if not isinstance(new, (Tensor, Sequence)):
            raise ValueError("'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                             f"Got {type(new).__name__}")
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        shape, dtype = original.shape, original.dtype
        if self.is_tensor:
            self._keep_one(original, new)
        else:
            self._keep_several(original, new)
        if not unsafe:
            result = self()
            if not isinstance(result, Tensor):
                raise ValueError(f"A parametrization must return a tensor. Got {type(result).__name__}.")
            if result.dtype != dtype or result.shape != shape:
                field = "dtype" if result.dtype != dtype else "shape"
                raise ValueError(f"Registering a parametrization may not change the {field} of the tensor, unless "
                                 "`unsafe` flag is "
                                 f"enabled.\nunparametrized {field}: {dtype if field == 'dtype' else shape}\nparametrized "
                                 f"{field}: {getattr(result, field)}")

    def _keep_one(self, original, new):
        if original.dtype != new.dtype:
            raise ValueError("When `right_inverse` outputs one tensor, it may not change the dtype.\noriginal.dtype: "
                             f"{original.dtype}\nright_inverse(original).dtype: {new.dtype}")
        if original.device != new.device:
            raise ValueError("When `right_inverse` outputs one tensor, it may not change the device.\noriginal.device: "
                             f"{original.device}\nright_inverse(original).device: {new.device}")
        with fn.no_grad():
            _set(original, new)
        _register(self, "original", original)

    def _keep_several(self, original, new):
        for i, part in enumerate(new):
            if not isinstance(part, Tensor):
                raise ValueError("'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got "
                                 f"element {i} "
                                 f"of the sequence with type {type(part).__name__}.")
            if isinstance(original, Parameter):
                part = Parameter(part, original.requires_grad)
            part.requires_grad_(original.requires_grad)
            _register(self, f"original{i}", part)

    def right_inverse(self, value: Tensor) -> None:
        """Stores what makes :meth:`forward` give ``value``, which is what an assignment to the tensor does.

        Raises:
            RuntimeError: a parametrization has no ``right_inverse``.
            ValueError: its result is of another kind, dtype or shape.
        """
        with fn.no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                value = module.right_inverse(value)
            if self.is_tensor:
                if not isinstance(value, Tensor):
                    raise ValueError(f"`right_inverse` should return a tensor. Got {type(value).__name__}")
                if value.dtype != self.original.dtype:
                    raise ValueError(f"The tensor returned by `right_inverse` has dtype {value.dtype} while `original` "
                                     f"has dtype {self.original.dtype}")
                _set(self.original, value)
                return
            if not isinstance(value, Sequence):
                raise ValueError(f"'right_inverse' must return a sequence of tensors. Got {type(value)}.")
            if len(value) != self.ntensors:
                raise ValueError(f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. Got a "
                                 f"sequence of length {len(value)}.")
            for i, part in enumerate(value):
                kept = getattr(self, f"original{i}")
                if not isinstance(part, Tensor):
                    raise ValueError(f"`right_inverse` must return a sequence of tensors. Got element {i} of type "
                                     f"{type(part)}")
                if kept.dtype != part.dtype:
                    raise ValueError(f"Tensor {i} returned by `right_inverse` has dtype {part.dtype} while `original{i}` "
                                     f"has dtype {kept.dtype}")
                _set(kept, part)

    def forward(self) -> Tensor:
        """The tensor, computed from the originals."""
        parts = (self.original,) if self.is_tensor else tuple(getattr(self, f"original{i}") for i in range(self.ntensors))
        x = self[0](*parts)
        for module in list(self)[1:]:
            x = module(x)
        return x


def _inject_class(module):
    cls = module.__class__

    def deep_copy(self, memo):
        replica = memo.get(id(self))
        if replica is None:
            replica = memo[id(self)] = self.__new__(self.__class__)
            replica.__dict__ = copy.deepcopy(self.__dict__, memo)
        return replica

    def state(self):
        raise RuntimeError("Serialization of parametrized modules is only supported through state_dict(). See:\n"
                           "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
                           "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training")

    members = {"__getstate__": state, "__module__": cls.__module__}
    if not hasattr(cls, "__deepcopy__"):
        members["__deepcopy__"] = deep_copy
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), members)


def _inject_property(module, name):
    def read(self):
        if not _cache_depth:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = self.parametrizations[name]()
        return _cache[key]

    def write(self, value):
        self.parametrizations[name].right_inverse(value)

    setattr(module.__class__, name, property(read, write))


def register_parametrization(module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Module:
    """Makes a parameter or buffer of a module the result of ``parametrization(original)``; returns the module.

    The original moves to ``module.parametrizations[tensor_name].original``. A parametrization with a ``right_inverse`` turns
    the present value, and later assignments, into originals. Several on one tensor are applied one after another.

    Args:
        unsafe: whether the parametrization may change shape and dtype, and is not tried here.

    Raises:
        ValueError: no such tensor, or the parametrization changes shape, dtype or type.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _try(module, tensor_name, parametrization)
        held = module.parametrizations[tensor_name]
        held.append(parametrization)
        held.unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        held = ParametrizationList([parametrization], original, unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _inject_class(module)
            module.parametrizations = ModuleDict()
        _inject_property(module, tensor_name)
        module.parametrizations[tensor_name] = held
    else:
        raise ValueError(f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
                         f"'{tensor_name}'")
    return module


def _try(module, name, parametrization):
    y = getattr(module, name)
    x = parametrization(y)
    if not isinstance(x, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(x)}.")
    _check_same(f"module.{name}", y, x, f"parametrization(module.{name})")
    if hasattr(parametrization, "right_inverse"):
        try:
            z = parametrization.right_inverse(x)
        except NotImplementedError:
            return
        if not isinstance(z, Tensor):
            raise ValueError(f"parametrization.right_inverse must return a tensor. Got: {type(z)}")
        for field in ("dtype", "shape"):
            if getattr(z, field) != getattr(y, field):
                raise ValueError(f"The tensor returned by parametrization.right_inverse must have the same {field} as "
                                 f"module.{name}, unless the `unsafe` flag is enabled.\nmodule.{name}.{field}: "
                                 f"{getattr(y, field)}\nreturned {field}: {getattr(z, field)}")


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrizations, or one of the given tensor."""
    held = getattr(module, "parametrizations", None)
    if not isinstance(held, ModuleDict):
        return False
    return len(held) > 0 if tensor_name is None else tensor_name in held


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Takes the parametrizations off a tensor, and leaves its present value, or else the original, as parameter or buffer.

    Raises:
        ValueError: it has none, or the original cannot be left because there are several.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    held = module.parametrizations[tensor_name]
    if held.is_tensor:
        original = held.original
        if leave_parametrized:
            with fn.no_grad():
                _set(original, getattr(module, tensor_name))
    elif leave_parametrized:
        t = getattr(module, tensor_name)
        original = Parameter(t.detach()) if t.requires_grad else t
    else:
        raise ValueError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms "
                         "of a sequence of tensors.")
    delattr(module.__class__, tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, original)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = module.__class__.__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class of a module without its parametrizations."""
    return module.__class__.__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(from_module: Module, to_module: Module, tensor_name: str | None = None) -> Module:
    """Gives a module the parametrizations of another, and their originals and the parameters behind them; returns it.

    Raises:
        AssertionError: ``from_module`` has no parametrization of ``tensor_name``, or none at all.
    """
    if not is_parametrized(from_module, tensor_name):
        raise AssertionError(f"{tensor_name!r} of the source module is not parametrized" if tensor_name
                             else "the source module is not parametrized")
    for name in [tensor_name] if tensor_name is not None else list(from_module.parametrizations):
        source = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(source.original.detach().clone()))
        for parametrization in source:
            register_parametrization(to_module, name, parametrization, unsafe=True)
        target = to_module.parametrizations[name]
        for key in ("original",) if source.is_tensor else tuple(f"original{i}" for i in range(source.ntensors)):
            if hasattr(source, key):
                setattr(target, key, getattr(source, key))
    return to_module
