"""Names of the ``torch`` namespace that are methods of tensors, or constants of what the library was built with."""

from __future__ import annotations

import os

from plugtorch.autograd.mode import set_detect_anomaly

from . import layouts
from .linear import addmv
from .methods import exporter, inplace_twin, method
from .opaque_dtypes import chalf as _chalf
from .storage import FloatStorage, TypedStorage, UntypedStorage

__all__ = ["Storage", "StorageBase", "addmv_", "has_lapack", "has_mkl", "has_openmp", "has_spectral",
           "legacy_contiguous_format", "newaxis"]
_export = exporter(__all__)

newaxis = None
legacy_contiguous_format = layouts.contiguous_format
# Linear algebra, Fourier transforms and threads come with the array libraries.
has_lapack = has_spectral = has_openmp = True
has_mkl = False
Storage, StorageBase = FloatStorage, UntypedStorage
addmv_ = inplace_twin(addmv)


def _function(name, doc):
    def function(input, *args, **kwargs):
        return getattr(input, name)(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    globals()[name] = function
    __all__.append(name)


for _name, _doc in {
        "as_strided_": "Makes a tensor see its memory by other sizes and strides; see :meth:`Tensor.as_strided_`.",
        "detach_": "Takes a tensor out of its graph, in place.",
        "get_device": "The index of a tensor's device, -1 on the CPU.",
        "is_conj": "Whether the conjugation of a tensor's values is still to be done; it never is.",
        "is_neg": "Whether the negation of a tensor's values is still to be done; it never is.",
        "resolve_conj": "The tensor itself: conjugations are done at once.",
        "resolve_neg": "The tensor itself: negations are done at once."}.items():
    _function(_name, _doc)


@_export
def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """Switches anomaly detection on or off; see :class:`plugtorch.autograd.set_detect_anomaly`."""
    set_detect_anomaly(enabled, check_nan)


@_export
def from_file(filename, shared=None, size=0, *, dtype=None, layout=None, device=None, pin_memory=False):
    """A tensor on a file's memory.

    Args:
        filename: a path.
        shared: whether writes go to the file, which is made as long as needed; else they stay in memory.
        size: the number of elements.
        dtype: of the elements, the default dtype unless given.

    Returns:
        Shape (size,).

    Raises:
        RuntimeError: the file is too short, and not shared.
    """
    import numpy as np

    from . import state
    from .creation import from_numpy

    dtype = dtype or state.get_default_dtype()
    wanted = size * dtype.itemsize
    path = os.fspath(filename)
    have = os.path.getsize(path) if os.path.exists(path) else 0
    if have < wanted:
        if not shared:
            raise RuntimeError(f"file <{path}> size <{have}> is smaller than the required mapping size <{wanted}>")
        with open(path, "ab") as file:
            file.truncate(wanted)
    if not size:
        return from_numpy(np.empty(0, dtype.numpy))
    t = from_numpy(np.memmap(path, dtype.numpy, "r+" if shared else "c", 0, (size,)))
    return t if device is None else t.to(device)


@_export
def get_file_path(*path_components: str) -> str:
    """A path inside the package's folder."""
    return os.path.join(os.path.dirname(os.path.dirname(__file__)), *path_components)


@_export
def prepare_multiprocessing_environment(path: str) -> None:
    """Nothing: processes need no preparation."""


@_export
def thread_safe_generator():
    """The generator of a thread that loads data for a DataLoader; None: data is loaded by processes."""
    return None


@_export
def profiler_allow_cudagraph_cupti_lazy_reinit_cuda12() -> bool:
    """True: no profile of the library stands in the way of CUDA graphs."""
    return True


@_export
class classproperty:  # noqa: N801
    """A property of a class itself."""

    def __init__(self, function):
        self.fget = getattr(function, "__func__", function)

    def __get__(self, instance, owner=None):
        return self.fget(type(instance) if owner is None else owner)


def _quantized_storage(name):
    from .not_offered import refused_class

    cls = refused_class(name, "quantised tensors lie on storages of plain integers: use UntypedStorage or int_repr()",
                        base=TypedStorage)
    globals()[name] = cls
    __all__.append(name)


for _name in ("QInt8Storage", "QInt32Storage", "QUInt8Storage", "QUInt4x2Storage", "QUInt2x4Storage"):
    _quantized_storage(_name)


@method
def chalf(self, memory_format=None):
    """Would be a copy as half complex numbers.

    Raises:
        NotImplementedError: always, as no array library has them.
    """
    return _chalf.numpy


@method
def const_data_ptr(self):
    """The address of the first element, as :meth:`Tensor.data_ptr`."""
    return self.data_ptr()


@method
def to_mkldnn(self, dtype=None):
    """Would be the tensor in oneDNN's own layout.

    Raises:
        NotImplementedError: always: layouts are the array library's matter.
    """
    from .not_offered import message

    raise NotImplementedError(message("Tensor.to_mkldnn", "layouts are the array library's matter"))


@method
def map2_(self, x, y, callable):
    """Replaces every element by ``callable(element, other, third)`` with the elements of two other tensors."""
    import itertools

    pairs = iter(list(itertools.zip_longest(*(t.detach().expand(self._a.shape).reshape(-1).tolist() for t in (x, y)))))
    return self.apply_(lambda value: callable(value, *next(pairs)))
