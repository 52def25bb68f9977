"""User-defined gradients: ``Function`` with ``forward``, ``backward`` and, if wanted, ``setup_context``."""

from __future__ import annotations

import functools
import inspect
import itertools
import warnings

from .aliasing import alias_of, rebase, share
from .base import InferenceCell, Node, TensorBase, edge_of, next_seq, shape_and_dtype, wrap
from .mode import DUAL, MODE, NO_GRAD, SAVED_HOOKS, WATCHED, mode
from .plans import PlanBase
from .record import cell_of, count_version, make_node, slot, watch
from .saved import FREED, HOOKS, PackedValue, SavedTensor


class FunctionCtx:
    """What ``forward`` leaves for ``backward``: saved tensors and flags, and any attribute the user sets."""

    def save_for_backward(self, *tensors) -> None:
        """Keeps tensors (inputs, outputs or others; None allowed) for :attr:`saved_tensors`."""
        self.to_save = tensors

    def save_for_forward(self, *tensors) -> None:
        """Keeps tensors for a ``jvp``.

        Raises:
            TypeError: an argument is neither a tensor nor None.
        """
        for n, t in enumerate(tensors):
            if t is not None and not isinstance(t, TensorBase):
                raise TypeError("save_for_forward can only save tensors, but argument "
                                f"{n} is of type {type(t).__name__}")
        self.saved_for_forward = tensors

    def mark_dirty(self, *args) -> None:
        """Names inputs that ``forward`` modified in place and returned."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args) -> None:
        """Names outputs without gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether ``backward`` gets zeros (default) or None for outputs that no gradient reached."""
        self.materialize_grads = value

    to_save: tuple | None = None
    saved_for_forward: tuple | None = None
    dirty_tensors: tuple | None = None
    non_differentiable: tuple | None = None
    materialize_grads = True
    needs_input_grad: tuple = ()


class BackwardCFunction(FunctionCtx, Node):
    """The node of one application of a Function; it is the ``ctx`` of its methods."""

    @property
    def saved_tensors(self) -> tuple:
        """The tensors given to :meth:`save_for_backward`.

        Raises:
            RuntimeError: they were freed by an earlier pass, or modified in place since.
        """
        if self._kept is None:
            raise RuntimeError(FREED)
        return tuple(self._unpacked(*entry) for entry in self._kept)

    @property
    def saved_variables(self) -> tuple:
        """Old name of :attr:`saved_tensors`."""
        warnings.warn("'saved_variables' is deprecated; use 'saved_tensors'", DeprecationWarning, stacklevel=2)
        return self.saved_tensors

    @property
    def _raw_saved_tensors(self) -> tuple:
        if self._kept is None:
            raise RuntimeError(FREED)
        return tuple(SavedTensor._of(self, n) for n in range(len(self._kept)))

    def _unpacked(self, value, cell, version, edge):
        if value is None:
            return None
        if isinstance(value, PackedValue):
            value = value.tensor()._a
        elif cell[0] != version:
            maker = edge.name().removesuffix("Backward0") if isinstance(edge, Node) else None
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"[torch.{self._k.dtype_of(value).legacy}Tensor {list(value.shape)}]"
                + (f", which is output 0 of {maker}," if maker else "") +
                f" is at version {cell[0]}; expected version {version} instead. Hint: enable anomaly detection to find "
                "the operation that failed to compute its gradient, with torch.autograd.set_detect_anomaly(True, "
                "check_nan=False)."
            )
        if isinstance(edge, TensorBase) and edge._a is value:
            return edge
        t = wrap(value, self._k)
        if edge is not None:
            t._req, t._node = True, self if edge is _SELF else edge
            if isinstance(edge, TensorBase):
                t._node = make_node(_HandOn, self._k, (edge,), value, (), ())
        return t

    def pack_saved(self, n, pack_hook, unpack_hook) -> None:
        """Sets hooks on saved tensor ``n``."""
        value, cell, version, edge = self._kept[n]
        if isinstance(value, PackedValue):
            raise RuntimeError("Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only "
                               "one pair of hooks is allowed at a time.")
        t = self._unpacked(value, cell, version, edge)
        saved = list(self._kept)
        saved[n] = (PackedValue(t, pack_hook, unpack_hook), cell, version, edge)
        self._kept = tuple(saved)

    def apply(self, *args):
        """Calls the user's backward."""
        return self._plan.backward(self, *args)

    def name(self) -> str:
        """The Function's name with ``Backward`` added."""
        return type(self).__name__


class _HandOn(PlanBase):
    """The gradient passes as it is."""

    @staticmethod
    def run(k, g, saved):
        return (g,)

    @staticmethod
    def node_name(node):
        return "AliasBackward0"


_SELF = object()


def once_differentiable(backward):
    """Marks a ``backward`` whose result cannot be differentiated again."""

    @functools.wraps(backward)
    def wrapper(ctx, *grads):
        recording = not mode() & NO_GRAD
        flags = MODE.get()
        MODE.set(flags | NO_GRAD)
        try:
            outputs = backward(ctx, *grads)
        finally:
            MODE.set(flags)
        if not recording or not any(isinstance(g, TensorBase) and g._req for g in grads):
            return outputs
        single = not isinstance(outputs, tuple)
        blocked = tuple(_blocked(o) for o in ((outputs,) if single else outputs))
        return blocked[0] if single else blocked

    return wrapper


class _BlockedPlan(PlanBase):

    @staticmethod
    def run(k, g, saved):
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")

    @staticmethod
    def node_name(node):
        return "Error"


def _blocked(o):
    if not isinstance(o, TensorBase):
        return o
    t = wrap(o._a, o._k)
    t._req, t._node = True, make_node(_BlockedPlan, o._k, (), o._a, (), ())
    return t


class FunctionMeta(type):
    """The class of Function classes: each gets a class of its own for its nodes."""

    def __init__(cls, name, bases, attrs):
        super().__init__(name, bases, attrs)
        cls._backward_cls = type(name + "Backward", (BackwardCFunction,), {
            "_forward_cls": cls, "__module__": "torch.autograd.function"})
        cls._backward_cls._autograd_function_id = next(_function_ids)


_function_ids = itertools.count()


class Function(metaclass=FunctionMeta):
    """Subclass with static methods ``forward(ctx, *args)`` and ``backward(ctx, *grads)``; call ``apply``.

    With a static method ``setup_context(ctx, inputs, output)``, ``forward`` takes no ctx. ``backward`` (``vjp`` is
    another name for it) returns one gradient (or None) per argument of ``forward``. ``jvp``, ``vmap`` and
    ``generate_vmap_rule`` may be declared for transforms.
    """

    generate_vmap_rule = False

    def __init__(self, *args, **kwargs):
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should "
            "invoke them on the class itself. Instantiating an autograd function will raise an error in a future "
            "version of PyTorch.", DeprecationWarning, stacklevel=2)

    def __call__(self, *args, **kwargs):
        raise RuntimeError("Legacy autograd function with non-static forward method is deprecated. Please use new-style "
                           "autograd function with static forward method.")

    @staticmethod
    def forward(*args, **kwargs):
        """Computes the result; no gradients are recorded inside."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Saves what ``backward`` needs, where ``forward`` takes no ctx."""
        raise TypeError("setup_context is not implemented")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """Gradients of the arguments for the gradients of the results."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx, *grad_inputs):
        """Tangents of the results for the tangents of the arguments."""
        raise NotImplementedError("You must implement the jvp function for custom autograd.Function to use it with "
                                  "forward mode AD.")

    @staticmethod
    def vmap(info, in_dims, *args):
        """How ``apply`` acts on arguments with an extra axis."""
        raise NotImplementedError("To use autograd.Function with vmap, you must either override the vmap static method "
                                  "or set generate_vmap_rule=True.")

    @classmethod
    def apply(cls, *args, **kwargs):
        """Runs ``forward`` and records the node."""
        separate = cls.setup_context is not Function.setup_context
        if separate:
            args = _bound(cls.forward, args, kwargs)
        flags = mode()
        needs = tuple([isinstance(a, TensorBase) and a._req for a in args])
        recording = not flags & NO_GRAD and True in needs
        ctx = _new_ctx(cls, needs)
        edges_before = tuple([edge_of(a) if isinstance(a, TensorBase) else None for a in args])
        k = _innermost(args)
        MODE.set((flags | NO_GRAD) & ~DUAL)
        try:
            if k is not None:
                output = k.call_function(cls, args, separate, flags)
                cls.setup_context(ctx, args, output)
            elif separate:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args, **kwargs)
        finally:
            MODE.set(flags)
        single = not isinstance(output, tuple)
        outputs = (output,) if single else output
        _check_marks(ctx, outputs, recording)
        if recording:
            outputs = _record(ctx, cls, args, outputs, edges_before)
        else:
            for t in ctx.dirty_tensors or ():
                count_version(t)
        if flags & DUAL:
            from .tangents import push_function

            push_function(cls, ctx, args, outputs)
        return outputs[0] if single else outputs


def _innermost(args):
    """The deepest transform that a tensor among the arguments belongs to, or None."""
    found = None
    for a in args:
        if isinstance(a, TensorBase) and a._k.level and (found is None or a._k.level > found.level):
            found = a._k
    return found


_signature = functools.lru_cache(maxsize=1024)(inspect.signature)


def _bound(forward, args, kwargs):
    """The arguments by position, defaults filled in."""
    bound = _signature(forward).bind(*args, **kwargs)
    bound.apply_defaults()
    return (*bound.args, *bound.kwargs.values())


def _new_ctx(cls, needs):
    ctx = object.__new__(cls._backward_cls)
    ctx._hooks = None
    ctx._kept, ctx._check = (), ()
    ctx.needs_input_grad = needs
    return ctx


def _check_marks(ctx, outputs, recording):
    """Raises PyTorch's errors for what ``forward`` marked and saved."""
    for t in ctx.dirty_tensors or ():
        if not isinstance(t, TensorBase):
            raise RuntimeError(f"mark_dirty can only accept variables, but argument is of type {type(t).__name__}")
        if not any(t is out for out in outputs):
            raise RuntimeError("Some elements marked as dirty during the forward method were not returned as output. "
                               "The inputs that are modified inplace must all be outputs of the Function.")
        if not recording:
            continue
        base = t._alias.base if t._alias is not None else None
        if t._req and t._node is None:
            raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")
        if base is not None and base._req and base._node is None:
            raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
        if base is not None and len(outputs) > 1:
            raise RuntimeError(
                "If your Function modifies inplace an input that is a view of another Tensor, your Function cannot "
                "return more than one Tensor. This is not supported by the current autograd engine. You should either "
                "make sure the input is not a view (using .clone() for example) or make your Function only return one "
                "Tensor (potentially splitting it into two Functions: one doing the inplace that returns a single "
                "Tensor and a second one that does the other operations). You can ask on the forum "
                "https://discuss.pytorch.org/ if you need help to do this change."
            )
    for t in ctx.non_differentiable or ():
        if not isinstance(t, TensorBase):
            raise RuntimeError("mark_non_differentiable only accepts variable arguments, but got "
                               f"{type(t).__name__}")
    for n, t in enumerate(ctx.to_save or ()):
        if t is not None and not isinstance(t, TensorBase):
            raise TypeError(f"save_for_backward can only save variables, but argument {n} is of type "
                            f"{type(t).__name__}")


def _is(t, among):
    return any(t is other for other in among or ())


def _handed_on(o):
    """An input that ``forward`` returned as it is: a new tensor on the same memory."""
    at = o._alias
    base = at.base if at is not None and at.base is not None else o
    t = share(o, o._a, base=base, steps=() if base is o else at.steps)
    alias_of(t).made = "function"
    return t


def _record(ctx, cls, args, outputs, edges):
    first = next(a for a in args if isinstance(a, TensorBase))
    k = first._k
    results = []
    for o in outputs:
        if isinstance(o, TensorBase) and not _is(o, ctx.dirty_tensors):
            if _is(o, args) or o._req:
                o = _handed_on(o)
            elif o._alias is not None and o._alias.base is not None:
                o._alias.made = "function"
        results.append(o)
    live = [(i, o) for i, (o, given) in enumerate(zip(results, outputs, strict=True))
            if isinstance(o, TensorBase) and not _is(given, ctx.non_differentiable) and k.dtype_of(o._a).differentiable]
    if not live:
        return tuple(results)
    ctx._plan = UserPlan(cls, args, results)
    ctx._k = live[0][1]._k
    ctx._edges = edges
    ctx._seq = next_seq()
    ctx._shape, ctx._dtype = live[0][1]._a.shape, live[0][1]._a.dtype
    multiple = len(results) > 1
    for i, o in live:
        node = slot(ctx, i, o._a) if multiple else ctx
        if _is(o, ctx.dirty_tensors):
            holder = wrap(o._a, o._k)
            holder._req, holder._node = True, node
            count_version(o)
            rebase(o, holder)
        else:
            o._req, o._node = True, node
    ctx._kept = tuple([_save(t, args, outputs, results, multiple) for t in ctx.to_save or ()])
    ctx.to_save = ctx.dirty_tensors = ctx.non_differentiable = None
    flags = mode()
    if flags & WATCHED:
        if flags & SAVED_HOOKS:
            for n, entry in enumerate(ctx._kept):
                if entry[0] is not None:
                    ctx.pack_saved(n, *HOOKS.get()[-1])
        watch(ctx)
    return tuple(results)


def _save(t, args, outputs, results, multiple):
    if t is None:
        return (None, None, 0, None)
    cell = cell_of(t)
    if type(cell) is InferenceCell:
        cell = [0]
    for given, result in zip(outputs, results, strict=True):
        if t is given and not _is(t, args):  # an output: its node is this one, which must not hold itself
            cell = cell_of(result)
            edge = _SELF if result._req and not multiple else None
            return (t._a, cell, cell[0], edge)
    return (t._a, cell, cell[0], edge_of(t))


def _implementation(cls):
    """The user's ``backward`` or ``vjp``."""
    own, vjp = cls.backward is not Function.backward, cls.vjp is not Function.vjp
    if own and vjp:
        raise RuntimeError("Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should "
                           "only implement one of them.")
    return cls.vjp if vjp else cls.backward


class UserPlan(PlanBase):
    """Calls the user's backward with tensors and hands its results to the engine."""

    keeps = user = True

    def __init__(self, cls, args, results):
        self.cls, self.results = cls, len(results)
        self.tensors = tuple([isinstance(a, TensorBase) for a in args])
        self.shapes = [(o._a.shape, o._a.dtype) if isinstance(o, TensorBase) else None for o in results]

    def node_name(self, node):
        return self.cls.__name__ + "Backward"

    def backward(self, ctx, *grads):
        return _implementation(self.cls)(ctx, *grads)

    def call(self, ctx, g, create_graph):
        """Gradients per argument: tensors under ``create_graph``, else arrays."""
        k = ctx._k
        given = []
        for one, meta in zip(g if self.results > 1 else [g], self.shapes, strict=True):
            if one is None and ctx.materialize_grads and meta is not None:
                shape, dtype = meta
                one = k.full(shape=tuple(shape), value=0, dtype=k.spec_dtype(dtype), device=k.default_device())
            given.append(one if one is None or isinstance(one, TensorBase) else wrap(one, k))
        result = ctx.apply(*given)
        results = result if isinstance(result, tuple) else (result,)
        arity = len(self.tensors)
        if len(results) < arity or any(r is not None for r in results[arity:]):
            raise RuntimeError(f"function {self.node_name(ctx)} returned an incorrect number of gradients "
                               f"(expected {arity}, got {len(results)})")
        return tuple([self._checked(ctx, i, r, create_graph) for i, r in enumerate(results[:arity])])

    def _checked(self, ctx, i, r, create_graph):
        if r is None:
            return None
        if not self.tensors[i]:
            raise RuntimeError(f"function {self.node_name(ctx)} returned a gradient different than None at position "
                               f"{i + 1}, but the corresponding forward input was not a Variable")
        if not isinstance(r, TensorBase):
            raise RuntimeError(f"expected Variable or None (got {type(r).__name__})")
        edge = ctx._edges[i]
        if edge is None:
            return None
        want = tuple(shape_and_dtype(edge)[0])
        have = tuple(r._a.shape)
        if have != want:
            lead = len(have) - len(want)
            if lead < 0 or any(n not in (m, 1) for n, m in zip(want, have[lead:], strict=True)):
                raise RuntimeError(
                    f"Function {self.node_name(ctx)} returned an invalid gradient at index {i} - got {list(have)} but "
                    f"expected shape compatible with {list(want)}"
                )
        return r if create_graph else r._a


class InplaceFunction(Function):
    """Kept for PyTorch's sake: a Function with the flag ``inplace``."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace


def _flattened(value, into):
    """Appends the tensors of nested tuples, lists and dicts to ``into``; returns the structure without them."""
    if isinstance(value, TensorBase):
        into.append(value)
        return _LEAF
    if isinstance(value, (tuple, list)):
        return type(value)(_flattened(v, into) for v in value)
    if isinstance(value, dict):
        return {key: _flattened(v, into) for key, v in value.items()}
    return value


def _rebuilt(structure, tensors):
    if structure is _LEAF:
        return next(tensors)
    if isinstance(structure, (tuple, list)):
        return type(structure)(_rebuilt(v, tensors) for v in structure)
    if isinstance(structure, dict):
        return {key: _rebuilt(v, tensors) for key, v in structure.items()}
    return structure


_LEAF = object()


class NestedIOFunction(Function):
    """A Function whose ``forward_extended(ctx, *nested)`` takes and returns nested tuples, lists and dicts of tensors, and
    whose ``backward_extended(ctx, *nested)`` gets gradients in the structure of the results and returns them in that of
    the arguments."""

    @classmethod
    def apply(cls, *args):
        """Runs ``forward_extended`` and records the node."""
        tensors, outer = [], {}
        structure = _flattened(args, tensors)

        class Flat(Function):
            @staticmethod
            def forward(ctx, *flat):
                outputs = []
                outer["out"] = _flattened(cls.forward_extended(ctx, *_rebuilt(structure, iter(flat))), outputs)
                return tuple(outputs)

            @staticmethod
            def backward(ctx, *grads):
                nested = _rebuilt(outer["out"], iter(grads))
                flat = []
                for g in cls.backward_extended(ctx, *(nested if isinstance(nested, tuple) else (nested,))):
                    _flattened(g, flat)
                return tuple(flat)

        flat = Flat.apply(*tensors)
        return _rebuilt(outer["out"], iter(flat))

    @staticmethod
    def forward_extended(ctx, *args):
        """The user's forward."""
        raise NotImplementedError

    @staticmethod
    def backward_extended(ctx, *grad_outputs):
        """The user's backward."""
        raise NotImplementedError
