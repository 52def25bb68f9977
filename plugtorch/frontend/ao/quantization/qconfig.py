"""What a layer is quantised with: pairs of factories of observers, for its results and for its weight."""

from __future__ import annotations

import warnings
from collections import namedtuple

from plugtorch.frontend.nn.modules import conv
from plugtorch.frontend.nn.modules.linear import Identity
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.quantized import schemes
from plugtorch.spec import dtypes

from . import fake_quantize as fake
from . import observer as obs
from .histogram import HistogramObserver
from .utils import Factory

__all__ = [
    "QConfig", "QConfigAny", "QConfigDynamic", "default_activation_only_qconfig", "default_debug_qconfig",
    "default_dynamic_qat_qconfig", "default_dynamic_qconfig", "default_embedding_qat_qconfig",
    "default_embedding_qat_qconfig_4bit", "default_per_channel_qconfig",
    "default_per_channel_symmetric_qnnpack_qat_qconfig", "default_per_channel_symmetric_qnnpack_qconfig",
    "default_qat_qconfig", "default_qat_qconfig_v2", "default_qconfig", "default_quint8_weight_qconfig",
    "default_reuse_input_qconfig", "default_symmetric_qnnpack_qat_qconfig", "default_symmetric_qnnpack_qconfig",
    "default_weight_only_qconfig", "float16_dynamic_qconfig", "float16_static_qconfig", "float_qparams_weight_only_qconfig",
    "float_qparams_weight_only_qconfig_4bit", "get_default_qat_qconfig", "get_default_qconfig",
    "per_channel_dynamic_qconfig", "qconfig_equals",
]

_NO_OBSERVER = "{} received observer instance, please pass observer class instead. " \
               "Use MyObserver.with_args(x=1) to override arguments to constructor if needed"


class QConfig(namedtuple("QConfig", ["activation", "weight"])):
    """How a layer is quantised.

    Attributes:
        activation: a class of observers, or a factory of them, for the layer's result.
        weight: the same for its weight.

    Raises:
        ValueError: an observer is given in place of its class.
    """

    __slots__ = ()

    def __new__(cls, activation, weight):
        if isinstance(activation, Module) or isinstance(weight, Module):
            raise ValueError(_NO_OBSERVER.format("QConfig"))
        return super().__new__(cls, activation, weight)


class QConfigDynamic(namedtuple("QConfigDynamic", ["activation", "weight"])):
    """The older name for a :class:`QConfig` of dynamic quantisation; deprecated."""

    __slots__ = ()

    def __new__(cls, activation=Identity, weight=Identity):
        warnings.warn("`QConfigDynamic` is going to be deprecated in PyTorch 1.12, please use `QConfig` instead",
                      FutureWarning, stacklevel=2)
        if isinstance(weight, Module):
            raise ValueError(_NO_OBSERVER.format("QConfigDynamic"))
        return super().__new__(cls, activation, weight)


QConfigAny = QConfig | None

default_qconfig = QConfig(obs.default_observer, obs.default_weight_observer)
default_debug_qconfig = QConfig(obs.default_debug_observer, obs.default_weight_observer)
default_per_channel_qconfig = QConfig(obs.default_observer, obs.default_per_channel_weight_observer)
default_dynamic_qconfig = QConfig(obs.default_dynamic_quant_observer, obs.default_weight_observer)
_half = obs.PlaceholderObserver.with_args(dtype=dtypes.float16)
float16_dynamic_qconfig = QConfig(obs.PlaceholderObserver.with_args(dtype=dtypes.float16, is_dynamic=True), _half)
float16_static_qconfig = QConfig(_half, _half)
per_channel_dynamic_qconfig = QConfig(obs.default_dynamic_quant_observer, obs.default_per_channel_weight_observer)
float_qparams_weight_only_qconfig = QConfig(obs.default_placeholder_observer, obs.default_float_qparams_observer)
float_qparams_weight_only_qconfig_4bit = QConfig(obs.default_placeholder_observer, obs.default_float_qparams_observer_4bit)
default_qat_qconfig = QConfig(fake.default_fake_quant, fake.default_weight_fake_quant)
default_dynamic_qat_qconfig = QConfig(fake.default_dynamic_fake_quant, fake.default_weight_fake_quant)
default_weight_only_qconfig = QConfig(Identity, fake.default_weight_fake_quant)
default_activation_only_qconfig = QConfig(fake.default_fake_quant, Identity)
default_qat_qconfig_v2 = QConfig(fake.default_fused_act_fake_quant, fake.default_fused_wt_fake_quant)
default_reuse_input_qconfig = QConfig(obs.default_reuse_input_observer, obs.NoopObserver)
_signed_histogram = HistogramObserver.with_args(dtype=schemes.qint8, reduce_range=False, eps=2**-12)
default_symmetric_qnnpack_qconfig = QConfig(_signed_histogram, obs.weight_observer_range_neg_127_to_127)
default_per_channel_symmetric_qnnpack_qconfig = QConfig(
    _signed_histogram, obs.per_channel_weight_observer_range_neg_127_to_127)
_no_float = obs.NoopObserver.with_args(dtype=dtypes.float32)
default_embedding_qat_qconfig = QConfig(_no_float, fake.default_embedding_fake_quant)
default_embedding_qat_qconfig_4bit = QConfig(_no_float, fake.default_embedding_fake_quant_4bit)
default_quint8_weight_qconfig = QConfig(HistogramObserver, obs.MinMaxObserver)
_signed_average = fake.FusedMovingAvgObsFakeQuantize.with_args(
    observer=obs.MovingAverageMinMaxObserver, quant_min=-128, quant_max=127, dtype=schemes.qint8, reduce_range=False,
    eps=2**-12)
default_symmetric_qnnpack_qat_qconfig = QConfig(_signed_average, fake.fused_wt_fake_quant_range_neg_127_to_127)
default_per_channel_symmetric_qnnpack_qat_qconfig = QConfig(
    _signed_average, fake.fused_per_channel_wt_fake_quant_range_neg_127_to_127)

_BACKENDS = ["fbgemm", "x86", "qnnpack", "onednn"]


def _check_backend(backend):
    if backend not in _BACKENDS:
        raise AssertionError(f"backend: {backend} not supported. backend must be one of {_BACKENDS}")


def get_default_qconfig(backend="x86", version=0):
    """What PyTorch quantises trained models with on a kind of processor. Here every backend computes all of them alike.

    Args:
        backend: ``"x86"``, ``"fbgemm"`` (both: activations of seven bits, a scale per channel of weights), ``"onednn"``
            (eight bits) or ``"qnnpack"`` (eight bits, one scale for a weight).
        version: 0.

    Raises:
        AssertionError: another backend or version.
    """
    _check_backend(backend)
    if version != 0:
        raise AssertionError(f"Version number: {version} in get_default_qconfig is not supported. Version number must be 0")
    weight = obs.default_weight_observer if backend == "qnnpack" else obs.default_per_channel_weight_observer
    return QConfig(HistogramObserver.with_args(reduce_range=backend in ("fbgemm", "x86")), weight)


def get_default_qat_qconfig(backend="x86", version=1):
    """What PyTorch trains with for a kind of processor; see :func:`get_default_qconfig`.

    Args:
        backend: as there.
        version: 1, or 0 for modules that do not observe and round in one function.

    Raises:
        AssertionError: another backend or version.
    """
    _check_backend(backend)
    if version not in (0, 1):
        raise AssertionError(f"Version number: {version}in get_default_qat_qconfig is not supported. Version number must be "
                             "0 or 1")
    kind = fake.FusedMovingAvgObsFakeQuantize if version else fake.FakeQuantize
    arguments = {"observer": obs.MovingAverageMinMaxObserver, "quant_min": 0, "quant_max": 255}
    if backend != "onednn":
        arguments["reduce_range"] = backend != "qnnpack"
    if backend == "qnnpack":
        weight = fake.default_fused_wt_fake_quant if version else fake.default_weight_fake_quant
    else:
        weight = fake.default_fused_per_channel_wt_fake_quant if version else fake.default_per_channel_weight_fake_quant
    return QConfig(kind.with_args(**arguments), weight)


def check_qconfig(qconfig, module) -> None:
    """Refuses a scale per channel for the weight of a transposed convolution, which has no kernels in PyTorch.

    Raises:
        AssertionError: it is so.
    """
    transposed = (conv.ConvTranspose1d, conv.ConvTranspose2d, conv.ConvTranspose3d)
    if qconfig is None or not isinstance(module, transposed) or qconfig.weight is None:
        return
    if isinstance(qconfig.weight(), obs.PerChannelMinMaxObserver):
        raise AssertionError("Per channel weight observer is not supported yet for ConvTranspose{n}d.")


def on_device_of(qconfig, module):
    """The same pair, whose observers are made on the module's device."""
    if qconfig is None or qconfig._fields != ("activation", "weight"):
        return qconfig

    def factory_kwargs():
        device = next((t.device for ts in (module.parameters(), module.buffers()) for t in ts), None)
        return None if device is None else {"device": device}

    def placed(made):
        try:
            made.with_args(factory_kwargs=None)()
        except (AttributeError, TypeError):  # not a factory of observers, or of one that has no buffers
            return made
        return made.with_callable_args(factory_kwargs=factory_kwargs)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the observer made to see whether it takes the argument
        return QConfig(placed(qconfig.activation), placed(qconfig.weight))


def is_memoryless(qconfig) -> bool:
    """Whether activations are observed as they come, with a moving average of which the last one is all."""
    made = qconfig.activation()
    return getattr(getattr(made, "activation_post_process", made), "averaging_constant", None) == 1


def qconfig_equals(q1, q2) -> bool:
    """Whether two pairs make the same observers."""
    if q1 is None or q2 is None:
        return q1 == q2
    return all(_same_factory(a, b) for a, b in ((q1.activation, q2.activation), (q1.weight, q2.weight)))


def _same_factory(a, b):
    if not (isinstance(a, Factory) and isinstance(b, Factory)):
        return a == b
    ours, theirs = dict(a.p.keywords), dict(b.p.keywords)
    if "observer" in ours and "observer" in theirs and not _same_factory(ours.pop("observer"), theirs.pop("observer")):
        return False
    return a.p.func == b.p.func and a.p.args == b.p.args and ours == theirs
