"""The graph, Functions, hooks, ``autograd.functional`` and checkpointing do what PyTorch does: each case is one program,
run with both libraries."""

from __future__ import annotations

import importlib
import re
import warnings

import pytest

reference = pytest.importorskip("torch")

import plugtorch  # noqa: E402

CASES = []


def case(function):
    """One program: a function of the library, whose result is compared."""
    CASES.append(function)
    return function


def plain(value):
    """A result as Python data; errors as their type and message."""
    if isinstance(value, (reference.Tensor, plugtorch.Tensor)):
        return ["tensor", str(value.dtype), [round(v, 3) for v in value.detach().reshape(-1).tolist()], list(value.shape),
                value.requires_grad]
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if isinstance(value, Exception):
        # Which node made a modified tensor is told as of before the change or after it.
        text = re.sub(r"which is output 0 of \w+", "which is an output", str(value).split("\n")[0].split(" Hint:")[0])
        return [type(value).__name__, text]
    return value


def attempt(function, *args, **kwargs):
    """The result, or the error."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return error


def run(function, library):
    library.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = plain(attempt(function, library))
    return result, [str(w.message).split("\n")[0] for w in caught if "Triggered" not in str(w.message)
                    and "jit" not in str(w.message)]


def x3(t):
    return t.arange(1.0, 4.0, requires_grad=True)


def function_class(t, forward, backward=None, **attributes):
    methods = {"forward": staticmethod(forward), **attributes}
    if backward is not None:
        methods["backward"] = staticmethod(backward)
    return type("Fn", (t.autograd.Function,), methods)


def double(ctx, x):
    return x * 2


def through(t, cls, *args):
    x = x3(t)
    out = cls.apply(x, *args)
    out.sum().backward()
    return x.grad


# Hooks and nodes.

@case
def order_of_hooks(t):
    log, x = [], x3(t)
    y = x * 2
    y.grad_fn.register_hook(lambda gi, go: log.append(["post", *gi, *go]))
    y.grad_fn.register_prehook(lambda go: log.append("pre"))
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    y.register_hook(lambda g: log.append("tensor"))
    x.register_hook(lambda g: log.append("leaf"))
    x.register_post_accumulate_grad_hook(lambda p: log.append(p.grad.tolist()))
    gathering = y.grad_fn.next_functions[0][0]
    gathering.register_prehook(lambda g: log.append("ahead of the leaf"))
    gathering.register_hook(lambda gi, go: log.append(["after the leaf", len(gi), len(go)]))
    (y * 3).sum().backward()
    return log, y.grad, x.grad


@case
def node_hooks_replace_gradients(t):
    x, w = x3(t), x3(t)
    y = x * w
    y.grad_fn.register_prehook(lambda go: (go[0] * 5,))
    handle = y.grad_fn.register_hook(lambda gi, go: (gi[0] * 10, None))
    y.sum().backward(retain_graph=True)
    handle.remove()
    first = x.grad.clone(), w.grad
    y.sum().backward()
    return first, x.grad, w.grad


@case
def wrong_results_of_hooks(t):
    def one(register, result):
        x = x3(t)
        y = x * 2
        register(y, result)
        return attempt(y.sum().backward)

    def tensor_hook(y, result):
        y.register_hook(lambda g: result)

    def before(y, result):
        y.grad_fn.register_prehook(lambda go: result)

    def after(y, result):
        y.grad_fn.register_hook(lambda gi, go: result)

    good = t.ones(3)
    return [one(tensor_hook, r) for r in (3, t.ones(5), good.double())] + [
        one(r, v) for r in (before, after) for v in (3, (), (good, good, good))]


@case
def hooks_on_a_leafs_node(t):
    x, log = x3(t), []
    node = x.view_as(x).grad_fn.next_functions[0][0]
    node.register_hook(lambda gi, go: log.append([len(gi), go[0].clone()]))
    node.register_prehook(lambda go: (go[0] * 2,))
    same = node is (x * 3).grad_fn.next_functions[0][0]
    x.sum().backward()
    first = x.grad.clone()
    del node
    x.sum().backward()
    return same, log, first, x.grad, (x * 2).grad_fn.next_functions[0][0].name()


@case
def nodes_show_what_they_save(t):
    x = x3(t)
    y = x * x.exp()
    node = y.grad_fn
    node.metadata["note"] = 1
    seen = [node._saved_self is x, node._saved_other, node._saved_other.grad_fn.name(), node.metadata,
            x.pow(3).grad_fn._saved_exponent, x.softmax(0).grad_fn._saved_dim, attempt(lambda: node.nothing)]
    raw = node._raw_saved_self
    y.sum().backward()
    return (seen, attempt(lambda: node._saved_self), attempt(raw.register_hooks, abs, abs),
            attempt(lambda: type(raw)()))


@case
def hooks_of_one_saved_tensor(t):
    x = x3(t)
    y = x * x
    raw = y.grad_fn._raw_saved_self
    raw.register_hooks(lambda v: v.detach() * 10, lambda v: v)
    again = attempt(y.grad_fn._raw_saved_self.register_hooks, lambda v: v, lambda v: v)
    y.sum().backward()
    return x.grad, again


@case
def gradient_edges(t):
    graph = importlib.import_module(t.autograd.__name__ + ".graph")
    x = x3(t)
    y = x * 2
    z = (y * y).sum()
    edge = graph.get_gradient_edge(y)
    a, b = t.linalg.qr(t.eye(3, dtype=t.float64).requires_grad_())
    second = graph.get_gradient_edge(b)
    result = [edge.output_nr, edge.node.name(), second.output_nr, a.grad_fn is second.node,
              t.autograd.grad(z, edge, retain_graph=True), t.autograd.grad(edge, x, t.ones(3), retain_graph=True),
              t.autograd.grad((a * 2 + b * 3).sum(), second, retain_graph=True),
              attempt(t.autograd.grad, second, a, t.ones(3, 3, dtype=t.float64)),
              attempt(graph.get_gradient_edge, t.ones(1))]
    t.autograd.backward(z, inputs=[graph.get_gradient_edge(x)], retain_graph=True)
    result.append(x.grad)
    t.autograd.backward(z, inputs=[y])
    return [*result, y.grad, y.retains_grad, x.grad]


@case
def several_gradients_at_once(t):
    graph = importlib.import_module(t.autograd.__name__ + ".graph")
    x, unused = x3(t), x3(t)
    y, log = x.exp(), []
    handle = graph.register_multi_grad_hook([x, y, unused], lambda gs: log.append([g is None for g in gs]))
    graph.register_multi_grad_hook([x, y], lambda g: log.append(g), mode="any")
    (x + y).sum().backward(retain_graph=True)
    x.sum().backward()
    handle.remove()
    (x + y).sum().backward()
    return (log, attempt(graph.register_multi_grad_hook, [x], abs, mode="some"),
            attempt(graph.register_multi_grad_hook, [t.ones(1)], abs))


@case
def saved_tensors_hooks_and_their_errors(t):
    graph = importlib.import_module(t.autograd.__name__ + ".graph")

    def one(pack, unpack):
        x = x3(t)

        def program():
            with graph.saved_tensors_hooks(pack, unpack):
                y = x * x.exp()
            y.sum().backward()
            return x.grad

        return attempt(program)

    def same(v):
        return v

    def nested():
        x = x3(t)
        with graph.saved_tensors_hooks(same, lambda v: v * 0), graph.saved_tensors_hooks(lambda v: v * 2, same):
            y = x * x
        y.sum().backward()
        return x.grad

    def refused():
        with graph.disable_saved_tensors_hooks("not here"), graph.saved_tensors_hooks(same, same):
            pass

    def refused_inside():
        with graph.saved_tensors_hooks(same, same), graph.disable_saved_tensors_hooks("not here"):
            pass

    def on_cpu():
        x = x3(t)
        with graph.save_on_cpu(pin_memory=False):
            y = (x * x).sin()
        return t.autograd.grad(y.sum(), x)

    return [one(same, same), one(lambda v: v * 2, same), one(same, lambda v: 3), one(lambda v: v.add_(1), same),
            nested(), attempt(refused), attempt(refused_inside), on_cpu()]


@case
def in_place_ops_under_saved_tensors_hooks(t):
    graph = importlib.import_module(t.autograd.__name__ + ".graph")
    x, w = x3(t), x3(t)
    with graph.saved_tensors_hooks(lambda v: v, lambda v: v):
        y = x * 1
        y.mul_(w)
    y.sum().backward()
    return x.grad, w.grad


@case
def allowed_mutation(t):
    graph = importlib.import_module(t.autograd.__name__ + ".graph")
    a = x3(t)
    with graph.allow_mutation_on_saved_tensors():
        b = a.clone()
        out = (b**2).sum()
        b.sin_()
        out.backward()

    def outside():
        with graph.allow_mutation_on_saved_tensors():
            late = (a * a).sum()
        late.backward()

    def twice():
        with graph.allow_mutation_on_saved_tensors(), graph.allow_mutation_on_saved_tensors():
            pass

    return a.grad, attempt(outside), attempt(twice)


@case
def versions_counted_by_hand(t):
    graph = importlib.import_module(t.autograd.__name__ + ".graph")
    x = x3(t)
    y = x.exp()
    graph.increment_version([y])
    return y._version, attempt(y.sum().backward), attempt(graph.increment_version, "a")


@case
def errors_of_grad_and_backward(t):
    x, n = x3(t), t.ones(3)
    grad, backward = t.autograd.grad, t.autograd.backward
    return [attempt(f, *a, **k) for f, a, k in (
        (grad, ((x * 2).sum(), n), {}), (grad, ((x * 2).sum(), [3]), {}), (grad, (n.sum(), x), {}),
        (backward, ([x.sum(), n.sum()],), {}), (backward, ([x.sum()], [t.ones(1)]), {}),
        (backward, ([x * 2], []), {}), (backward, ([x * 2], t.ones(3)), {"inputs": [n]}),
        (grad, ((x * 2).sum(), []), {}), (grad, ((x * 2).sum(), x3(t)), {}),
        (grad, ((x * 2).sum(), [x, x3(t)]), {"materialize_grads": True}),
        (grad, (x * 2, x, t.eye(3)), {"is_grads_batched": True}),
        (grad, (x * 2, x, t.ones(3)), {"is_grads_batched": True}),
        (grad, (x.sum(), x), {"only_inputs": False}),
    )]


@case
def a_hook_that_raises_leaves_gradients_alone(t):
    x, w = x3(t), x3(t)
    y = x * w

    def bad(g):
        raise ValueError("no")

    handle = x.register_hook(bad)
    error = attempt(lambda: y.sum().backward(retain_graph=True))
    handle.remove()
    y.sum().backward()
    return error, x.grad, w.grad


@case
def hooks_removed_while_running_and_handles_as_contexts(t):
    log, handles, x = [], [], x3(t)
    y = x * 2

    def first(g):
        log.append(1)
        handles[1].remove()

    handles.append(y.register_hook(first))
    handles.append(y.register_hook(lambda g: log.append(2)))
    y.sum().backward(retain_graph=True)
    y.sum().backward(retain_graph=True)
    with x.register_hook(lambda g: log.append(3)):
        y.sum().backward(retain_graph=True)
    y.sum().backward()
    return log


# Functions.

@case
def results_of_backward(t):
    one = [(lambda c, g: (g, g)), (lambda c, g: (g, None)), (lambda c, g: None), (lambda c, g: 3), (lambda c, g: [g]),
           (lambda c, g: t.ones(5)), (lambda c, g: t.ones(2, 3)), (lambda c, g: t.ones(3, dtype=t.float64)), None]
    two = [(lambda c, g: g), (lambda c, g: ()), (lambda c, g: (g, g))]
    return ([attempt(through, t, function_class(t, double, b)) for b in one]
            + [attempt(through, t, function_class(t, lambda c, x, y: x * 2, b), 1) for b in two])


@case
def results_of_forward(t):
    def several(ctx, x):
        return x * 2, 3, None, x * 3

    x = x3(t)
    out = function_class(t, several, lambda c, *g: g[0] * 7).apply(x)
    out[0].sum().backward()
    same = function_class(t, lambda c, x: x, lambda c, g: g * 5).apply(x)
    view = function_class(t, lambda c, x: x.view(1, 3), lambda c, g: (g * 5).view(3)).apply(x)
    listed = function_class(t, lambda c, x: [x * 2], lambda c, g: g).apply(x)
    return (out, x.grad, same is x, same, t.autograd.grad(same.sum(), x), view, view.grad_fn.name(), listed,
            function_class(t, lambda c, x: 3, lambda c, g: g).apply(x))


@case
def dirty_inputs(t):
    def change(ctx, x):
        ctx.mark_dirty(x)
        x.mul_(2)
        return x

    def forget(ctx, x):
        ctx.mark_dirty(x)
        return x * 1

    def two(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2), x * 3

    fn = function_class(t, change, lambda c, g: g * 7)
    x = x3(t)
    y = x * 1
    same = fn.apply(y) is y
    whole = t.autograd.grad(y.sum(), x)
    y = x * 1
    part = fn.apply(y[:2])
    return (same, whole, part, y.grad_fn.name(), t.autograd.grad(y.sum(), x), attempt(fn.apply, x), attempt(fn.apply, x[:1]),
            attempt(function_class(t, forget, lambda c, g: g).apply, x * 1), fn.apply(t.ones(2)),
            attempt(function_class(t, two, lambda c, *g: g[0]).apply, (x * 1)[:2]))


@case
def marks_and_flags(t):
    seen = []

    def plain_zeros(ctx, *grads):
        seen.append([g is None for g in grads])
        seen.append(ctx.needs_input_grad)
        return grads[0]

    def without(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    def constant(ctx, x):
        out = x * 3
        ctx.mark_non_differentiable(out)
        return x * 2, out

    x = x3(t)
    function_class(t, without, plain_zeros).apply(x)[0].sum().backward()
    a, b = function_class(t, constant, plain_zeros).apply(x)
    a.sum().backward()
    with t.no_grad():
        function_class(t, lambda c, x: seen.append(c.needs_input_grad) or x * 2, plain_zeros).apply(x)
    return seen, a.requires_grad, b.requires_grad, x.grad


@case
def saved_tensors_of_functions(t):
    def save(ctx, x):
        ctx.save_for_backward(x, None)
        return x * x

    fn = function_class(t, save, lambda c, g: 2 * g * c.saved_tensors[0])
    x = x3(t)
    out = fn.apply(x)
    held = out.grad_fn.saved_tensors
    y = x * 1
    changed = fn.apply(y)
    y.add_(1)
    gradient, = t.autograd.grad(fn.apply(x).sum(), x, create_graph=True)
    second = t.autograd.grad(gradient.sum(), x)
    out.sum().backward()
    return (held[0] is x, held[1], attempt(changed.sum().backward), second, attempt(out.sum().backward),
            attempt(lambda: out.grad_fn.saved_tensors),
            attempt(function_class(t, lambda c, x: c.save_for_backward(3) or x * 2, lambda c, g: g).apply, x))


@case
def attributes_of_ctx_are_the_users(t):
    names = ("k", "shape", "dtype", "plan", "edges", "seq", "saved", "check", "hooks", "extra")

    def keep(ctx, x):
        for n, name in enumerate(names):
            setattr(ctx, name, n)
        return x * 2

    def use(ctx, g):
        return g * sum(getattr(ctx, name) for name in names)

    return through(t, function_class(t, keep, use))


@case
def once_differentiable(t):
    once = importlib.import_module(t.autograd.__name__ + ".function").once_differentiable

    def save(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    fn = function_class(t, save, once(lambda c, g: 2 * g * c.saved_tensors[0]))
    x = x3(t)
    v = t.ones(3, requires_grad=True)
    gradient, = t.autograd.grad(fn.apply(x), x, v, create_graph=True)
    return gradient.requires_grad, attempt(gradient.sum().backward), through(t, fn)


@case
def separate_contexts_and_old_forms(t):
    def setup(ctx, inputs, output):
        ctx.k = inputs[1]
        ctx.save_for_backward(output)

    fn = function_class(t, lambda x, k=4: x * k, lambda c, g: (g * c.k, None), setup_context=staticmethod(setup))
    x = x3(t)
    vjp = type("Fn", (t.autograd.Function,), {"forward": staticmethod(double), "vjp": staticmethod(lambda c, g: g * 3)})
    both = type("Fn", (t.autograd.Function,), {"forward": staticmethod(double), "vjp": staticmethod(lambda c, g: g * 3),
                                               "backward": staticmethod(lambda c, g: g)})
    declared = function_class(t, lambda x: x * 2, lambda c, g: g * 2, setup_context=staticmethod(lambda c, i, o: None),
                              generate_vmap_rule=True)
    return (t.autograd.grad(fn.apply(x).sum(), x), t.autograd.grad(fn.apply(x, k=5).sum(), x), through(t, vjp),
            attempt(through, t, both), through(t, declared),
            attempt(type("Fn", (t.autograd.Function,), {}).apply, x), type(fn.apply(x).grad_fn).__name__,
            fn.apply(x).grad_fn.name())


@case
def variable(t):
    x = t.ones(2)
    v = t.autograd.Variable(x, requires_grad=True)
    v.data.add_(1)
    return isinstance(x, t.autograd.Variable), isinstance(3, t.autograd.Variable), v, x


# functional.

@case
def products_and_whole_matrices(t):
    f = importlib.import_module(t.autograd.__name__ + ".functional")
    x, y, one = t.arange(1.0, 4.0), t.arange(2.0, 5.0), t.ones(3)

    def scalar(a, b):
        return (a * a * b).sum()

    def pair(a, b):
        return a * b, (a + b).sum()

    def cube(a):
        return a**3

    results = []
    for flags in ({}, {"create_graph": True}, {"strict": True}):
        for name, args in (
            ("vjp", (cube, x, one)), ("vjp", (pair, (x, y), (one, t.ones(())))), ("jvp", (cube, x, one)),
            ("jvp", (pair, (x, y), (one, one * 2))), ("jacobian", (cube, x)), ("jacobian", (pair, (x, y))),
            ("hessian", (scalar, (x, y))), ("hessian", (lambda a: cube(a).sum(), x)),
            ("vhp", (scalar, (x, y), (one, one * 2))), ("hvp", (scalar, (x, y), (one, one * 2))),
            ("vjp", (lambda a: t.ones(3), x, one)), ("jvp", (lambda a, b: (a * 2,), (x, y), (one, one))),
            ("jacobian", (lambda a, b: (a * 2,), (x, y))), ("hessian", (lambda a: (a * 2).sum(), x)),
            ("vhp", (lambda a: (a * 2).sum(), x, one)), ("hvp", (lambda a, b: (a * a).sum(), (x, y), (one, one))),
        ):
            results.append(attempt(getattr(f, name), *args, **flags))
    return results


@case
def errors_of_functional(t):
    f = importlib.import_module(t.autograd.__name__ + ".functional")
    x, one = t.arange(1.0, 4.0), t.ones(3)
    results = []
    for name in ("vjp", "jvp", "vhp", "hvp"):
        run, fn = getattr(f, name), (lambda a: a**3) if name in ("vjp", "jvp") else (lambda a: (a**3).sum())
        for args in ((fn, x), (fn, x, t.ones(2)), (fn, x, (one, one)), (fn, 3, one), (fn, (x, 3), one), (fn, x, 3),
                     (lambda a: 3, x, one), (lambda a: [a], x, one)):
            results.append(attempt(run, *args))
    for name, args, kwargs in (
        ("hessian", (lambda a: a**3, x), {}), ("hessian", (lambda a: (a.sum(), a.sum()), x), {}),
        ("jacobian", (lambda a: a, x), {"vectorize": True, "strict": True}),
        ("jacobian", (lambda a: a, x), {"strategy": "forward-mode"}),
        ("jacobian", (lambda a: a, x), {"strategy": "sideways"}),
        ("jacobian", (lambda a: a, [x]), {}), ("hvp", (lambda a: a**3, x, one), {}),
    ):
        results.append(attempt(getattr(f, name), *args, **kwargs))
    return results


# Checkpointing.

def checkpointing(t):
    return importlib.import_module(t.__name__ + ".utils.checkpoint")


@case
def checkpoints(t):
    c = checkpointing(t)
    results = []
    for flags in ({"use_reentrant": True}, {"use_reentrant": False}, {"use_reentrant": False, "early_stop": False}, {}):
        log, x = [], x3(t)

        def part(a, log=log):
            log.append(t.is_grad_enabled())
            b = (a * a.exp()).sin()
            log.append(0)
            return b + 1

        out = c.checkpoint(part, x, **flags)
        out.sum().backward()
        results.append([out, x.grad, log])
    return results


@case
def checkpoints_draw_the_same_numbers(t):
    c, results = checkpointing(t), []
    for reentrant in (True, False):
        for keep in (True, False):
            masks, x = [], x3(t)

            def part(a, masks=masks):
                mask = t.nn.functional.dropout(t.ones(8))
                masks.append(mask.tolist())
                return (a * a)[0] * mask.sum()

            c.checkpoint(part, x, use_reentrant=reentrant, preserve_rng_state=keep).backward()
            results.append([masks[0] == masks[1], x.grad, t.rand(1)])
    return results


@case
def checkpoint_errors(t):
    c, x = checkpointing(t), x3(t)

    def changing(first, later):
        runs = []

        def part(a):
            runs.append(1)
            return first(a) if len(runs) == 1 else later(a)

        out = c.checkpoint(part, x, use_reentrant=False)
        return attempt(out.sum().backward)

    def inside_grad():
        return t.autograd.grad(c.checkpoint(t.exp, x, use_reentrant=True).sum(), x)

    return [
        changing(lambda a: a.exp().sin(), lambda a: a.exp()),
        changing(lambda a: a.exp().sin(), lambda a: a[:2].exp().sin()), attempt(inside_grad),
        attempt(c.checkpoint, t.exp, x, use_reentrant=True, debug=True),
        attempt(c.checkpoint, t.exp, x, use_reentrant=True, k=1),
        attempt(c.checkpoint, t.exp, x, use_reentrant=False, determinism_check="some"),
        attempt(lambda: c.checkpoint(lambda a: a.detach(), x, use_reentrant=True).sum().backward()),
        c.checkpoint(t.exp, t.ones(2), use_reentrant=True),
    ]


@case
def checkpoints_of_checkpoints(t):
    c, results = checkpointing(t), []
    for reentrant in (True, False):
        log, x = [], x3(t)

        def inner(a, log=log):
            log.append(1)
            return (a.exp() * 2).sin()

        def outer(a, reentrant=reentrant, inner=inner):
            return (c.checkpoint(inner, a * 2, use_reentrant=reentrant) * 0.01).exp()

        c.checkpoint(outer, x, use_reentrant=reentrant).sum().backward()
        results.append([[round(v, 1) for v in x.grad.tolist()], len(log)])
    x = x3(t)
    first, = t.autograd.grad(c.checkpoint(lambda a: (a * a).sin(), x, use_reentrant=False).sum(), x, create_graph=True)
    return results, t.autograd.grad(first.sum(), x)


@case
def sequences_of_checkpoints(t):
    c = checkpointing(t)
    model = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.ReLU(), t.nn.Linear(4, 2), t.nn.Tanh())
    results = []
    for parts in (1, 2, 4):
        for reentrant in (True, False):
            model.zero_grad()
            x = x3(t)
            c.checkpoint_sequential(model, parts, x, use_reentrant=reentrant).sum().backward()
            results.append([x.grad, model[0].weight.grad])
    return results, attempt(c.checkpoint_sequential, model, 2, x3(t), foo=1, use_reentrant=False)


# Anomaly detection.

@case
def anomalies(t):
    x = x3(t)
    results = []
    with t.autograd.detect_anomaly():
        y = t.sqrt(x - 1)
        results.append(attempt((y * 0).sum().backward))
        z = (x * 1).exp()
        z.add_(1)
        results.append(attempt(z.sum().backward))
        results.append(t.is_anomaly_enabled() if hasattr(t, "is_anomaly_enabled") else True)
    with t.autograd.set_detect_anomaly(True, check_nan=False):
        (t.sqrt(x - 1) * 0).sum().backward()
    return results, [str(v) for v in x.grad.tolist()]


@pytest.mark.parametrize("program", CASES, ids=lambda f: f.__name__)
def test_same_as_pytorch(program):
    got, want = run(program, plugtorch), run(program, reference)
    assert got[0] == want[0]
    assert [m for m in got[1] if "Error detected" not in m] == [m for m in want[1] if "Error detected" not in m]
