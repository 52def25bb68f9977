"""Modules as functions of their parameters."""

from __future__ import annotations

import contextlib

from plugtorch.frontend.joining import stack


def _owner(module, name):
    """``(dictionary, key)`` where a module keeps the parameter or buffer of a dotted name; None if it has none."""
    path, _, key = name.rpartition(".")
    try:
        owner = module.get_submodule(path)
    except AttributeError:
        return None
    for members in (owner._parameters, owner._buffers):
        if key in members:
            return members, key
    return None


def _names(module):
    """The names of all parameters and buffers, shared ones under each of their names."""
    return {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))}


def _with_tied(module, values):
    """Values for all names of a tensor that is shared under several."""
    names: dict = {}
    for name, t in _names(module).items():
        names.setdefault(id(t), []).append(name)
    result = dict(values)
    for group in names.values():
        given = [name for name in group if name in values]
        if not given:
            continue
        if len({id(values[name]) for name in given}) > 1:
            raise ValueError(f"functional_call got multiple values for keys {sorted(given)}, which are tied. Consider "
                             "using tie_weights=False")
        for name in group:
            result.setdefault(name, values[given[0]])
    return result


def _check_strict(module, values):
    have = _names(module)
    missing = [name for name in have if name not in values]
    unexpected = [name for name in values if name not in have]
    lines = []
    if unexpected:
        lines.append("Unexpected key(s): " + ", ".join(map(repr, unexpected)) + ".")
    if missing:
        lines.append("Missing key(s): " + ", ".join(map(repr, missing)) + ".")
    if lines:
        raise RuntimeError(f"Error(s) in reparametrizing for {module._get_name()}:\n\t" + "\n\t".join(lines))


@contextlib.contextmanager
def _reparametrized(module, values, tie_weights, strict):
    full = _with_tied(module, values) if tie_weights else dict(values)
    if strict:
        _check_strict(module, full)
    kept = []
    try:
        for name, value in full.items():
            place = _owner(module, name)
            if place is not None:
                members, key = place
                kept.append((name, members, key, members[key]))
                members[key] = value
        yield
    finally:
        for name, members, key, original in reversed(kept):
            if name in values:
                values[name] = members.get(key)  # a module may have put another tensor in its place
            members[key] = original


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """Calls a module with other parameters and buffers than its own.

    Args:
        parameter_and_buffer_dicts: tensors by name, or several such dictionaries. What the module writes into a given
            buffer, or puts in its place, is seen in the dictionary.
        args: the arguments: a tuple, or one argument.
        tie_weights: a value for one name of a shared tensor holds for its other names.
        strict: every parameter and buffer must be given, and nothing else.

    Raises:
        ValueError: a name appears in several dictionaries, or different values are given for a shared tensor.
        RuntimeError: ``strict``, and names do not match.
    """
    if isinstance(parameter_and_buffer_dicts, dict):
        values = parameter_and_buffer_dicts
    elif isinstance(parameter_and_buffer_dicts, (list, tuple)):
        names = [name for d in parameter_and_buffer_dicts for name in d]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        values = {name: t for d in parameter_and_buffer_dicts for name, t in d.items()}
    else:
        raise ValueError("Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
                         f"{type(parameter_and_buffer_dicts)}")
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with _reparametrized(module, values, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def _stacked(name, tensors):
    if len({t.requires_grad for t in tensors}) > 1:
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    return stack([t.detach() for t in tensors]).requires_grad_(tensors[0].requires_grad)


def stack_module_state(models):
    """``(params, buffers)``: the parameters and buffers of models of one class, stacked along a new first axis, by
    name. They are leaves.

    Raises:
        RuntimeError: no models, of different classes, or not all in one mode.
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or not any(m.training for m in models)):
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    params = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return tuple({name: _stacked(name, [d[name] for d in group]) for name in group[0]} for group in (params, buffers))


def replace_all_batch_norm_modules_(root):
    """Makes every batch normalisation in ``root`` work without running statistics, in place; returns ``root``.

    Statistics that a module updates for all samples together cannot be mapped.
    """
    from plugtorch.frontend.nn.modules.batchnorm import _BatchNorm

    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root

