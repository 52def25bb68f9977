"""Structures of trees as text: JSON in PyTorch's form, which both read."""

from __future__ import annotations

import enum
import importlib
import json
from collections import defaultdict
from typing import Any

from . import pytree

__all__ = ["treespec_dumps", "treespec_loads", "treespec_pprint"]

_PROTOCOL = 1


def _check_protocol(protocol: int) -> None:
    if protocol != _PROTOCOL:
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: {[_PROTOCOL]}")


class _Encoder(json.JSONEncoder):
    """Writes members of enumerations by name."""

    def default(self, o: Any) -> Any:
        if isinstance(o, enum.Enum):
            return {"__enum__": True, "fqn": f"{type(o).__module__}:{type(o).__qualname__}", "name": o.name}
        return super().default(o)


def _named(module: str, name: str) -> Any:
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _decoded(values: dict) -> Any:
    if "__enum__" not in values:
        return values
    module, _, name = values["fqn"].partition(":")
    return _named(module, name)[values["name"]]


def _default_factory(context: Any) -> dict:
    factory, keys = context
    return {"default_factory_module": factory.__module__, "default_factory_name": factory.__qualname__,
            "dict_context": keys}


def _to_json(spec: pytree.TreeSpec) -> dict:
    if spec.type is None:
        return {"type": None, "context": None, "children_spec": []}
    kind = pytree.kind_of_class(spec.type)
    if kind.name is None:
        raise NotImplementedError(f"No registered serialization name for {spec.type} found. Please give "
                                  "register_pytree_node a `serialized_type_name`.")
    if spec.type is defaultdict:
        context = _default_factory(spec.context)
    elif kind.dump is not None:
        context = kind.dump(spec.context)
    else:
        try:
            context = json.dumps(spec.context, cls=_Encoder)
        except TypeError as error:
            raise TypeError("Unable to serialize context. Please make the context json dump-able, or register a custom "
                            "serializer using register_pytree_node.") from error
    return {"type": kind.name, "context": context, "children_spec": [_to_json(c) for c in spec.children_specs]}


def _from_json(values: dict) -> pytree.TreeSpec:
    name = values["type"]
    if name is None:
        return pytree.TreeSpec()
    cls = next((c for c, kind in pytree.KINDS.items() if kind.name == name), None)
    if cls is None:
        raise NotImplementedError(f"Deserializing {name} in pytree is not registered.")
    kind, context = pytree.kind_of_class(cls), values["context"]
    if cls is defaultdict:
        context = [_named(context["default_factory_module"], context["default_factory_name"]), context["dict_context"]]
    else:
        context = json.loads(context, object_hook=_decoded) if kind.load is None else kind.load(context)
    return pytree.TreeSpec(cls, context, [_from_json(c) for c in values["children_spec"]])


def treespec_dumps(treespec: pytree.TreeSpec, protocol: int | None = None) -> str:
    """A structure as text.

    Raises:
        TypeError: it is none, or the context of a node cannot be written.
        ValueError: ``protocol`` is not 1.
        NotImplementedError: a node of a class registered without ``serialized_type_name``, or a named tuple.
    """
    if not isinstance(treespec, pytree.TreeSpec):
        raise TypeError(f"Expected `treespec` to be an instance of TreeSpec but got item of type {type(treespec)}.")
    protocol = _PROTOCOL if protocol is None else protocol
    _check_protocol(protocol)
    return json.dumps((protocol, _to_json(treespec)), cls=_Encoder)


def treespec_loads(serialized: str) -> pytree.TreeSpec:
    """The structure that :func:`treespec_dumps` wrote. The text may name classes and factories to import: read only what
    you trust.

    Raises:
        ValueError: it was written in another protocol.
        NotImplementedError: it names a class that is not registered.
    """
    protocol, values = json.loads(serialized)
    _check_protocol(protocol)
    return _from_json(values)


class _Leaf:
    def __repr__(self) -> str:
        return "*"


def treespec_pprint(treespec: pytree.TreeSpec) -> str:
    """A tree of the structure as text, with ``*`` for leaves."""
    return repr(pytree.tree_unflatten([_Leaf()] * treespec.num_leaves, treespec))
