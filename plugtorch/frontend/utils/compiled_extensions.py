"""Parts of ``torch.utils`` that stand on PyTorch's compiled core, which is not here."""

from __future__ import annotations

from plugtorch.frontend.not_offered import REFUSED, message, refused_class, refused_function

_CPP = "there is no C++ interface: write a backend or an op plugin in Python, see the docs"
CPP_EXTENSION = ("BuildExtension", "CUDAExtension", "CppExtension", "SyclExtension", "include_paths", "library_paths",
                 "load", "load_inline", "is_ninja_available", "verify_ninja_availability")
_MOBILE = "programs are run by Python and not written for PyTorch's mobile interpreter"
MOBILE_OPTIMIZER = ("MobileOptimizerType", "generate_mobile_module_lints", "optimize_for_mobile")
for _name in CPP_EXTENSION:
    _make = refused_class if _name.endswith("Extension") else refused_function
    globals()[_name] = _make(f"utils.cpp_extension.{_name}", _CPP)
for _name in MOBILE_OPTIMIZER:
    globals()[_name] = refused_function(f"utils.mobile_optimizer.{_name}", _MOBILE)
_DISPATCH = "ops are methods of a backend and are not dispatched; use torch.overrides.TorchFunctionMode"
REFUSED["utils._python_dispatch.TorchDispatchMode"] = _DISPATCH


class TorchDispatchMode:
    """A mode that would see every kernel. It may be subclassed, and not entered.

    Raises:
        NotImplementedError: it is entered.
    """

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError(message("utils._python_dispatch.TorchDispatchMode", _DISPATCH))

    def __enter__(self):
        raise NotImplementedError(message("utils._python_dispatch.TorchDispatchMode", _DISPATCH))

    def __exit__(self, *exc):
        return None
