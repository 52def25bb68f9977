# ruff: noqa: F401  (the imports are the module)
"""Every function of the ``torch`` namespace, gathered from the modules that define them."""

from __future__ import annotations

from plugtorch.autograd.mode import (
    enable_grad,
    inference_mode,
    is_anomaly_check_nan_enabled,
    is_anomaly_enabled,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from plugtorch.spec.device import Device as device
from plugtorch.spec.dtypes import DType as dtype
from plugtorch.spec.dtypes import promote_types

from . import activations as _activations
from . import bitwise as _bitwise
from . import clamping as _clamping
from . import classification as _classification
from . import comparison as _comparison
from . import control_flow as _control_flow
from . import copying as _copying
from . import counting as _counting
from . import differences as _differences
from . import failures as _failures
from . import incomplete_gamma as _incomplete_gamma
from . import indexing as _indexing
from . import integers as _integers
from . import integration as _integration
from . import joining as _joining
from . import layouts as _layouts
from . import legacy_types as _legacy_types
from . import linear as _linear
from . import log_sums as _log_sums
from . import method_functions as _method_functions
from . import native as _native
from . import opaque_dtypes as _opaque_dtypes
from . import pointwise as _pointwise
from . import positions as _positions
from . import quantiles as _quantiles
from . import reductions as _reductions
from . import representation as _representation
from . import scans as _scans
from . import selection as _selection
from . import settings as _settings
from . import shaping as _shaping
from . import short_time as _short_time
from . import sorting as _sorting
from . import special_functions as _special
from . import splitting as _splitting
from . import storage as _storage
from . import strides as _strides
from . import symbolic as _symbolic
from . import tensor_extras as _extras
from . import vendor_ops as _vendor_ops
from . import view_copies as _view_copies
from . import windows as _windows
from .amp import autocast_mode as _autocast
from .amp.grad_scaler import GradScaler
from .compilation import compile
from .creation import (
    arange,
    as_tensor,
    asarray,
    empty,
    empty_like,
    empty_permuted,
    empty_strided,
    eye,
    from_numpy,
    frombuffer,
    full,
    full_like,
    linspace,
    logspace,
    ones,
    ones_like,
    scalar_tensor,
    tensor,
    zeros,
    zeros_like,
)
from .creation import complex_ as complex
from .creation import range_ as range
from .devices.streams import Event, Stream
from .dispatch import is_tensor
from .dlpack import from_dlpack
from .info import finfo, iinfo
from .linalg import covariance as _covariance
from .linalg import distances as _distances
from .linalg import legacy as _legacy_matrices
from .linalg import lobpcg as _lobpcg
from .linalg import lowrank as _lowrank
from .linalg import norms as _norms
from .linalg import structured as _structured
from .printing import set_printoptions
from .quantized import fake as _fake_quantized
from .quantized import functions as _quantized
from .quantized import schemes as _quantized_schemes
from .random_functions import *  # noqa: F403
from .random_functions import __all__ as _random_names
from .sparse import entry as _sparse_entry
from .state import get_default_device, get_default_dtype, set_default_device, set_default_dtype
from .tensor import Size, Tensor
from .transfer import clone, detach

_FAMILIES = (_vendor_ops, _legacy_matrices, _norms, _distances, _structured, _covariance, _lowrank, _lobpcg,
             _integration, _activations,
             _pointwise, _comparison, _bitwise, _clamping, _selection, _classification, _reductions, _strides, _layouts,
             _shaping, _joining, _indexing, _linear, _sorting, _extras, _storage, _splitting, _positions, _scans,
             _legacy_types, _counting, _differences, _quantiles, _view_copies, _native, _autocast,
             _failures, _settings, _special,
             _incomplete_gamma, _integers, _log_sums, _representation, _short_time, _windows, _sparse_entry, _control_flow,
             _symbolic, _opaque_dtypes, _method_functions, _quantized_schemes, _quantized, _fake_quantized)
for _family in _FAMILIES:
    for _name in _family.__all__:
        globals()[_name] = getattr(_family, _name)

__all__ = sorted({
    *(_name for _family in _FAMILIES for _name in _family.__all__), *_random_names,
    "Event", "GradScaler", "Size", "Stream", "Tensor", "arange", "as_tensor", "asarray", "clone", "compile", "complex",
    "detach", "device", "dtype", "empty",
    "empty_like", "empty_permuted", "empty_strided", "enable_grad", "eye", "finfo", "from_dlpack", "from_numpy",
    "frombuffer", "full", "full_like", "get_default_device", "get_default_dtype",
    "iinfo", "inference_mode", "is_anomaly_check_nan_enabled", "is_anomaly_enabled",
    "is_grad_enabled", "is_inference_mode_enabled", "is_tensor", "linspace", "logspace",
    "no_grad", "ones", "ones_like", "promote_types", "range", "scalar_tensor", "set_default_device", "set_default_dtype",
    "set_grad_enabled", "set_printoptions", "tensor", "zeros", "zeros_like",
})
