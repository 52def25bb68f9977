"""Which class takes the place of which when a model is prepared or converted."""

from __future__ import annotations

from plugtorch.frontend.ao.nn import intrinsic as nni
from plugtorch.frontend.ao.nn import intrinsic_qat as nniqat
from plugtorch.frontend.ao.nn import qat as nnqat
from plugtorch.frontend.ao.nn import quantizable as nnqa
from plugtorch.frontend.ao.nn.quantized import dynamic as nnqd
from plugtorch.frontend.ao.nn.quantized import fused as nniq
from plugtorch.frontend.ao.nn.quantized import modules as nnq
from plugtorch.frontend.nn.modules import (
    activation,
    batchnorm,
    conv,
    dropout,
    instancenorm,
    linear,
    normalization,
    rnn,
    sparse,
)
from plugtorch.frontend.nn.modules.container import Sequential
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.utils.parametrize import type_before_parametrizations

from . import stubs
from .fake_quantize import default_fixed_qparams_range_0to1_fake_quant, default_fixed_qparams_range_neg1to1_fake_quant

__all__ = [
    "DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS", "DEFAULT_MODULE_TO_ACT_POST_PROCESS", "DEFAULT_QAT_MODULE_MAPPINGS",
    "DEFAULT_STATIC_QUANT_MODULE_MAPPINGS", "get_default_compare_output_module_list",
    "get_default_dynamic_quant_module_mappings", "get_default_qat_module_mappings", "get_default_qconfig_propagation_list",
    "get_default_static_quant_module_mappings", "get_dynamic_quant_module_class", "get_embedding_qat_module_mappings",
    "get_embedding_static_quant_module_mappings", "get_static_quant_module_class", "no_observer_set",
]


def _by_name(sources, target, names):
    """Classes of ``sources`` mapped to those of the same names in ``target``."""
    return {getattr(source, name): getattr(target, name) for source, group in zip(sources, names, strict=True)
            for name in group.split()}


DEFAULT_STATIC_QUANT_MODULE_MAPPINGS = {
    stubs.QuantStub: nnq.Quantize,
    stubs.DeQuantStub: nnq.DeQuantize,
    **_by_name((batchnorm, dropout, conv, activation, sparse, normalization, instancenorm, linear), nnq, (
        "BatchNorm2d BatchNorm3d", "Dropout",
        "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d", "ELU Hardswish LeakyReLU ReLU6 PReLU",
        "Embedding EmbeddingBag", "GroupNorm LayerNorm", "InstanceNorm1d InstanceNorm2d InstanceNorm3d", "Linear")),
    linear.NonDynamicallyQuantizableLinear: nnq.Linear,
    nnq.FloatFunctional: nnq.QFunctional,
    **_by_name((nni,), nniq, ("BNReLU2d BNReLU3d ConvReLU1d ConvReLU2d ConvReLU3d ConvAdd2d ConvAddReLU2d LinearReLU "
                              "LinearLeakyReLU LinearTanh",)),
    **{getattr(nniqat, f"ConvBn{n}d"): getattr(nnq, f"Conv{n}d") for n in (1, 2, 3)},
    **{getattr(nniqat, f"ConvBnReLU{n}d"): getattr(nniq, f"ConvReLU{n}d") for n in (1, 2, 3)},
    **_by_name((nniqat,), nniq, ("ConvReLU2d ConvReLU3d LinearReLU",)),
    nniqat.LinearBn1d: nnq.Linear,
    **_by_name((nnqat,), nnq, ("Linear Conv2d Conv3d",)),
}

DEFAULT_QAT_MODULE_MAPPINGS = {
    **_by_name((conv, linear), nnqat, ("Conv2d Conv3d", "Linear")),
    linear.NonDynamicallyQuantizableLinear: nnqat.Linear,
    **_by_name((nni,), nniqat, ("ConvBn1d ConvBn2d ConvBn3d ConvBnReLU1d ConvBnReLU2d ConvBnReLU3d ConvReLU2d ConvReLU3d "
                                "LinearReLU LinearBn1d",)),
}

DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS = {
    **_by_name((rnn, linear), nnqd, ("GRUCell LSTM GRU LSTMCell RNNCell", "Linear")),
    nnqat.DynamicLinear: nnqd.Linear,
    linear.NonDynamicallyQuantizableLinear: nnqd.Linear,
    nni.LinearReLU: nniq.DynamicLinearReLU,
    **_by_name((sparse,), nnq, ("Embedding EmbeddingBag",)),
}

DEFAULT_MODULE_TO_ACT_POST_PROCESS = {
    **dict.fromkeys((activation.Hardsigmoid, activation.Sigmoid, activation.Softmax),
                    default_fixed_qparams_range_0to1_fake_quant),
    activation.Tanh: default_fixed_qparams_range_neg1to1_fake_quant,
}


def no_observer_set() -> set:
    """Classes that are observed inside, not as a whole."""
    return {nnqa.LSTM, nnqa.MultiheadAttention}


def get_default_static_quant_module_mappings() -> dict:
    """From classes of a prepared model to those of a quantised one."""
    return dict(DEFAULT_STATIC_QUANT_MODULE_MAPPINGS)


def get_embedding_static_quant_module_mappings() -> dict:
    """The same, with the embeddings of training."""
    return {**DEFAULT_STATIC_QUANT_MODULE_MAPPINGS, nnqat.EmbeddingBag: nnq.EmbeddingBag, nnqat.Embedding: nnq.Embedding}


def get_default_qat_module_mappings() -> dict:
    """From classes of a model to those that imitate quantisation in training."""
    return dict(DEFAULT_QAT_MODULE_MAPPINGS)


def get_embedding_qat_module_mappings() -> dict:
    """The same, with embeddings."""
    return {**DEFAULT_QAT_MODULE_MAPPINGS, sparse.EmbeddingBag: nnqat.EmbeddingBag, sparse.Embedding: nnqat.Embedding}


def get_default_dynamic_quant_module_mappings() -> dict:
    """From classes of a model to those that choose scales as values come."""
    return DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS


def _class_of(float_module_class, mapping, additional):
    found = {**mapping, **(additional or {})}.get(float_module_class)
    if found is None:
        raise AssertionError(f"Floating point module class {float_module_class} does not have a corresponding quantized "
                             "module class")
    return found


def get_static_quant_module_class(float_module_class, additional_static_quant_mapping=None, is_reference=False):
    """The quantised class that takes the place of another.

    Raises:
        AssertionError: there is none.
        NotImplementedError: a reference class is asked for.
    """
    if is_reference:
        raise NotImplementedError("not offered: reference modules; the quantised modules compute in floats themselves")
    return _class_of(float_module_class, DEFAULT_STATIC_QUANT_MODULE_MAPPINGS, additional_static_quant_mapping)


def get_dynamic_quant_module_class(float_module_class, additional_dynamic_quant_mapping=None):
    """The class that chooses scales as values come in place of another.

    Raises:
        AssertionError: there is none.
    """
    return _class_of(float_module_class, DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS, additional_dynamic_quant_mapping)


_ALL = (DEFAULT_STATIC_QUANT_MODULE_MAPPINGS, DEFAULT_QAT_MODULE_MAPPINGS, DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS)


def get_default_qconfig_propagation_list() -> set:
    """Classes whose results ``prepare`` observes."""
    return {Sequential, *(kind for mapping in _ALL for kind in mapping)}


def get_default_compare_output_module_list() -> set:
    """Classes whose results are worth comparing before and after."""
    return {*get_default_qconfig_propagation_list(), *(kind for mapping in _ALL for kind in mapping.values())}


def special_activation(module: Module):
    """The factory of what observes the results of a module in training whose bounds are known, or None."""
    if not (module.training and type(module) in DEFAULT_MODULE_TO_ACT_POST_PROCESS):
        return None
    return DEFAULT_MODULE_TO_ACT_POST_PROCESS.get(type_before_parametrizations(module))
