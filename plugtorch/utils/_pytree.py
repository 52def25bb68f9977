"""Nested containers; names of ``torch.utils._pytree``."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any

from plugtorch.frontend.pytree import (
    LeafSpec,
    TreeSpec,
    broadcast_prefix,
    is_namedtuple,
    is_namedtuple_class,
    is_namedtuple_instance,
    is_structseq,
    is_structseq_class,
    is_structseq_instance,
    register_pytree_node,
    tree_all,
    tree_all_only,
    tree_any,
    tree_any_only,
    tree_flatten,
    tree_is_leaf,
    tree_iter,
    tree_leaves,
    tree_map,
    tree_map_,
    tree_map_only,
    tree_map_only_,
    tree_structure,
    tree_unflatten,
)

PyTree = Context = DumpableContext = Any
PyTreeSpec = TreeSpec
FlattenFn = Callable[[PyTree], tuple[list[Any], Context]]
UnflattenFn = Callable[[Iterable[Any], Context], PyTree]
ToDumpableContextFn = Callable[[Context], DumpableContext]
FromDumpableContextFn = Callable[[DumpableContext], Context]

# What few programs need is imported when somebody asks for it.
_LATER = {
    "pytree_paths": ("GetAttrKey", "MappingKey", "SequenceKey", "key_get", "keystr", "tree_flatten_with_path",
                     "tree_leaves_with_path", "tree_map_with_path"),
    "pytree_text": ("treespec_dumps", "treespec_loads", "treespec_pprint"),
}
_HOME = {name: module for module, names in _LATER.items() for name in names}

__all__ = [
    "Context", "DumpableContext", "FlattenFn", "FromDumpableContextFn", "LeafSpec", "PyTree", "PyTreeSpec",
    "ToDumpableContextFn", "TreeSpec", "UnflattenFn", "broadcast_prefix", "is_namedtuple", "is_namedtuple_class",
    "is_namedtuple_instance", "is_structseq", "is_structseq_class", "is_structseq_instance", "register_pytree_node",
    "tree_all", "tree_all_only", "tree_any", "tree_any_only", "tree_flatten", "tree_is_leaf", "tree_iter", "tree_leaves",
    "tree_map", "tree_map_", "tree_map_only", "tree_map_only_", "tree_structure", "tree_unflatten", *_HOME,
]


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(f"plugtorch.frontend.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
