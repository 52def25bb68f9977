"""Ops that rearrange elements."""

from __future__ import annotations

from plugtorch.autograd.record import apply

from .table import batched, count, reshape, rule


@rule("reshape")
def _reshape(k, name, operands, params):
    return reshape(operands[0].value, k.length, *params["shape"])


@rule("broadcast_to")
def _broadcast_to(k, name, operands, params):
    x, shape = operands[0], tuple(params["shape"])
    value = reshape(x.value, k.length, *(1,) * (len(shape) - len(x.shape)), *x.shape)
    return apply(name, (value,), {"shape": (k.length, *shape)})


@rule("permute")
def _permute(k, name, operands, params):
    return apply(name, (operands[0].value,), {"axes": (0, *(i + 1 for i in params["axes"]))})


@rule("slice")
def _slice(k, name, operands, params):
    return apply(name, (operands[0].value,), _whole_first(k, params))


@rule("slice_put")
def _slice_put(k, name, operands, params):
    return apply(name, tuple(batched(k, o) for o in operands), _whole_first(k, params))


def _whole_first(k, params):
    return {"start": (0, *params["start"]), "stop": (k.length, *params["stop"]), "step": (1, *params["step"])}


@rule("select")
def _select(k, name, operands, params):
    return apply(name, (operands[0].value,), {**params, "axis": params["axis"] + 1})


@rule("pad")
def _pad(k, name, operands, params):
    return apply(name, (operands[0].value,), {**params, "lo": (0, *params["lo"]), "hi": (0, *params["hi"])})


@rule("flip")
def _flip(k, name, operands, params):
    return apply(name, (operands[0].value,), {"axis": tuple(i + 1 for i in params["axis"])})


@rule("concat")
def _concat(k, name, operands, params):
    return apply(name, tuple(batched(k, o) for o in operands), {"axis": params["axis"] + 1})


@rule("diagonal")
def _diagonal(k, name, operands, params):
    return apply(name, (operands[0].value,),
                 {"offset": params["offset"], "axis1": params["axis1"] + 1, "axis2": params["axis2"] + 1})


@rule("unfold_dim")
def _unfold_dim(k, name, operands, params):
    x = operands[0]
    if not x.shape:
        return reshape(x.value, k.length, params["size"])
    return apply(name, (x.value,), {**params, "axis": params["axis"] + 1})


@rule("as_strided")
def _as_strided(k, name, operands, params):
    x = operands[0]
    return apply(name, (x.value,), {"shape": (k.length, *params["shape"]), "offset": params["offset"],
                                    "strides": (count(x.shape), *params["strides"])})
