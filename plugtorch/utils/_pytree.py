"""Facade for :mod:`plugtorch.frontend.pytree`."""

from __future__ import annotations

from plugtorch.frontend.pytree import (
    LeafSpec,
    TreeSpec,
    broadcast_prefix,
    is_namedtuple,
    is_namedtuple_class,
    is_namedtuple_instance,
    register_pytree_node,
    tree_all,
    tree_any,
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

__all__ = [
    "LeafSpec", "TreeSpec", "broadcast_prefix", "is_namedtuple", "is_namedtuple_class", "is_namedtuple_instance",
    "register_pytree_node", "tree_all", "tree_any", "tree_flatten", "tree_is_leaf", "tree_iter", "tree_leaves",
    "tree_map", "tree_map_", "tree_map_only", "tree_map_only_", "tree_structure", "tree_unflatten",
]
