"""Modules that observe tensors and round them as quantising would, for training with quantisation in mind (Jacob et al.,
"Quantization and training of neural networks for efficient integer-arithmetic-only inference", 2018)."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.quantized import schemes
from plugtorch.spec import dtypes

from .histogram import HistogramObserver
from .observer import (
    FixedQParamsObserver,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    default_fixed_qparams_range_0to1_observer,
    default_fixed_qparams_range_neg1to1_observer,
)
from .utils import Factory, WithArgs, bounds, is_per_channel, is_per_tensor, is_symmetric

__all__ = [
    "FakeQuantize", "FakeQuantizeBase", "FixedQParamsFakeQuantize", "FusedMovingAvgObsFakeQuantize",
    "default_affine_fixed_qparams_fake_quant", "default_dynamic_fake_quant", "default_embedding_fake_quant",
    "default_embedding_fake_quant_4bit", "default_fake_quant", "default_fixed_qparams_range_0to1_fake_quant",
    "default_fixed_qparams_range_neg1to1_fake_quant", "default_fused_act_fake_quant",
    "default_fused_per_channel_wt_fake_quant", "default_fused_wt_fake_quant", "default_histogram_fake_quant",
    "default_per_channel_weight_fake_quant", "default_symmetric_fixed_qparams_fake_quant", "default_weight_fake_quant",
    "disable_fake_quant", "disable_observer", "enable_fake_quant", "enable_observer",
    "fused_per_channel_wt_fake_quant_range_neg_127_to_127", "fused_wt_fake_quant_range_neg_127_to_127",
]


_AVERAGE, _AVERAGES = MovingAverageMinMaxObserver, MovingAveragePerChannelMinMaxObserver


class FakeQuantizeBase(WithArgs, Module):
    """Base class: whether to observe and whether to round are buffers of one integer, so that they are kept with the
    model's state."""

    def __init__(self):
        super().__init__()
        self.register_buffer("fake_quant_enabled", fn.tensor([1], dtype=dtypes.uint8))
        self.register_buffer("observer_enabled", fn.tensor([1], dtype=dtypes.uint8))

    def forward(self, x):
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def calculate_qparams(self, **kwargs):
        """The scale and the zero point."""
        raise NotImplementedError(f"{type(self).__name__} does not define calculate_qparams()")

    def enable_fake_quant(self, enabled: bool = True) -> None:
        """Round, or not."""
        self.fake_quant_enabled[0] = 1 if enabled else 0

    def disable_fake_quant(self) -> None:
        """Do not round."""
        self.enable_fake_quant(False)

    def enable_observer(self, enabled: bool = True) -> None:
        """Observe, or not."""
        self.observer_enabled[0] = 1 if enabled else 0

    def disable_observer(self) -> None:
        """Do not observe."""
        self.enable_observer(False)


class FakeQuantize(FakeQuantizeBase):
    """``(clamp(round(x / scale + zero_point), quant_min, quant_max) - zero_point) * scale``, with scale and zero point
    chosen by an observer; the gradient passes where values are inside the bounds.

    Args:
        observer: a class of observers, or a factory of them.
        quant_min, quant_max: bounds of the integers.
        is_dynamic: whether the scale is chosen anew for each tensor.
        observer_kwargs: arguments of the observer.

    Raises:
        AssertionError: bounds that the dtype does not have or in the wrong order, or a scheme of another kind.
    """

    def __init__(self, observer: Any = MovingAverageMinMaxObserver, quant_min=None, quant_max=None, is_dynamic: bool = False,
                 **observer_kwargs: Any):
        super().__init__()
        if quant_min is not None and quant_max is not None:
            if quant_min > quant_max:
                raise AssertionError("quant_min must be less than or equal to quant_max")
            dtype = observer_kwargs.get("dtype", schemes.quint8)
            if isinstance(observer, Factory):
                dtype = observer.p.keywords.get("dtype", dtype)
            smallest, largest = bounds(dtype)
            if smallest > quant_min:
                raise AssertionError("quant_min out of bound")
            if quant_max > largest:
                raise AssertionError("quant_max out of bound")
            observer_kwargs.update(quant_min=quant_min, quant_max=quant_max)
        observer_kwargs["is_dynamic"] = is_dynamic
        self.activation_post_process = observer(**observer_kwargs)
        self.quant_min = self.activation_post_process.quant_min
        self.quant_max = self.activation_post_process.quant_max
        self.is_dynamic = self.activation_post_process.is_dynamic
        zero_dtype = dtypes.int32
        if self.activation_post_process.qscheme is schemes.per_channel_affine_float_qparams:
            zero_dtype = dtypes.float32
        self.register_buffer("scale", fn.tensor([1.0], dtype=dtypes.float32))
        self.register_buffer("zero_point", fn.tensor([0], dtype=zero_dtype))
        self.dtype = self.activation_post_process.dtype
        self.qscheme = self.activation_post_process.qscheme
        self.ch_axis = getattr(self.activation_post_process, "ch_axis", -1)
        if not (is_per_channel(self.qscheme) or is_per_tensor(self.qscheme)):
            raise AssertionError("Only per channel and per tensor quantization are supported in fake quantize got qscheme: "
                                 + str(self.qscheme))
        self.is_per_channel = is_per_channel(self.qscheme)

    def calculate_qparams(self):
        """The observer's scale and zero point."""
        return self.activation_post_process.calculate_qparams()

    def forward(self, X):
        if self.observer_enabled[0] == 1:
            self.activation_post_process(X.detach())
            self._keep(*self.calculate_qparams())
        if self.fake_quant_enabled[0] == 1:
            if self.is_per_channel:
                return fn.fake_quantize_per_channel_affine(X, self.scale, self.zero_point, self.ch_axis, self.quant_min,
                                                           self.quant_max)
            return fn.fake_quantize_per_tensor_affine(X, self.scale, self.zero_point, self.quant_min, self.quant_max)
        return X

    def _keep(self, scale, zero_point):
        if self.scale.size() != scale.size():
            self.scale.resize_(scale.size())
            self.zero_point.resize_(zero_point.size())
        self.scale.copy_(scale)
        self.zero_point.copy_(zero_point)

    def extra_repr(self):
        return (f"fake_quant_enabled={self.fake_quant_enabled}, observer_enabled={self.observer_enabled}, "
                f"quant_min={self.activation_post_process.quant_min}, quant_max={self.activation_post_process.quant_max}, "
                f"dtype={self.dtype}, qscheme={self.qscheme}, ch_axis={self.ch_axis}, scale={self.scale}, "
                f"zero_point={self.zero_point}")

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        for name in ("scale", "zero_point"):  # there may be one per channel, which is known once values were seen
            key = prefix + name
            if key in state_dict and getattr(self, name).size() != state_dict[key].size():
                getattr(self, name).resize_(state_dict[key].size())
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)


class FixedQParamsFakeQuantize(FakeQuantize):
    """Rounds with a scale and a zero point that are given, as for the results of a sigmoid.

    Args:
        observer: a factory of :class:`FixedQParamsObserver`.
    """

    def __init__(self, observer):
        super().__init__(observer=observer)
        if type(self.activation_post_process) is not FixedQParamsObserver:
            raise AssertionError(f"{type(self).__name__}'s observer must be a FixedQParamsObserver")
        self.scale = self.activation_post_process.scale
        self.zero_point = self.activation_post_process.zero_point
        if not is_per_tensor(self.qscheme):
            raise AssertionError("Only per tensor quantization is supported FixedQParamsFakeQuantize module, got qscheme:"
                                 + str(self.qscheme))

    def calculate_qparams(self):
        """The given scale and zero point."""
        return self.scale, self.zero_point

    def extra_repr(self):
        return (f"fake_quant_enabled={self.fake_quant_enabled}, observer_enabled={self.observer_enabled}, "
                f"scale={self.scale}, zero_point={self.zero_point}, dtype={self.dtype}, "
                f"quant_min={self.activation_post_process.quant_min}, quant_max={self.activation_post_process.quant_max}, "
                f"qscheme={self.qscheme}")


class FusedMovingAvgObsFakeQuantize(FakeQuantize):
    """:class:`FakeQuantize` with a moving average, done by :func:`fused_moving_avg_obs_fake_quant`; the arguments are the
    same.

    Raises:
        AssertionError: another kind of observer.
    """

    def __init__(self, observer: Any = MovingAverageMinMaxObserver, quant_min: int = 0, quant_max: int = 255,
                 **observer_kwargs: Any):
        super().__init__(observer, quant_min, quant_max, **observer_kwargs)
        if not isinstance(self.activation_post_process, (_AVERAGE, _AVERAGES)):
            raise AssertionError("Fused observer+fake_quant module only works with MovingAverageMinMaxObserver")
        self.register_buffer("fake_quant_enabled", fn.tensor([1], dtype=dtypes.int64))
        self.register_buffer("observer_enabled", fn.tensor([1], dtype=dtypes.int64))
        self.is_symmetric_quant = is_symmetric(self.activation_post_process.qscheme)

    def extra_repr(self):
        return (f"fake_quant_enabled={self.fake_quant_enabled}, observer_enabled={self.observer_enabled}, "
                f"scale={self.scale}, zero_point={self.zero_point}, dtype={self.dtype}, "
                f"quant_min={self.activation_post_process.quant_min}, quant_max={self.activation_post_process.quant_max}, "
                f"qscheme={self.qscheme}, reduce_range={self.activation_post_process.reduce_range}")

    def forward(self, X):
        observer = self.activation_post_process
        return fn.fused_moving_avg_obs_fake_quant(
            X, self.observer_enabled, self.fake_quant_enabled, observer.min_val, observer.max_val, self.scale,
            self.zero_point, observer.averaging_constant, observer.quant_min, observer.quant_max, self.ch_axis,
            self.is_per_channel, self.is_symmetric_quant)


def _switch(name: str, doc: str):
    def function(mod):
        if isinstance(mod, FakeQuantizeBase):
            getattr(mod, name)()

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{doc}, if ``mod`` is a module that imitates quantisation; for ``model.apply``."
    return function


disable_fake_quant = _switch("disable_fake_quant", "Stop rounding")
enable_fake_quant = _switch("enable_fake_quant", "Round")
disable_observer = _switch("disable_observer", "Stop observing")
enable_observer = _switch("enable_observer", "Observe")

_UNSIGNED = {"quant_min": 0, "quant_max": 255, "dtype": schemes.quint8}
_SIGNED = {"quant_min": -128, "quant_max": 127, "dtype": schemes.qint8}
_NARROW = {"quant_min": -127, "quant_max": 127, "dtype": schemes.qint8, "eps": 2**-12}

default_fake_quant = FakeQuantize.with_args(
    observer=_AVERAGE, **_UNSIGNED, qscheme=schemes.per_tensor_affine, reduce_range=True)
default_weight_fake_quant = FakeQuantize.with_args(
    observer=_AVERAGE, **_SIGNED, qscheme=schemes.per_tensor_symmetric, reduce_range=False)
default_dynamic_fake_quant = FakeQuantize.with_args(observer=_AVERAGE, **_UNSIGNED, is_dynamic=True, averaging_constant=1)
default_fixed_qparams_range_neg1to1_fake_quant = FixedQParamsFakeQuantize.with_args(
    observer=default_fixed_qparams_range_neg1to1_observer)
default_fixed_qparams_range_0to1_fake_quant = FixedQParamsFakeQuantize.with_args(
    observer=default_fixed_qparams_range_0to1_observer)
default_symmetric_fixed_qparams_fake_quant = default_fixed_qparams_range_neg1to1_fake_quant
default_affine_fixed_qparams_fake_quant = default_fixed_qparams_range_0to1_fake_quant
default_per_channel_weight_fake_quant = FakeQuantize.with_args(
    observer=_AVERAGES, **_SIGNED, qscheme=schemes.per_channel_symmetric, reduce_range=False, ch_axis=0)
default_embedding_fake_quant = FakeQuantize.with_args(
    observer=_AVERAGES, **_UNSIGNED, qscheme=schemes.per_channel_affine_float_qparams, ch_axis=0, averaging_constant=1)
default_embedding_fake_quant_4bit = FakeQuantize.with_args(
    observer=_AVERAGES, qscheme=schemes.per_channel_affine_float_qparams, ch_axis=0, dtype=schemes.quint4x2,
    averaging_constant=1)
default_histogram_fake_quant = FakeQuantize.with_args(
    observer=HistogramObserver, **_UNSIGNED, qscheme=schemes.per_tensor_affine, reduce_range=True)
default_fused_act_fake_quant = FusedMovingAvgObsFakeQuantize.with_args(observer=_AVERAGE, **_UNSIGNED)
default_fused_wt_fake_quant = FusedMovingAvgObsFakeQuantize.with_args(
    observer=_AVERAGE, **_SIGNED, qscheme=schemes.per_tensor_symmetric)
default_fused_per_channel_wt_fake_quant = FusedMovingAvgObsFakeQuantize.with_args(
    observer=_AVERAGES, **_SIGNED, qscheme=schemes.per_channel_symmetric)
fused_wt_fake_quant_range_neg_127_to_127 = FusedMovingAvgObsFakeQuantize.with_args(
    observer=_AVERAGE, **_NARROW, qscheme=schemes.per_tensor_symmetric)
fused_per_channel_wt_fake_quant_range_neg_127_to_127 = FusedMovingAvgObsFakeQuantize.with_args(
    observer=_AVERAGES, **_NARROW, qscheme=schemes.per_channel_symmetric)
