"""Nested containers of values: flattening them to a list of leaves, and building them again.

Lists, tuples, named tuples, dictionaries (plain, ordered and default) and deques are nodes; everything else, None
included, is a leaf unless its type is registered.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from typing import NamedTuple


class _Kind(NamedTuple):
    flatten: object  # node -> (children, context)
    unflatten: object  # (children, context) -> node
    name: str | None  # in text that treespec_dumps writes
    dump: object = None  # context -> what JSON can hold
    load: object = None  # its inverse
    with_keys: object = None  # node -> ([(key, child)], context)


def is_namedtuple_class(cls) -> bool:
    """Whether a class was made by ``collections.namedtuple`` or ``typing.NamedTuple``."""
    return isinstance(cls, type) and issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)


def is_namedtuple(obj) -> bool:
    """Whether obj is a named tuple, or the class of one."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def is_namedtuple_instance(obj) -> bool:
    """Whether obj is a named tuple."""
    return is_namedtuple_class(type(obj))


_SUBCLASSABLE = 1 << 10  # a class flag of CPython, Py_TPFLAGS_BASETYPE


def is_structseq_class(cls) -> bool:
    """Whether a class is one of the named tuples that CPython makes in C, such as ``time.struct_time``."""
    return (isinstance(cls, type) and cls.__bases__ == (tuple,) and not cls.__flags__ & _SUBCLASSABLE
            and all(isinstance(getattr(cls, name, None), int)
                    for name in ("n_fields", "n_sequence_fields", "n_unnamed_fields")))


def is_structseq(obj) -> bool:
    """Whether obj is such a tuple, or the class of some."""
    return is_structseq_class(obj if isinstance(obj, type) else type(obj))


def is_structseq_instance(obj) -> bool:
    """Whether obj is such a tuple."""
    return is_structseq_class(type(obj))


_NAMEDTUPLE = _Kind(lambda t: (list(t), type(t)), lambda children, cls: cls(*children), None)
KINDS = {
    list: _Kind(lambda t: (t, None), lambda children, _: list(children), "builtins.list"),
    tuple: _Kind(lambda t: (list(t), None), lambda children, _: tuple(children), "builtins.tuple"),
    dict: _Kind(lambda t: (list(t.values()), list(t)), lambda c, keys: dict(zip(keys, c, strict=True)), "builtins.dict"),
    OrderedDict: _Kind(lambda t: (list(t.values()), list(t)), lambda c, keys: OrderedDict(zip(keys, c, strict=True)),
                       "collections.OrderedDict"),
    defaultdict: _Kind(lambda t: (list(t.values()), [t.default_factory, list(t)]),
                       lambda c, context: defaultdict(context[0], zip(context[1], c, strict=True)),
                       "collections.defaultdict"),
    deque: _Kind(lambda t: (list(t), t.maxlen), lambda children, maxlen: deque(children, maxlen=maxlen),
                 "collections.deque"),
}


def register_pytree_node(cls, flatten_fn, unflatten_fn, *, serialized_type_name=None, to_dumpable_context=None,
                         from_dumpable_context=None, flatten_with_keys_fn=None):
    """Makes instances of a class nodes.

    Args:
        flatten_fn: instance -> ``(children, context)``.
        unflatten_fn: ``(children, context)`` -> instance.
        serialized_type_name: the name of the class in what ``treespec_dumps`` writes.
        to_dumpable_context, from_dumpable_context: context -> what JSON can hold, and back; both or neither.
        flatten_with_keys_fn: instance -> ``([(key, child)], context)``, for paths of leaves.

    Raises:
        ValueError: the class is registered already, or one of a pair of functions is missing.
    """
    if cls in KINDS:
        raise ValueError(f"{cls} is already registered as pytree node.")
    if (to_dumpable_context is None) != (from_dumpable_context is None):
        raise ValueError(f"Both to_dumpable_context and from_dumpable_context for {cls} must be None or registered.")
    KINDS[cls] = _Kind(flatten_fn, unflatten_fn, serialized_type_name, to_dumpable_context, from_dumpable_context,
                        flatten_with_keys_fn)


def kind_of(obj):
    """How to take a node apart; None for a leaf."""
    cls = type(obj)
    return KINDS.get(cls) or (_NAMEDTUPLE if is_namedtuple_class(cls) else None)


def kind_of_class(cls):
    """How to take nodes of a class apart, one that a structure names."""
    return KINDS.get(cls, _NAMEDTUPLE)


class TreeSpec:
    """The structure of a tree without its leaves.

    Attributes:
        type: the class of the node; None for a leaf.
        context: what its class keeps besides the children: keys of a dictionary, the class of a named tuple.
        children_specs: the structures of the children.
    """

    __slots__ = ("type", "context", "children_specs", "num_leaves")

    def __init__(self, type=None, context=None, children_specs=()):
        self.type, self.context, self.children_specs = type, context, list(children_specs)
        self.num_leaves = 1 if type is None else sum(c.num_leaves for c in self.children_specs)

    @property
    def num_children(self) -> int:
        return len(self.children_specs)

    def is_leaf(self) -> bool:
        """Whether it is the structure of a leaf."""
        return self.type is None

    def child(self, index):
        """The structure of one child."""
        return self.children_specs[index]

    def children(self):
        """The structures of the children."""
        return list(self.children_specs)

    def unflatten(self, leaves):
        """A tree of this structure."""
        return tree_unflatten(leaves, self)

    def __eq__(self, other):
        if not isinstance(other, TreeSpec):
            return NotImplemented
        return (self.type is other.type and self.context == other.context
                and self.children_specs == other.children_specs)

    def __hash__(self):
        return hash((self.type, self.num_leaves))

    def __repr__(self):
        return self._text(0)

    def _text(self, indent):
        if self.type is None:
            return "*"
        inner = indent + 2
        children = (",\n" + " " * inner).join(c._text(inner) for c in self.children_specs)
        return f"TreeSpec({self.type.__name__}, {self.context}, [{children}])"


def LeafSpec():  # noqa: N802  (PyTorch's name)
    """The structure of a leaf."""
    return TreeSpec()


def tree_is_leaf(tree, is_leaf=None) -> bool:
    """Whether ``tree`` is a leaf."""
    return is_leaf is not None and is_leaf(tree) or kind_of(tree) is None


def _flatten(tree, leaves, is_leaf):
    kind = None if is_leaf is not None and is_leaf(tree) else kind_of(tree)
    if kind is None:
        leaves.append(tree)
        return TreeSpec()
    children, context = kind.flatten(tree)
    cls = type(tree)
    if kind is _NAMEDTUPLE:
        context = cls
    return TreeSpec(cls, context, [_flatten(c, leaves, is_leaf) for c in children])


def tree_flatten(tree, is_leaf=None):
    """``(leaves, spec)`` of a tree, from left to right; ``is_leaf(node)`` may declare nodes to be leaves."""
    leaves: list = []
    return leaves, _flatten(tree, leaves, is_leaf)


def tree_unflatten(leaves, treespec):
    """The tree of a structure with these leaves.

    Raises:
        TypeError: ``treespec`` is no TreeSpec.
        ValueError: another number of leaves is wanted.
    """
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"tree_unflatten(leaves, treespec): Expected `treespec` to be instance of TreeSpec but got item "
                        f"of type {type(treespec)}.")
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(f"tree_unflatten(leaves, treespec): `leaves` has length {len(leaves)} but the spec refers to a "
                         f"pytree that holds {treespec.num_leaves} items ({treespec}).")
    return _unflatten(iter(leaves), treespec)


def _unflatten(leaves, spec):
    if spec.type is None:
        return next(leaves)
    kind = kind_of_class(spec.type)
    return kind.unflatten([_unflatten(leaves, c) for c in spec.children_specs], spec.context)


def tree_leaves(tree, is_leaf=None) -> list:
    """The leaves, from left to right."""
    return tree_flatten(tree, is_leaf)[0]


def tree_iter(tree, is_leaf=None):
    """An iterator over the leaves."""
    return iter(tree_leaves(tree, is_leaf))


def tree_structure(tree, is_leaf=None) -> TreeSpec:
    """The structure."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func, tree, *rests, is_leaf=None):
    """The tree with ``func`` of each leaf, and of the leaves at the same place in ``rests``."""
    leaves, spec = tree_flatten(tree, is_leaf)
    columns = [leaves, *(flatten_as(r, spec) for r in rests)]
    return tree_unflatten([func(*row) for row in zip(*columns, strict=True)], spec)


def tree_map_(func, tree, *rests, is_leaf=None):
    """Calls ``func`` as :func:`tree_map` does, for what it does to the leaves; returns the tree."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def _chosen(kinds):
    return kinds if callable(kinds) and not isinstance(kinds, type) else lambda x: isinstance(x, kinds)


def tree_map_only(type_or_types_or_pred, func, tree, is_leaf=None):
    """The tree with ``func`` of the leaves of these types (or for which a predicate holds), the others as they are."""
    wanted = _chosen(type_or_types_or_pred)
    return tree_map(lambda x: func(x) if wanted(x) else x, tree, is_leaf=is_leaf)


def tree_map_only_(type_or_types_or_pred, func, tree, is_leaf=None):
    """As :func:`tree_map_only`, for what ``func`` does to the leaves; returns the tree."""
    tree_map_only(type_or_types_or_pred, func, tree, is_leaf=is_leaf)
    return tree


def tree_all_only(type_or_types, /, pred, tree, is_leaf=None) -> bool:
    """Whether ``pred`` holds for every leaf of these types."""
    return all(pred(x) for x in tree_leaves(tree, is_leaf) if isinstance(x, type_or_types))


def tree_any_only(type_or_types, /, pred, tree, is_leaf=None) -> bool:
    """Whether ``pred`` holds for a leaf of these types."""
    return any(pred(x) for x in tree_leaves(tree, is_leaf) if isinstance(x, type_or_types))


def tree_all(pred, tree, is_leaf=None) -> bool:
    """Whether ``pred`` holds for every leaf."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred, tree, is_leaf=None) -> bool:
    """Whether ``pred`` holds for a leaf."""
    return any(map(pred, tree_leaves(tree, is_leaf)))


def flatten_as(tree, spec):
    """The subtrees of ``tree`` where ``spec`` has leaves.

    Raises:
        ValueError: the structures differ.
    """
    if spec.type is None:
        return [tree]
    kind = kind_of(tree)
    if type(tree) is not spec.type or kind is None:
        raise ValueError(f"Node type mismatch; expected {spec.type}, but got {type(tree)}.")
    children, context = kind.flatten(tree)
    children = list(children)
    if len(children) != spec.num_children:
        raise ValueError(f"Node arity mismatch; expected {spec.num_children}, but got {len(children)}.")
    if spec.type in (dict, OrderedDict) and set(context) == set(spec.context):
        children = [tree[key] for key in spec.context]
    elif context != spec.context:
        raise ValueError(f"Node context mismatch for node type {spec.type}: {context} and {spec.context}.")
    return [leaf for child, part in zip(children, spec.children_specs, strict=True)
            for leaf in flatten_as(child, part)]


def broadcast_prefix(tree, spec):
    """The leaves of ``tree``, each repeated for all leaves below its place in ``spec``; None where the structures do
    not agree."""
    kind = kind_of(tree)
    if kind is None:
        return [tree] * spec.num_leaves
    if type(tree) is not spec.type:
        return None
    children, context = kind.flatten(tree)
    if len(list(children)) != spec.num_children or context != spec.context and kind is not _NAMEDTUPLE:
        return None
    leaves = []
    for child, part in zip(children, spec.children_specs, strict=True):
        below = broadcast_prefix(child, part)
        if below is None:
            return None
        leaves += below
    return leaves
