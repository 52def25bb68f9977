"""Where the leaves of a tree lie: the keys that lead to each from the root."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict, deque
from typing import Any

from . import pytree

__all__ = ["GetAttrKey", "MappingKey", "SequenceKey", "key_get", "keystr", "tree_flatten_with_path", "tree_leaves_with_path",
           "tree_map_with_path"]


@dataclasses.dataclass(frozen=True, slots=True)
class SequenceKey:
    """A place in a list, tuple or deque."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Any) -> Any:
        """The child there."""
        return sequence[self.idx]


@dataclasses.dataclass(frozen=True, slots=True)
class MappingKey:
    """A key of a dictionary."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Any) -> Any:
        """The child there."""
        return mapping[self.key]


@dataclasses.dataclass(frozen=True, slots=True)
class GetAttrKey:
    """An attribute, such as a field of a named tuple."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        """The child there."""
        return getattr(obj, self.name)


def keystr(kp: tuple) -> str:
    """A path as text: ``['a'][0].x``."""
    return "".join(map(str, kp))


def key_get(obj: Any, kp: tuple) -> Any:
    """What lies at the end of a path."""
    for key in kp:
        obj = key.get(obj)
    return obj


def _keyed(tree: Any) -> Any:
    """``(key, child)`` of the children of a node."""
    if pytree.is_namedtuple_instance(tree):
        return [(GetAttrKey(name), getattr(tree, name)) for name in tree._fields]
    kind = pytree.kind_of(tree)
    if kind.with_keys is not None:
        return kind.with_keys(tree)[0]
    if type(tree) in (list, tuple, deque):
        return [(SequenceKey(i), child) for i, child in enumerate(tree)]
    if type(tree) in (dict, OrderedDict, defaultdict):
        return [(MappingKey(key), child) for key, child in tree.items()]
    raise ValueError(f"Did not find a flatten_with_keys_fn for type: {type(tree)}. Please pass a flatten_with_keys_fn "
                     "argument to register_pytree_node.")


def _walk(path: tuple, tree: Any, is_leaf: Any) -> Any:
    if pytree.tree_is_leaf(tree, is_leaf):
        yield path, tree
        return
    for key, child in _keyed(tree):
        yield from _walk((*path, key), child, is_leaf)


def tree_leaves_with_path(tree: Any, is_leaf: Any = None) -> list[tuple[tuple, Any]]:
    """``(path, leaf)`` of all leaves, from left to right.

    Raises:
        ValueError: a node of a class that was registered without ``flatten_with_keys_fn``.
    """
    return list(_walk((), tree, is_leaf))


def tree_flatten_with_path(tree: Any, is_leaf: Any = None) -> tuple[list[tuple[tuple, Any]], pytree.TreeSpec]:
    """:func:`tree_leaves_with_path` and the structure."""
    return tree_leaves_with_path(tree, is_leaf), pytree.tree_structure(tree, is_leaf)


def tree_map_with_path(func: Any, tree: Any, *rests: Any, is_leaf: Any = None) -> Any:
    """The tree with ``func(path, leaf, ...)`` of each leaf, and of those at the same place in ``rests``."""
    found, spec = tree_flatten_with_path(tree, is_leaf)
    columns = [pytree.flatten_as(rest, spec) for rest in rests]
    return pytree.tree_unflatten([func(path, leaf, *others)
                                  for (path, leaf), *others in zip(found, *columns, strict=True)], spec)
