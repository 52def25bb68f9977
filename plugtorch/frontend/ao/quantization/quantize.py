"""The eager way of quantising a model: prepare, run it on data or train it, convert."""

from __future__ import annotations

import copy
import inspect
import warnings

from plugtorch.frontend.ao.nn import intrinsic as nni
from plugtorch.frontend.ao.nn import quantizable as nnqa
from plugtorch.frontend.ao.nn.quantized import modules as nnq
from plugtorch.frontend.nn.modules import linear, rnn, sparse
from plugtorch.frontend.nn.modules.activation import MultiheadAttention
from plugtorch.frontend.nn.modules.container import Sequential
from plugtorch.frontend.nn.modules.dropout import Dropout
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.utils.parametrize import type_before_parametrizations
from plugtorch.frontend.quantized import schemes
from plugtorch.spec import dtypes

from . import mappings
from .qconfig import (
    check_qconfig,
    default_dynamic_qconfig,
    float16_dynamic_qconfig,
    float_qparams_weight_only_qconfig,
    float_qparams_weight_only_qconfig_4bit,
    is_memoryless,
    on_device_of,
)
from .stubs import DeQuantStub, QuantWrapper

__all__ = ["add_quant_dequant", "convert", "default_eval_fn", "get_default_custom_config_dict", "prepare", "prepare_qat",
           "propagate_qconfig_", "quantize", "quantize_dynamic", "quantize_qat", "swap_module"]

_CUSTOM = {
    "float_to_observed_custom_module_class": {rnn.LSTM: nnqa.LSTM, MultiheadAttention: nnqa.MultiheadAttention},
    "observed_to_quantized_custom_module_class": {nnqa.LSTM: nnq.LSTM, nnqa.MultiheadAttention: nnq.MultiheadAttention},
}


def get_default_custom_config_dict() -> dict:
    """Classes that become others when they are prepared, and when they are converted."""
    return _CUSTOM


def default_eval_fn(model, calib_data) -> None:
    """Runs a model on the inputs of pairs of inputs and targets."""
    for data, _ in calib_data:
        model(data)


def propagate_qconfig_(module: Module, qconfig_dict=None, prepare_custom_config_dict=None) -> None:
    """Gives every module a ``qconfig``: its own, that of its name or class in ``qconfig_dict``, or that around it.

    Args:
        module: changed in place.
        qconfig_dict: from names of modules, or classes, to configurations.
        prepare_custom_config_dict: ``non_traceable_module_name`` and ``non_traceable_module_class``, left out.
    """
    _propagate(module, qconfig_dict or {}, None, "", prepare_custom_config_dict or {})


def _propagate(module, given, inherited, prefix, config):
    found = given.get(type_before_parametrizations(module), inherited)
    found = getattr(module, "qconfig", given.get(prefix, found))
    check_qconfig(found, module)
    module.qconfig = found = on_device_of(found, module)
    for name, child in module.named_children():
        if name in config.get("non_traceable_module_name", ()) or \
                type(child) in config.get("non_traceable_module_class", ()):
            continue
        _propagate(child, given, found, f"{prefix}.{name}" if prefix else name, config)


def _observe_result(self, input, output):
    return self.activation_post_process(output)


def _observe_argument(self, input):
    return self.activation_post_process(input[0])


def _is_observed(module) -> bool:
    return getattr(module, "qconfig", None) is not None


def _is_leaf(module) -> bool:
    return not any(name != "parametrizations" for name, _ in module.named_children())


def _devices(module) -> set:
    return {t.device for ts in (module.parameters(), module.buffers()) for t in ts if t.device.type != "meta"}


class _Observing:
    """Adds observers to a model, children first."""

    def __init__(self, classes, non_leaf, device, custom):
        self.classes, self.non_leaf, self.device, self.custom = classes, non_leaf or (), device, custom

    def _made(self, qconfig, special=None):
        made = (special or qconfig.activation)()
        if self.device is not None and isinstance(made, Module):
            made.to(self.device)
        return made

    def attach(self, module, special=None):
        """Observes the results of a module, or its argument where the scale is chosen anew for each."""
        if not _is_observed(module) or isinstance(module, DeQuantStub):
            return
        module.add_module("activation_post_process", self._made(module.qconfig, special))
        # Before the user's own hooks, which see what is observed, and after conversion what is quantised.
        if is_memoryless(module.qconfig):
            module.register_forward_pre_hook(_observe_argument, prepend=True)
        else:
            module.register_forward_hook(_observe_result, prepend=True)

    def walk(self, module):
        """Observes what is to be observed in a module."""
        for name, child in module.named_children():
            kind = type_before_parametrizations(child)
            if kind is Dropout:
                continue
            if issubclass(kind, (nnq.FloatFunctional, nnq.QFunctional)):
                if _is_observed(child):
                    child.activation_post_process = self._made(child.qconfig)
            elif isinstance(child, nni._FusedModule) or kind in self.non_leaf:
                self.attach(child)
            elif (special := mappings.special_activation(child)) is not None:
                self.attach(child, special)
            elif _is_observed(child) and kind in self.custom:
                observed = self.custom[kind].from_float(child)
                setattr(module, name, observed)
                if not issubclass(self.custom[kind], tuple(mappings.no_observer_set())):
                    self.attach(observed)
            else:
                self.walk(child)
        if not isinstance(module, Sequential) and type_before_parametrizations(module) in self.classes and \
                (_is_leaf(module) or hasattr(module, "weight_fake_quant")):
            self.attach(module)


def add_quant_dequant(module: Module) -> Module:
    """A model whose leaves with a ``qconfig`` are between :class:`QuantStub` and :class:`DeQuantStub`; changed in place, but
    for a leaf, which is wrapped."""
    if _is_leaf(module) and getattr(module, "qconfig", None):
        return QuantWrapper(module)
    for name, child in module.named_children():
        module._modules[name] = add_quant_dequant(child)
    return module


def prepare(model: Module, inplace: bool = False, allow_list=None, observer_non_leaf_module_list=None,
            prepare_custom_config_dict=None) -> Module:
    """A copy of a model whose modules with a ``qconfig`` (their own, or that of a module around them) observe their results.

    Args:
        model: in evaluation mode, with attributes ``qconfig``.
        inplace: change the model itself.
        allow_list: classes to observe.
        observer_non_leaf_module_list: classes to observe though they have children.
        prepare_custom_config_dict: ``float_to_observed_custom_module_class``, classes that become others.
    """
    if prepare_custom_config_dict is None:
        prepare_custom_config_dict = _CUSTOM
    if not inplace:
        model = copy.deepcopy(model)
    propagate_qconfig_(model)
    if not any(getattr(m, "qconfig", None) for m in model.modules()):
        warnings.warn("None of the submodule got qconfig applied. Make sure you passed correct configuration through "
                      "`qconfig_dict` or by assigning the `.qconfig` attribute directly on submodules", stacklevel=2)
    devices = _devices(model)
    if len(devices) > 1:
        raise AssertionError("_add_observer_ only works with cpu or single-device CUDA modules, but got devices "
                             f"{devices}")
    _Observing(mappings.get_default_qconfig_propagation_list() if allow_list is None else allow_list,
               observer_non_leaf_module_list, next(iter(devices), None),
               prepare_custom_config_dict.get("float_to_observed_custom_module_class", {})).walk(model)
    return model


def _clean(module):
    """Takes configurations and observers off a model."""
    for child in module.children():
        _clean(child)
    if hasattr(module, "qconfig"):
        del module.qconfig
    if "activation_post_process" in module._modules and hasattr(module.activation_post_process, "calculate_qparams"):
        del module.activation_post_process
    for table in (module._forward_hooks, module._forward_pre_hooks):
        for key in [k for k, hook in table.items() if hook in (_observe_result, _observe_argument)]:
            del table[key]


def convert(module: Module, mapping=None, inplace: bool = False, remove_qconfig: bool = True, is_reference: bool = False,
            convert_custom_config_dict=None, use_precomputed_fake_quant: bool = False) -> Module:
    """A copy of a prepared model whose modules are replaced by quantised ones, with the scales that were observed.

    Args:
        module: the prepared model.
        mapping: from classes to those that replace them.
        inplace: change the model itself.
        remove_qconfig: take observers and configurations off.
        is_reference: not offered.
        convert_custom_config_dict: ``observed_to_quantized_custom_module_class``.
        use_precomputed_fake_quant: take the weights' bounds as they are.

    Raises:
        NotImplementedError: ``is_reference``.
    """
    if is_reference:
        raise NotImplementedError("not offered: torch.ao.quantization.convert with is_reference=True: reference modules are "
                                  "for other compilers; the quantised modules of plugtorch compute in floats themselves")
    if not inplace:
        module = copy.deepcopy(module)
    mapping = mappings.DEFAULT_STATIC_QUANT_MODULE_MAPPINGS if mapping is None else mapping
    custom = (_CUSTOM if convert_custom_config_dict is None else convert_custom_config_dict).get(
        "observed_to_quantized_custom_module_class", {})
    _swap_all(module, mapping, custom, use_precomputed_fake_quant)
    if remove_qconfig:
        _clean(module)
    return module


def _swap_all(module, mapping, custom, precomputed):
    for name, child in list(module.named_children()):
        if not isinstance(child, nni._FusedModule) and type_before_parametrizations(child) not in custom:
            _swap_all(child, mapping, custom, precomputed)
        module._modules[name] = swap_module(child, mapping, custom, precomputed)


def swap_module(mod: Module, mapping, custom_module_class_mapping, use_precomputed_fake_quant: bool = False) -> Module:
    """What takes the place of a module: the result of ``from_float`` of the class that ``mapping`` has for its class, or the
    module itself. Hooks are kept.

    Args:
        mod: a module; without ``qconfig`` it stays.
        mapping, custom_module_class_mapping: from classes to classes; those of the second have ``from_observed``.
        use_precomputed_fake_quant: see :func:`convert`.
    """
    if getattr(mod, "qconfig", None) is None:
        return mod
    kind = type_before_parametrizations(mod)
    if kind in custom_module_class_mapping:
        made = custom_module_class_mapping[kind].from_observed(mod)
    elif kind in mapping:
        from_float = mapping[kind].from_float
        options = {}
        if "use_precomputed_fake_quant" in inspect.signature(from_float).parameters:
            options["use_precomputed_fake_quant"] = use_precomputed_fake_quant
        made = from_float(mod, **options)
    else:
        return mod
    for hook in mod._forward_pre_hooks.values():
        made.register_forward_pre_hook(hook)
    for hook in mod._forward_hooks.values():
        if hook is not _observe_result:
            made.register_forward_hook(hook)
    devices = _devices(mod)
    if len(devices) > 1:
        raise AssertionError(f"swap_module only works with cpu or single-device CUDA modules, but got devices {devices}")
    return made.to(*devices) if devices else made


def quantize(model: Module, run_fn, run_args, mapping=None, inplace: bool = False) -> Module:
    """:func:`prepare`, ``run_fn(model, *run_args)``, which runs it on data, and :func:`convert`."""
    if not inplace:
        model = copy.deepcopy(model)
    model.eval()
    prepare(model, inplace=True)
    run_fn(model, *run_args)
    return convert(model, mapping, inplace=True)


def prepare_qat(model: Module, mapping=None, inplace: bool = False) -> Module:
    """A copy of a model in which weights and results are rounded as quantising would, to be trained.

    Args:
        model: in training mode, with attributes ``qconfig`` such as :func:`get_default_qat_qconfig` gives.
        mapping: from classes to those that replace them.
        inplace: change the model itself.

    Raises:
        AssertionError: the model is in evaluation mode.
    """
    if not model.training:
        raise AssertionError("prepare_qat only works on models in training mode")
    mapping = mappings.get_default_qat_module_mappings() if mapping is None else mapping
    if not inplace:
        model = copy.deepcopy(model)
    propagate_qconfig_(model)
    convert(model, mapping, inplace=True, remove_qconfig=False)
    prepare(model, observer_non_leaf_module_list=set(mapping.values()), inplace=True)
    return model


def quantize_qat(model: Module, run_fn, run_args, inplace: bool = False) -> Module:
    """:func:`prepare_qat`, ``run_fn(model, *run_args)``, which trains it, and :func:`convert`."""
    if not inplace:
        model = copy.deepcopy(model)
    model.train()
    prepare_qat(model, inplace=True)
    run_fn(model, *run_args)
    return convert(model, inplace=True)


_DYNAMIC_CLASSES = (linear.Linear, rnn.LSTM, rnn.GRU, rnn.LSTMCell, rnn.RNNCell, rnn.GRUCell)
# dtype -> the configuration, and the classes that get it where none are named
_DYNAMIC = {
    schemes.qint8: (default_dynamic_qconfig, _DYNAMIC_CLASSES),
    dtypes.float16: (float16_dynamic_qconfig, _DYNAMIC_CLASSES),
    schemes.quint8: (float_qparams_weight_only_qconfig, (sparse.EmbeddingBag, sparse.Embedding)),
    schemes.quint4x2: (float_qparams_weight_only_qconfig_4bit, (sparse.EmbeddingBag,)),
}


def quantize_dynamic(model: Module, qconfig_spec=None, dtype=schemes.qint8, mapping=None, inplace: bool = False) -> Module:
    """A copy of a model whose weights are quantised, and whose activations are as they come, with a scale chosen by their
    bounds; results are floats.

    Args:
        model: trained.
        qconfig_spec: a set of classes or names of modules, or a dict from them to configurations; by default linear and
            recurrent layers, or embeddings where ``dtype`` is one of those.
        dtype: of weights: qint8, float16, or quint8 and quint4x2 for embeddings.
        mapping: from classes to those that replace them.
        inplace: change the model itself.

    Raises:
        ValueError, RuntimeError: another dtype.
    """
    if not isinstance(qconfig_spec, dict):
        if dtype not in _DYNAMIC:
            if qconfig_spec is None:
                raise ValueError(f"Don't know how to quantize with default settings for {dtype}. Provide full qconfig "
                                 "please")
            raise RuntimeError("Unknown dtype specified for quantize_dynamic: ", str(dtype))
        qconfig, classes = _DYNAMIC[dtype]
        qconfig_spec = dict.fromkeys(classes if qconfig_spec is None else qconfig_spec, qconfig)
    mapping = mappings.DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS if mapping is None else mapping
    if not inplace:
        model = copy.deepcopy(model)
    model.eval()
    propagate_qconfig_(model, qconfig_spec)
    return convert(model, mapping, inplace=True)
