"""Observers: modules that pass tensors on, record their bounds, and choose a scale and a zero point by them."""

from __future__ import annotations

import warnings
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.quantized import schemes
from plugtorch.frontend.tensor import Tensor
from plugtorch.spec import dtypes

from .utils import WithArgs, is_per_channel, is_per_tensor, is_symmetric, observed_bounds

__all__ = [
    "FixedQParamsObserver", "MinMaxObserver", "MovingAverageMinMaxObserver", "MovingAveragePerChannelMinMaxObserver",
    "NoopObserver", "ObserverBase", "PerChannelMinMaxObserver", "PlaceholderObserver", "RecordingObserver",
    "ReuseInputObserver", "UniformQuantizationObserverBase", "default_affine_fixed_qparams_observer",
    "default_debug_observer", "default_dynamic_quant_observer", "default_fixed_qparams_range_0to1_observer",
    "default_fixed_qparams_range_neg1to1_observer", "default_float_qparams_observer", "default_float_qparams_observer_4bit",
    "default_observer", "default_per_channel_weight_observer", "default_placeholder_observer",
    "default_reuse_input_observer", "default_symmetric_fixed_qparams_observer", "default_weight_observer",
    "get_observer_state_dict", "load_observer_state_dict", "per_channel_weight_observer_range_neg_127_to_127",
    "weight_observer_range_neg_127_to_127",
]

_EPS = 1.1920928955078125e-07  # of float32
_INF = float("inf")


class ObserverBase(WithArgs, Module):
    """Base class of observers. A subclass defines ``forward``, which returns its input, and ``calculate_qparams``.

    Args:
        dtype: of the integers that values are mapped to.
        is_dynamic: whether the scale is chosen anew for each tensor when the converted model runs.
    """

    def __init__(self, dtype, is_dynamic: bool = False):
        super().__init__()
        self.dtype = dtype
        self.is_dynamic = is_dynamic

    def forward(self, x):
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def calculate_qparams(self, **kwargs):
        """The scale and the zero point."""
        raise NotImplementedError(f"{type(self).__name__} does not define calculate_qparams()")


class UniformQuantizationObserverBase(ObserverBase):
    """Base class of the observers that choose one distance between all neighbouring values.

    Args:
        dtype: of the integers.
        qscheme: whether there is one scale or one per channel, and whether zero is in the middle.
        reduce_range: leave one bit of the integers unused.
        quant_min, quant_max: bounds of the integers, where they are not those of the dtype.
        factory_kwargs: ``device`` and ``dtype`` of the buffers.
        eps: the smallest scale.
        is_dynamic: see :class:`ObserverBase`.
    """

    _version = 3

    def __init__(self, dtype=schemes.quint8, qscheme=schemes.per_tensor_affine, reduce_range: bool = False, quant_min=None,
                 quant_max=None, factory_kwargs=None, eps: float = _EPS, is_dynamic: bool = False, **kwargs: Any):
        super().__init__(dtype, is_dynamic, **kwargs)
        self.qscheme = qscheme
        if reduce_range:
            warnings.warn("Please use quant_min and quant_max to specify the range for observers.                     "
                          "reduce_range will be deprecated in a future release of PyTorch.", stacklevel=2)
        self.reduce_range = reduce_range
        self.register_buffer("eps", fn.tensor([eps], **(factory_kwargs or {})))
        if not (is_per_tensor(qscheme) or is_per_channel(qscheme)):
            raise AssertionError("Default Observer only works for per_tensor_affine, per_tensor_symmetric, "
                                 "per_channel_affine, per_channel_symmetric and per_channel_float_qparams quantization "
                                 "scheme")
        self.has_customized_qrange = quant_min is not None and quant_max is not None
        if self.has_customized_qrange:
            _check_range(quant_min, quant_max)
        self.quant_min, self.quant_max = observed_bounds(dtype, quant_min, quant_max, reduce_range)

    def _calculate_qparams(self, least: Tensor, most: Tensor) -> tuple[Tensor, Tensor]:
        """The scale (float32) and the zero point (an integer, or float32 with ``per_channel_affine_float_qparams``) of
        values between ``least`` and ``most``, each of one element or of one per channel."""
        if not _are_bounds(least, most):
            return fn.tensor([1.0], device=least.device), fn.tensor([0], device=least.device)
        low, high = self.quant_min, self.quant_max
        zero_point = fn.zeros(least.size(), dtype=dtypes.int64, device=least.device)
        below, above = least.clamp(max=0.0), most.clamp(min=0.0)
        if is_symmetric(self.qscheme):
            scale = fn.maximum(-below, above) / (float(high - low) / 2)
            scale = fn.maximum(scale, self.eps)
            if self.dtype in (schemes.quint8, dtypes.uint8):
                zero_point = zero_point.fill_((low + high) // 2 if self.has_customized_qrange else 128)
            elif self.dtype is dtypes.uint16:
                zero_point = zero_point.fill_(2**15)
        elif self.qscheme is schemes.per_channel_affine_float_qparams:
            scale = (most - least) / float(high - low)
            scale = fn.where(scale > self.eps, scale, fn.ones_like(scale))
            zero_point = -1 * least / scale
        else:
            scale = fn.maximum((above - below) / float(high - low), self.eps)
            zero_point = (low - (below / scale).round().to(dtypes.int32)).clamp(low, high)
        if scale.dim() == 0:
            scale = scale.reshape(1)
        if zero_point.dim() == 0:
            zero_point = zero_point.reshape(1)
        return scale, zero_point

    def _load_bounds(self, state_dict, prefix, strict, missing_keys):
        """Takes min_val and max_val, whatever their number, out of a state before the buffers are filled."""
        for name in ("min_val", "max_val"):
            key = prefix + name
            if key in state_dict:
                found = state_dict[key]
                if found.numel() == 0 and is_per_tensor(self.qscheme):  # up to version 2, where nothing was seen
                    found = state_dict[key] = fn.tensor(_INF if name == "min_val" else -_INF)
                setattr(self, name, found.detach().clone())
            elif strict:
                missing_keys.append(key)


def _check_range(low, high):
    if not low <= 0 <= high:
        raise AssertionError("Used-specified quantization range must include 0.")
    if not low < high:
        raise AssertionError("qmin must be strictly less than qmax for user-specified quantization range.")


def _are_bounds(least, most) -> bool:
    if least.numel() == 0 or bool(((least == _INF) & (most == -_INF)).all()):
        warnings.warn("must run observer before calling calculate_qparams. Returning default values.", stacklevel=4)
        return False
    if not bool((least <= most).all()):
        raise AssertionError(f"min {least} should be less than max {most}")
    return True


class MinMaxObserver(UniformQuantizationObserverBase):
    """Records the smallest and the largest value of all tensors; the arguments are those of the base class.

    ``scale = (max - min) / (quant_max - quant_min)``, zero included in the range, and
    ``zero_point = quant_min - min / scale``; symmetric, ``scale = 2 max(|min|, max) / (quant_max - quant_min)`` and
    zero in the middle.

    Raises:
        NotImplementedError: a scheme with a scale per channel, or a reduced range with quint8 and a symmetric scheme.
    """

    def __init__(self, dtype=schemes.quint8, qscheme=schemes.per_tensor_affine, reduce_range: bool = False, quant_min=None,
                 quant_max=None, factory_kwargs=None, eps: float = _EPS, is_dynamic: bool = False, **kwargs: Any):
        name = type(self).__name__
        if not is_per_tensor(qscheme):
            raise NotImplementedError(f"{name}'s qscheme only support torch.per_tensor_symmetric                     and "
                                      "torch.per_tensor_affine.")
        if is_dynamic and getattr(self, "averaging_constant", 1) != 1:
            raise NotImplementedError(f"{name} doesn't support dynamic quantization for averaging constant of "
                                      f"{self.averaging_constant}")
        super().__init__(dtype, qscheme, reduce_range, quant_min, quant_max, factory_kwargs, eps, is_dynamic, **kwargs)
        factory = factory_kwargs or {}
        self.register_buffer("min_val", fn.tensor(_INF, **factory))
        self.register_buffer("max_val", fn.tensor(-_INF, **factory))
        if qscheme is schemes.per_tensor_symmetric and reduce_range and dtype is schemes.quint8:
            raise NotImplementedError("Cannot reduce range for symmetric                                        "
                                      "quantization for quint8")

    def forward(self, x_orig):
        if x_orig.numel() == 0:
            return x_orig
        x = x_orig.detach().to(self.min_val.dtype)
        least, most = fn.aminmax(x)
        self.min_val.copy_(fn.minimum(least, self.min_val))
        self.max_val.copy_(fn.maximum(most, self.max_val))
        return x_orig

    def calculate_qparams(self):
        """The scale and the zero point, each of one element."""
        return self._calculate_qparams(self.min_val, self.max_val)

    def extra_repr(self):
        return f"min_val={self.min_val}, max_val={self.max_val}"

    def reset_min_max_vals(self):
        """Forget what was seen."""
        self.min_val.copy_(fn.tensor(_INF))
        self.max_val.copy_(fn.tensor(-_INF))


class MovingAverageMinMaxObserver(MinMaxObserver):
    """Records moving averages of the smallest and the largest value: ``min += averaging_constant (new - min)``.

    Args:
        averaging_constant: the weight of a new tensor.
        dtype, qscheme, reduce_range, quant_min, quant_max, eps, is_dynamic: see :class:`UniformQuantizationObserverBase`.
    """

    def __init__(self, averaging_constant: float = 0.01, dtype=schemes.quint8, qscheme=schemes.per_tensor_affine,
                 reduce_range: bool = False, quant_min=None, quant_max=None, eps: float = _EPS, is_dynamic: bool = False,
                 **kwargs: Any):
        self.__dict__["averaging_constant"] = averaging_constant  # asked for before the module's own tables are there
        super().__init__(dtype, qscheme, reduce_range, quant_min, quant_max, eps=eps, is_dynamic=is_dynamic, **kwargs)

    def forward(self, x_orig):
        if x_orig.numel() == 0:
            return x_orig
        least, most = fn.aminmax(x_orig.detach().to(self.min_val.dtype))
        _average(self, least, most, bool(self.min_val == _INF) and bool(self.max_val == -_INF))
        return x_orig


def _average(observer, least, most, first):
    if not first:
        c = observer.averaging_constant
        least = observer.min_val + c * (least - observer.min_val)
        most = observer.max_val + c * (most - observer.max_val)
    _store(observer, least, most)


def _store(observer, least, most):
    if observer.min_val.size() != least.size():
        observer.min_val.resize_(least.size())
        observer.max_val.resize_(most.size())
    observer.min_val.copy_(least)
    observer.max_val.copy_(most)


class PerChannelMinMaxObserver(UniformQuantizationObserverBase):
    """Records the smallest and the largest value of each channel.

    Args:
        ch_axis: the dimension of the channels.
        dtype, qscheme, reduce_range, quant_min, quant_max, factory_kwargs, eps: see
            :class:`UniformQuantizationObserverBase`.
        is_dynamic: not supported.

    Raises:
        NotImplementedError: a scheme with one scale, or ``is_dynamic``.
    """

    def __init__(self, ch_axis: int = 0, dtype=schemes.quint8, qscheme=schemes.per_channel_affine,
                 reduce_range: bool = False, quant_min=None, quant_max=None, factory_kwargs=None, eps: float = _EPS,
                 is_dynamic: bool = False, **kwargs: Any):
        if not is_per_channel(qscheme):
            raise NotImplementedError("PerChannelMinMaxObserver's qscheme only support                     "
                                      "torch.per_channel_symmetric, torch.per_channel_affine and "
                                      "torch.per_channel_affine_float_qparams.")
        if is_dynamic:
            raise NotImplementedError("PerChannelMinMaxObserver doesn't support dynamic quantization")
        super().__init__(dtype, qscheme, reduce_range, quant_min, quant_max, factory_kwargs, eps, is_dynamic, **kwargs)
        self.ch_axis = ch_axis
        factory = factory_kwargs or {}
        self.register_buffer("min_val", fn.tensor([], **factory))
        self.register_buffer("max_val", fn.tensor([], **factory))
        if qscheme is schemes.per_channel_symmetric and reduce_range and dtype is schemes.quint8:
            raise NotImplementedError("Cannot reduce range for symmetric quantization for quint8")

    def _rows(self, x):
        rows = x.detach().to(self.min_val.dtype).movedim(self.ch_axis, 0)
        return fn.aminmax(rows.reshape(rows.size(0), -1), dim=1)

    def forward(self, x_orig):
        if x_orig.numel() == 0:
            return x_orig
        least, most = self._rows(x_orig)
        if self.min_val.numel():
            least, most = fn.minimum(least, self.min_val), fn.maximum(most, self.max_val)
        _store(self, least, most)
        return x_orig

    def calculate_qparams(self):
        """Scales and zero points, one per channel."""
        return self._calculate_qparams(self.min_val, self.max_val)

    def extra_repr(self):
        return f"min_val={self.min_val}, max_val={self.max_val}"

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        # The number of channels is known once values were seen, so that the buffers take the size of the state's.
        self._load_bounds(state_dict, prefix, strict, missing_keys)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)

    def reset_min_max_vals(self):
        """Forget what was seen."""
        self.min_val, self.max_val = fn.rand(0), fn.rand(0)


class MovingAveragePerChannelMinMaxObserver(PerChannelMinMaxObserver):
    """Records moving averages of the smallest and the largest value of each channel; see
    :class:`MovingAverageMinMaxObserver` and :class:`PerChannelMinMaxObserver`."""

    def __init__(self, averaging_constant: float = 0.01, ch_axis: int = 0, dtype=schemes.quint8,
                 qscheme=schemes.per_channel_affine, reduce_range: bool = False, quant_min=None, quant_max=None,
                 eps: float = _EPS, is_dynamic: bool = False, **kwargs: Any):
        super().__init__(ch_axis, dtype, qscheme, reduce_range, quant_min, quant_max, eps=eps, is_dynamic=is_dynamic,
                         **kwargs)
        self.averaging_constant = averaging_constant

    def forward(self, x_orig):
        if x_orig.numel() == 0:
            return x_orig
        least, most = self._rows(x_orig)
        _average(self, least, most, self.min_val.numel() == 0)
        return x_orig


class FixedQParamsObserver(ObserverBase):
    """Observes nothing: the scale and the zero point are given, as for the results of a sigmoid.

    Args:
        scale, zero_point: numbers.
        dtype, qscheme, quant_min, quant_max, is_dynamic: see :class:`UniformQuantizationObserverBase`.
    """

    def __init__(self, scale, zero_point, dtype=schemes.quint8, qscheme=schemes.per_tensor_affine, quant_min: int = 0,
                 quant_max: int = 255, is_dynamic: bool = False, **kwargs: Any):
        if is_dynamic:
            raise NotImplementedError("FixedQParamsObserver doesn't support dynamic quantization")
        super().__init__(dtype, is_dynamic, **kwargs)
        self.quant_min, self.quant_max = quant_min, quant_max
        self.register_buffer("scale", fn.tensor([scale], dtype=dtypes.float32))
        self.register_buffer("zero_point", fn.tensor([zero_point], dtype=dtypes.int32))
        self.qscheme = qscheme

    def forward(self, X):
        return X

    def calculate_qparams(self):
        """The given scale and zero point."""
        return self.scale, self.zero_point


class PlaceholderObserver(ObserverBase):
    """Observes nothing: says a dtype, as of weights stored in half precision or of activations quantised as they come.

    Args:
        dtype: of the values.
        custom_op_name: kept, for other programs.
        compute_dtype: the dtype of computations; sets ``is_dynamic``.
        quant_min, quant_max, qscheme, eps: kept, for other programs.
        is_dynamic: see :class:`ObserverBase`.
    """

    def __init__(self, dtype=dtypes.float32, custom_op_name="", compute_dtype=None, quant_min=None, quant_max=None,
                 qscheme=None, eps=None, is_dynamic=False):
        super().__init__(dtype, is_dynamic)
        self.qscheme = schemes.per_tensor_affine if qscheme is None else qscheme
        self.quant_min, self.quant_max, self.eps = quant_min, quant_max, eps
        self.custom_op = custom_op_name
        if compute_dtype:
            warnings.warn("Please use `is_dynamic` instead of `compute_dtype`.                     `compute_dtype` will be "
                          "deprecated in a future release                     of PyTorch.", stacklevel=2)
            self.is_dynamic = True

    def forward(self, x):
        return x

    def extra_repr(self):
        return f"dtype={self.dtype}, is_dynamic={self.is_dynamic}"

    def calculate_qparams(self):
        """There are none.

        Raises:
            Exception: always.
        """
        raise Exception("calculate_qparams should not be called for PlaceholderObserver")  # noqa: TRY002


class RecordingObserver(ObserverBase):
    """Keeps the tensors themselves, for finding errors.

    Args:
        dtype: as of the other observers.
    """

    def __init__(self, dtype=schemes.quint8):
        super().__init__(dtype, is_dynamic=False)
        self.tensor_val: list[Tensor] = []

    def forward(self, x):
        self.tensor_val.append(x.clone())
        return x

    def calculate_qparams(self):
        """There are none.

        Raises:
            Exception: always.
        """
        raise Exception("calculate_qparams should not be called for RecordingObserver")  # noqa: TRY002

    def get_tensor_value(self):
        """The tensors that were seen."""
        return self.tensor_val


class NoopObserver(ObserverBase):
    """Observes nothing; for weights that are merely stored in half precision.

    Args:
        dtype: of the values.
        custom_op_name: kept, for other programs.
    """

    def __init__(self, dtype=dtypes.float16, custom_op_name=""):
        super().__init__(dtype, is_dynamic=False)
        self.custom_op = custom_op_name

    def forward(self, x):
        return x

    def calculate_qparams(self):
        """There are none.

        Raises:
            Exception: always.
        """
        raise Exception("calculate_qparams should not be called for NoopObserver")  # noqa: TRY002


class ReuseInputObserver(ObserverBase):
    """Observes nothing: the result of what only rearranges values has the scale of its input."""

    def __init__(self):
        super().__init__(schemes.quint8, is_dynamic=False)

    def forward(self, x):
        return x

    def calculate_qparams(self):
        """There are none.

        Raises:
            Exception: always.
        """
        raise Exception("calculate_qparams should not be called for ReuseInputObserver")  # noqa: TRY002


def get_observer_state_dict(mod: Module) -> dict[str, Any]:
    """The entries of a model's ``state_dict`` that belong to observers."""
    return {k: v for k, v in mod.state_dict().items() if "activation_post_process" in k}


def load_observer_state_dict(mod: Module, obs_dict: dict[str, Any]) -> None:
    """Gives the observers of a model the state that :func:`get_observer_state_dict` took.

    Raises:
        Exception: keys are missing or unexpected.
    """
    missing, unexpected = mod.load_state_dict(obs_dict, strict=False)
    missing = [k for k in missing if "activation_post_process" in k]
    for keys, kind in ((missing, "missing"), (unexpected, "unexpected")):
        if keys:
            raise Exception(f"There are {kind} keys in the observer state_dict: {set(keys)}")  # noqa: TRY002


default_observer = MinMaxObserver.with_args(quant_min=0, quant_max=127)
default_placeholder_observer = PlaceholderObserver
default_debug_observer = RecordingObserver
default_weight_observer = MinMaxObserver.with_args(dtype=schemes.qint8, qscheme=schemes.per_tensor_symmetric)
weight_observer_range_neg_127_to_127 = MinMaxObserver.with_args(
    dtype=schemes.qint8, qscheme=schemes.per_tensor_symmetric, quant_min=-127, quant_max=127, eps=2**-12)
default_per_channel_weight_observer = PerChannelMinMaxObserver.with_args(
    dtype=schemes.qint8, qscheme=schemes.per_channel_symmetric)
per_channel_weight_observer_range_neg_127_to_127 = PerChannelMinMaxObserver.with_args(
    dtype=schemes.qint8, qscheme=schemes.per_channel_symmetric, quant_min=-127, quant_max=127, eps=2**-12)
default_dynamic_quant_observer = PlaceholderObserver.with_args(
    dtype=schemes.quint8, quant_min=0, quant_max=255, is_dynamic=True)
default_float_qparams_observer = PerChannelMinMaxObserver.with_args(
    dtype=schemes.quint8, qscheme=schemes.per_channel_affine_float_qparams, ch_axis=0)
default_float_qparams_observer_4bit = PerChannelMinMaxObserver.with_args(
    dtype=schemes.quint4x2, qscheme=schemes.per_channel_affine_float_qparams, ch_axis=0)
default_fixed_qparams_range_neg1to1_observer = FixedQParamsObserver.with_args(
    scale=2.0 / 256.0, zero_point=128, dtype=schemes.quint8, quant_min=0, quant_max=255)
default_fixed_qparams_range_0to1_observer = FixedQParamsObserver.with_args(
    scale=1.0 / 256.0, zero_point=0, dtype=schemes.quint8, quant_min=0, quant_max=255)
default_symmetric_fixed_qparams_observer = default_fixed_qparams_range_neg1to1_observer
default_affine_fixed_qparams_observer = default_fixed_qparams_range_0to1_observer
default_reuse_input_observer = ReuseInputObserver
