"""Transforms that differentiate: values, nesting, structures, errors."""

from __future__ import annotations

import math

import pytest

import plugtorch as torch
from plugtorch import nn
from plugtorch.func import (
    functional_call,
    functionalize,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    rearrange,
    replace_all_batch_norm_modules_,
    stack_module_state,
    vjp,
    vmap,
)


def point():
    return torch.tensor([0.5, -1.0, 2.0])


def close(a, b, tolerance=1e-5):
    b = b if isinstance(b, torch.Tensor) else torch.tensor(b)
    assert tuple(a.shape) == tuple(b.shape)
    assert float((a - b).abs().max() if a.numel() else 0) <= tolerance


def test_gradients_by_several_arguments_and_of_containers():
    x = point()
    a, b = grad(lambda u, v: (u.sin() * v).sum(), argnums=(0, -1))(x, x)
    close(a, x.cos() * x)
    close(b, x.sin())
    params = {"w": torch.ones(2, 3), "b": [torch.zeros(2)]}
    got, value = grad_and_value(lambda p: ((p["w"] @ x + p["b"][0]) ** 2).sum())(params)
    close(got["b"][0], [3.0, 3.0])
    close(got["w"], torch.outer(torch.tensor([3.0, 3.0]), x))
    close(value, 4.5)
    assert not params["w"].requires_grad and value.grad_fn is None


def test_auxiliary_results_are_outside_of_the_graph():
    gradient, (value, aux) = grad_and_value(lambda a: ((a**2).sum(), {"twice": a * 2, "n": 3}), has_aux=True)(point())
    close(gradient, 2 * point())
    close(value, 5.25)
    assert aux["n"] == 3 and not aux["twice"].requires_grad


def test_levels_of_gradients_keep_apart():
    """Siskind and Pearlmutter, "Perturbation confusion and referential transparency", 2005."""
    one = torch.tensor(1.0)
    close(grad(lambda x: x * grad(lambda y: x + y)(one))(one), 1.0)
    close(grad(grad(grad(lambda x: x**4)))(torch.tensor(2.0)), 48.0)
    close(grad(lambda x: grad(lambda y: (x * y**2).sum())(x).sum())(point()), 4 * point())


def test_users_tensors_are_left_alone():
    x = point().requires_grad_()
    g = grad(lambda a: (a * a).sum())(x)
    assert x.grad is None and x.requires_grad and x.is_leaf
    g.sum().backward()
    close(x.grad, [2.0, 2.0, 2.0])


def test_no_grad():
    x = point().requires_grad_()
    with torch.no_grad():
        g = grad(lambda a: (a**2).sum())(x)
    assert not g.requires_grad
    close(g, 2 * point())

    def partly(a):
        with torch.no_grad():
            c = a**2
        return (a * c).sum()

    close(grad(partly)(point()), point() ** 2)


def test_writes_to_intermediate_results():
    def f(a):
        b = a * 1
        b.add_(1)
        b[0] = 0
        b[1:].mul_(a[1:])
        return (b * b).sum()

    x = point()
    expected = [0.0] + [2 * v * (v + 1) * (2 * v + 1) for v in (-1.0, 2.0)]
    close(grad(f)(x), expected)
    close(grad(functionalize(f))(x), expected)
    close(vmap(grad(f))(torch.stack([x, x])), [expected, expected])
    with pytest.raises(RuntimeError, match="received invalid argument for remove=x"):
        functionalize(f, remove="x")


def test_vjp_and_its_own_derivative():
    x = point()
    output, pull = vjp(lambda a: (a.sin(), {"s": a.sum()}), x)
    close(pull((torch.ones(3), {"s": torch.tensor(2.0)}))[0], x.cos() + 2)
    close(pull((torch.zeros(3), {"s": torch.tensor(1.0)}))[0], torch.ones(3))
    assert not output[0].requires_grad
    rows = vmap(vjp(lambda a: a**2, x)[1])(torch.eye(3))[0]
    close(rows, torch.diag(2 * x))
    second = vjp(lambda v: vjp(lambda a: a**3, v)[1](v)[0], x)[1](torch.ones(3))[0]
    close(second, 9 * x**2)
    close(grad(lambda v: vjp(lambda a: a**2, x)[1](v)[0].sum())(torch.ones(3)), 2 * x)


def test_jvp():
    x = point()
    out, tangent = jvp(lambda a, b: (a * b, a.sum()), (x, x), (torch.ones(3), torch.zeros(3)))
    close(tangent[0], x)
    close(tangent[1], 3.0)
    close(jvp(lambda a: jvp(lambda b: b**3, (a,), (a,))[1], (x,), (x,))[1], 9 * x**3)
    out, tangent, aux = jvp(lambda a: (a.exp(), a), (x,), (x,), has_aux=True)
    close(tangent, x.exp() * x)
    assert not out.requires_grad and not aux.requires_grad
    close(jvp(lambda a: torch.ones(2), (x,), (x,))[1], torch.zeros(2))
    close(vmap(lambda p, t: jvp(torch.sin, (p,), (t,))[1])(torch.stack([x, x]), torch.eye(3)[:2]),
          torch.eye(3)[:2] * x.cos())


def test_jvp_of_a_write_to_the_argument():
    x = point()
    out, tangent = jvp(lambda a: a.mul_(a), (x,), (torch.ones(3),))
    close(tangent, 2 * point())
    close(out, point() ** 2)
    close(x, point() ** 2)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        grad(lambda a: a.mul_(2).sum())(point())


def test_hessian_vector_product():
    product = jvp(grad(lambda a: (a**4).sum()), (point(),), (torch.ones(3),))[1]
    close(product, 12 * point() ** 2)


def test_linearize():
    x = point()
    output, push = linearize(lambda a, b: (a * b, a.sin()), x, x + 1)
    close(output[0], x * (x + 1))
    close(push(torch.ones(3), torch.zeros(3))[0], x + 1)
    close(vmap(push, in_dims=(0, None))(torch.eye(3), torch.zeros(3))[1], torch.diag(x.cos()))
    with pytest.raises(RuntimeError, match="doesn't match the shape"):
        push(torch.ones(2), torch.ones(3))
    with pytest.raises(RuntimeError, match="same argspec"):
        push(torch.ones(3))


def function(a):
    return torch.stack([a.prod(), (a**2).sum()])


@pytest.mark.parametrize("jacobian", [jacrev, jacfwd])
def test_jacobians(jacobian):
    x = point()
    close(jacobian(function)(x), torch.stack([x.prod() / x, 2 * x]))
    by_both = jacobian(lambda a, b: {"p": a * b, "q": (a.sum() + b[0]) * 1}, argnums=(0, 1))(x, x)
    close(by_both["p"][1], torch.diag(x))
    close(by_both["q"][1], [1.0, 0.0, 0.0])
    value, aux = jacobian(lambda a: (a**2, a), has_aux=True)(x)
    close(value, torch.diag(2 * x))
    assert not aux.requires_grad
    nested = jacobian(lambda d: d["a"] * d["b"])({"a": x, "b": 2 * x})
    close(nested["a"], torch.diag(2 * x))
    close(vmap(jacobian(lambda a: a**2))(torch.stack([x, x])), torch.stack([torch.diag(2 * x)] * 2))
    close(jacobian(lambda a: torch.ones(2))(x), torch.zeros(2, 3))


@pytest.mark.parametrize("chunk_size", [1, 2, None])
def test_chunks_of_a_jacobian(chunk_size):
    close(jacrev(function, chunk_size=chunk_size)(point()), jacrev(function)(point()), 0)


@pytest.mark.parametrize("outer", [jacrev, jacfwd])
@pytest.mark.parametrize("inner", [jacrev, jacfwd])
def test_second_derivatives(outer, inner):
    x = point()
    close(outer(inner(lambda a: (a**3).sum() + a.prod()))(x),
          torch.diag(6 * x) + (1 - torch.eye(3)) * x.prod() / torch.outer(x, x), 1e-4)


def test_hessian_of_a_network():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x = torch.randn(2, 3)
    whole = hessian(lambda a: net(a).sum())(x[0])
    close(whole, whole.t())
    close(vmap(hessian(lambda a: net(a).sum()))(x)[0], whole)
    step = 1e-2
    slope = grad(lambda a: net(a).sum())
    for n in range(3):
        moved = (slope(x[0] + step * torch.eye(3)[n]) - slope(x[0] - step * torch.eye(3)[n])) / (2 * step)
        close(whole[n], moved, 1e-3)


def test_gradient_through_a_jacobian():
    x = point().requires_grad_()
    jacrev(lambda a: a**3)(x).sum().backward()
    close(x.grad, 6 * point())
    close(grad(lambda m: vmap(jacrev(lambda r: r**3))(m).sum())(torch.stack([point(), point()]))[1], 6 * point())


# Modules.

def test_functional_call():
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    own = net[0].weight
    ones = {"0.weight": torch.ones(2, 3), "1.running_mean": torch.zeros(2)}
    x = torch.randn(4, 3)
    out = functional_call(net, ones, x)
    assert net[0].weight is own and float(net[1].running_mean.abs().sum()) == 0
    assert float(ones["1.running_mean"].abs().sum()) > 0
    net[0].weight.data.fill_(1)
    close(out, net(x))
    with pytest.raises(RuntimeError, match="Missing key"):
        functional_call(net, {"0.weight": torch.ones(2, 3)}, x, strict=True)
    with pytest.raises(ValueError, match="multiple dictionaries"):
        functional_call(net, [ones, ones], x)


def test_tied_weights():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(2, 2, bias=False)
            self.b = nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.b(self.a(x))

    x, weight = torch.tensor([[1.0, 2.0]]), 2 * torch.eye(2)
    close(functional_call(Tied(), {"a.weight": weight}, x), 4 * x)
    with pytest.raises(ValueError, match="multiple values for keys"):
        functional_call(Tied(), {"a.weight": weight, "b.weight": torch.eye(2)}, x)


def test_stack_module_state():
    params, buffers = stack_module_state([nn.BatchNorm1d(2), nn.BatchNorm1d(2)])
    assert {k: tuple(v.shape) for k, v in params.items()} == {"weight": (2, 2), "bias": (2, 2)}
    assert params["weight"].requires_grad and params["weight"].is_leaf
    assert buffers["num_batches_tracked"].shape == (2,)
    for models, message in (([], "at least one model"), ([nn.ReLU(), nn.Tanh()], "same class"),
                            ([nn.ReLU(), nn.ReLU().eval()], "same training/eval mode")):
        with pytest.raises(RuntimeError, match=message):
            stack_module_state(models)


def test_batch_norm_without_statistics_can_be_mapped():
    net = replace_all_batch_norm_modules_(nn.Sequential(nn.BatchNorm1d(3)))
    x = torch.randn(2, 5, 3)
    close(vmap(net)(x), torch.stack([nn.functional.batch_norm(r, None, None, training=True) for r in x]))
    with pytest.raises(RuntimeError):
        vmap(nn.BatchNorm1d(3))(x)


def test_rearrange():
    x = torch.arange(24.0).reshape(2, 3, 4)
    close(rearrange(x, "a b (c d) -> (d a) b c", c=2), x.reshape(2, 3, 2, 2).permute(3, 0, 1, 2).reshape(4, 3, 2))
    close(rearrange(x, "a ... -> ... a"), x.permute(1, 2, 0))
    close(rearrange([x[0], x[1]], "n a b -> a b n 1"), x.permute(1, 2, 0).unsqueeze(-1))
    for pattern, message in (("a b -> b a", "names 2 dimensions"), ("a b c -> a b", "only on one side"),
                             ("(a b) c d -> a b c d", "cannot infer")):
        with pytest.raises(ValueError, match=message):
            rearrange(x, pattern)


# Errors.

ERRORS = [
    (lambda x: grad(lambda a: a)(x), RuntimeError, "to return a scalar Tensor, got tensor with 1 dims"),
    (lambda x: grad(lambda a: 1.0)(x), RuntimeError, "to return a Tensor, got <class 'float'>"),
    (lambda x: grad(lambda a: a.sum(), has_aux=True)(x), RuntimeError, "should be a tuple: .output, aux."),
    (lambda x: grad(lambda a: a.sum(), argnums=3)(x), RuntimeError, "Got argnum=3, but only 1 positional"),
    (lambda x: grad(lambda a: a.sum(), argnums=())(x), RuntimeError, "argnums must be non-empty"),
    (lambda x: grad(lambda a: a.sum(), argnums="a")(x), RuntimeError, "argnums must be int or Tuple"),
    (lambda x: grad(lambda a: a.sum())(1.0), ValueError, "must be Tensor, got <class 'float'>"),
    (lambda x: grad(lambda a: a.sum())(torch.tensor([1])), RuntimeError, "floating point dtype"),
    (lambda x: vjp(lambda a: a, x)[1](torch.ones(2)), RuntimeError, "Mismatch in shape"),
    (lambda x: vjp(lambda a: a, x)[1]((x, x)), RuntimeError, r"cotangents: \(\*, \*\), primal output: \*"),
    (lambda x: vjp(lambda a: (a, 1), x), RuntimeError, "got unsupported type <class 'int'>"),
    (lambda x: jvp(lambda a: a, x, x), RuntimeError, "Expected primals to be a tuple"),
    (lambda x: jvp(lambda a: a, (x,), (x, x)), RuntimeError, "same python structure"),
    (lambda x: jvp(lambda a: a, (x,), (torch.ones(2),)), RuntimeError, "different size"),
    (lambda x: jvp(lambda a: a, (x,), (1,)), RuntimeError, "Expected tangents to only contain Tensors"),
    (lambda x: jvp(lambda a: a, (), ()), RuntimeError, "at least one Tensor"),
    (lambda x: jvp(lambda a: 1, (x,), (x,)), RuntimeError, "got unsupported type <class 'int'>"),
    (lambda x: jacrev(lambda a: 1)(x), RuntimeError, "got unsupported type <class 'int'>"),
    (lambda x: jacrev(lambda a: a, chunk_size=0), ValueError, "`chunk_size` should be greater than 0"),
    (lambda x: jacfwd(lambda a: a, randomness="x"), RuntimeError, "Only allowed values for randomness"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS)
def test_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call(point())


def test_trees():
    from collections import OrderedDict, namedtuple

    from plugtorch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

    pair = namedtuple("pair", "a b")
    tree = [pair(1, {"x": 2, "y": (3, None)}), OrderedDict(z=math.pi)]
    leaves, spec = tree_flatten(tree)
    assert leaves == [1, 2, 3, None, math.pi]
    assert tree_unflatten(leaves, spec) == tree
    assert tree_map(lambda v, w: (v, w), {"a": 1}, {"a": [2]}) == {"a": (1, [2])}
    assert tree_leaves(5) == [5]
    with pytest.raises(ValueError, match="holds 5 items"):
        tree_unflatten([1], spec)
