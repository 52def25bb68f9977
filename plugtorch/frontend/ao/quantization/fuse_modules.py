"""Layers that follow each other made one: batch normalisation folded into the layer before it, activations joined to it."""

from __future__ import annotations

import copy

from plugtorch.frontend.ao.nn import intrinsic as nni
from plugtorch.frontend.nn.modules.activation import ReLU
from plugtorch.frontend.nn.modules.batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from plugtorch.frontend.nn.modules.conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from plugtorch.frontend.nn.modules.linear import Identity, Linear
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from plugtorch.frontend.nn.utils.parametrize import type_before_parametrizations

__all__ = ["fuse_conv_bn", "fuse_conv_bn_relu", "fuse_convtranspose_bn", "fuse_known_modules", "fuse_linear_bn",
           "fuse_modules", "fuse_modules_qat", "get_fuser_method"]


def _check_modes(message: str, *modules: Module) -> None:
    if len({m.training for m in modules}) > 1:
        raise AssertionError(message)


def _check_trainable(channels: int, bn: Module, message: str) -> None:
    if bn.num_features != channels:
        raise AssertionError(message)
    kind = type(bn).__name__
    if not bn.affine:
        raise AssertionError(f"Only support fusing {kind} with affine set to True")
    if not bn.track_running_stats:
        raise AssertionError(f"Only support fusing {kind} with tracking_running_stats set to True")


_CONV_BN = {Conv1d: nni.ConvBn1d, Conv2d: nni.ConvBn2d, Conv3d: nni.ConvBn3d}
_CONV_BN_RELU = {Conv1d: nni.ConvBnReLU1d, Conv2d: nni.ConvBnReLU2d, Conv3d: nni.ConvBnReLU3d}
_CONV_RELU = {Conv1d: nni.ConvReLU1d, Conv2d: nni.ConvReLU2d, Conv3d: nni.ConvReLU3d}


def fuse_conv_bn(is_qat: bool, conv: Module, bn: Module) -> Module:
    """A convolution and the normalisation of its result as one: for training, a :class:`ConvBn2d` or its like, else a
    convolution with other weights.

    Raises:
        AssertionError: modules of different modes or sizes, or without the parameters that are folded.
    """
    _check_modes("Conv and BN both must be in the same mode (train or eval).", conv, bn)
    if not is_qat:
        return fuse_conv_bn_eval(conv, bn)
    _check_trainable(conv.out_channels, bn, "Output channel of Conv2d must match num_features of BatchNorm2d.")
    fused = _CONV_BN.get(type(conv))
    if fused is None:
        raise NotImplementedError(f"Cannot fuse train modules: {(conv, bn)}")
    return fused(conv, bn)


def fuse_conv_bn_relu(is_qat: bool, conv: Module, bn: Module, relu: Module) -> Module:
    """:func:`fuse_conv_bn` and a ReLU as one."""
    _check_modes("Conv and BN both must be in the same mode (train or eval).", conv, bn, relu)
    fused = (_CONV_BN_RELU if is_qat else _CONV_RELU).get(type(conv))
    if is_qat:
        _check_trainable(conv.out_channels, bn, "Output channel of Conv2d must match num_features of BatchNorm2d")
    if fused is None:
        raise NotImplementedError(f"Cannot fuse {'train' if is_qat else 'eval'} modules: {(conv, bn, relu)}")
    return fused(conv, bn, relu) if is_qat else fused(fuse_conv_bn_eval(conv, bn), relu)


def fuse_linear_bn(is_qat: bool, linear: Module, bn: Module) -> Module:
    """A linear layer and the normalisation of its result as one; see :func:`fuse_conv_bn`."""
    _check_modes("Linear and BN both must be in the same mode (train or eval).", linear, bn)
    if not is_qat:
        return fuse_linear_bn_eval(linear, bn)
    _check_trainable(linear.out_features, bn, "Output features of Linear must match num_features of BatchNorm1d")
    return nni.LinearBn1d(linear, bn)


def fuse_convtranspose_bn(is_qat: bool, convt: Module, bn: Module) -> Module:
    """A transposed convolution and the normalisation of its result as one; not for training."""
    _check_modes("ConvTranspose and BN both must be in the same mode (train or eval).", convt, bn)
    if is_qat:
        raise Exception("Fusing ConvTranspose+BatchNorm not yet supported in QAT.")  # noqa: TRY002
    return fuse_conv_bn_eval(convt, bn, transpose=True)


def _joined(kind):
    return lambda is_qat, first, second: kind(first, second)


_FUSERS = {
    **{(conv, bn): fuse_conv_bn for conv, bn in
       ((Conv1d, BatchNorm1d), (Conv2d, BatchNorm2d), (Conv3d, BatchNorm3d))},
    **{(conv, bn, ReLU): fuse_conv_bn_relu for conv, bn in
       ((Conv1d, BatchNorm1d), (Conv2d, BatchNorm2d), (Conv3d, BatchNorm3d))},
    **{(conv, ReLU): _joined(kind) for conv, kind in _CONV_RELU.items()},
    **{(conv, bn): fuse_convtranspose_bn for conv, bn in
       ((ConvTranspose1d, BatchNorm1d), (ConvTranspose2d, BatchNorm2d), (ConvTranspose3d, BatchNorm3d))},
    (Linear, BatchNorm1d): fuse_linear_bn,
    (Linear, ReLU): _joined(nni.LinearReLU),
    (BatchNorm2d, ReLU): _joined(nni.BNReLU2d),
    (BatchNorm3d, ReLU): _joined(nni.BNReLU3d),
}


def get_fuser_method(op_list, additional_fuser_method_mapping=None):
    """The function that makes one module of a sequence of classes: ``method(is_qat, *modules)``.

    Raises:
        AssertionError: there is none.
    """
    method = {**_FUSERS, **(additional_fuser_method_mapping or {})}.get(tuple(op_list))
    if method is None:
        raise AssertionError(f"did not find fuser method for: {op_list} ")
    return method


def fuse_known_modules(mod_list, is_qat, additional_fuser_method_mapping=None):
    """As many modules as are given: the fused one in place of the first, identities in place of the others.

    Raises:
        AssertionError: no way of fusing these classes is known.
    """
    types = tuple(type_before_parametrizations(m) for m in mod_list)
    fused = get_fuser_method(types, additional_fuser_method_mapping)(is_qat, *mod_list)
    # What was to happen before the first and after the last module happens around the fused one.
    for source, table, register in ((mod_list[0], "_forward_pre_hooks", fused.register_forward_pre_hook),
                                    (mod_list[-1], "_forward_hooks", fused.register_forward_hook)):
        for hook in getattr(source, table).values():
            register(hook)
        getattr(source, table).clear()
    rest = [Identity() for _ in mod_list[1:]]
    for module in rest:
        module.training = mod_list[0].training
    return [fused, *rest]


def _owner(model: Module, path: str) -> tuple[Module, str]:
    *parents, name = path.split(".")
    for parent in parents:
        model = getattr(model, parent)
    return model, name


def _fuse(model, modules_to_fuse, is_qat, inplace, fuser_func, config):
    if not inplace:
        model = copy.deepcopy(model)
    additional = (config or {}).get("additional_fuser_method_mapping", {})
    groups = [modules_to_fuse] if all(isinstance(name, str) for name in modules_to_fuse) else modules_to_fuse
    for names in groups:
        places = [_owner(model, name) for name in names]
        fused = fuser_func([getattr(owner, name) for owner, name in places], is_qat, additional)
        for (owner, name), module in zip(places, fused, strict=True):
            setattr(owner, name, module)
    return model


def fuse_modules(model: Module, modules_to_fuse, inplace: bool = False, fuser_func=fuse_known_modules,
                 fuse_custom_config_dict=None) -> Module:
    """A model with sequences of layers made one: (conv, bn), (conv, bn, relu), (conv, relu), (linear, relu), (linear, bn),
    (bn, relu), (transposed conv, bn).

    Args:
        model: in evaluation mode, where batch normalisation is folded.
        modules_to_fuse: names of modules in order, or a list of such lists.
        inplace: change the model itself.
        fuser_func: makes new modules of a list of them.
        fuse_custom_config_dict: ``additional_fuser_method_mapping``, from tuples of classes to functions.

    Raises:
        AssertionError: no way of fusing these classes is known.
    """
    return _fuse(model, modules_to_fuse, False, inplace, fuser_func, fuse_custom_config_dict)


def fuse_modules_qat(model: Module, modules_to_fuse, inplace: bool = False, fuser_func=fuse_known_modules,
                     fuse_custom_config_dict=None) -> Module:
    """:func:`fuse_modules` for training: batch normalisation stays a module inside the fused one."""
    return _fuse(model, modules_to_fuse, True, inplace, fuser_func, fuse_custom_config_dict)


