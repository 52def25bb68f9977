"""Dual tensors: tangents of ops, views, writes, Functions; with reverse mode and ``vmap``."""

from __future__ import annotations

import pytest

import plugtorch as torch
from plugtorch import nn
from plugtorch.autograd import forward_ad as fwd
from plugtorch.func import jvp


def point():
    return torch.tensor([1.0, 2.0, 3.0])


def along():
    return torch.tensor([1.5, 2.0, -1.0])


def tangents(function, *inputs):
    with fwd.dual_level():
        out = function(*[fwd.make_dual(x, t) for x, t in inputs])
        return [fwd.unpack_dual(o).tangent for o in (out if isinstance(out, tuple) else (out,))]


def close(a, b, tolerance=1e-5):
    b = b if isinstance(b, torch.Tensor) else torch.tensor(b)
    assert tuple(a.shape) == tuple(b.shape)
    assert float((a - b).abs().max()) <= tolerance


FUNCTIONS = [
    lambda x: (x**2).sin(),
    lambda x: x / (1 + x.exp()),
    lambda x: torch.outer(x, x) @ x,
    lambda x: x.sort(descending=True)[0].cumsum(0),
    lambda x: torch.cat([x, x.flip(0)]).reshape(2, 3).t(),
    lambda x: nn.functional.softmax(x, 0).log() + nn.functional.gelu(x),
    lambda x: torch.linalg.solve(torch.diag(x) + 1, x),
    lambda x: x.std() + x.norm() + x.logsumexp(0),
    lambda x: torch.where(x > 1.5, x * x, x)[torch.tensor([2, 0])],
    lambda x: nn.functional.layer_norm(x, (3,)),
    lambda x: x.to(torch.float64).cos().to(torch.float32),
    lambda x: nn.functional.mse_loss(x, torch.zeros(3)),
    lambda x: nn.functional.conv1d(x[None, None], torch.tensor([[[1.0, 2.0]]]) * x[0]),
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_tangents_equal_those_of_jvp(function):
    close(tangents(function, (point(), along()))[0], jvp(function, (point(),), (along(),))[1])


def test_several_duals_and_constants():
    x = point()
    got, = tangents(lambda a, b: a * b * x, (x, along()), (x, torch.ones(3)))
    close(got, along() * x * x + x * x)


def test_views_and_writes():
    def f(x):
        y = x * 2
        y.add_(1)
        y[0] = 7.0
        y[1:] *= x[1:]
        z = torch.zeros(3)
        part = z[1:]
        part.copy_(x[:2])
        part.mul_(3)
        return y, z, part

    y, z, part = tangents(f, (point(), along()))
    x, t = point(), along()
    close(y, torch.cat([torch.zeros(1), (4 * x * t + t)[1:]]))
    close(part, 3 * t[:2])
    close(z, torch.cat([torch.zeros(1), 3 * t[:2]]))


def test_what_drops_the_tangent():
    assert tangents(lambda x: (x.detach(), x.long()), (point(), along())) == [None, None]


def test_function_with_jvp():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            ctx.save_for_forward(a)
            return a**2

        @staticmethod
        def jvp(ctx, tangent):
            return tangent * 2 * ctx.saved_tensors[0] + 1

    class Without(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a**2

    close(tangents(Square.apply, (point(), along()))[0], 2 * point() * along() + 1)
    with pytest.raises(NotImplementedError, match="implement the jvp function"):
        tangents(Without.apply, (point(), along()))


def test_reverse_over_forward():
    w = point().requires_grad_()
    with fwd.dual_level():
        y = (fwd.make_dual(point(), along()) * w).sin()
        tangent = fwd.unpack_dual(y).tangent
        g, = torch.autograd.grad(tangent.sum(), w)
    x, t = point(), along()
    close(g, t * (x * x).cos() - x * x * t * (x * x).sin())


def test_forward_over_reverse():
    x = point().requires_grad_()
    with fwd.dual_level():
        dual = fwd.make_dual(x, along())
        g, = torch.autograd.grad((dual**3).sum(), x)
        primal, tangent = fwd.unpack_dual(g)
    close(primal, 3 * point() ** 2)
    close(tangent, 6 * point() * along())


def test_through_vmap():
    got, = tangents(lambda x: torch.vmap(lambda a: a**2 + x.sum())(x), (point(), along()))
    close(got, 2 * point() * along() + along().sum())


def test_levels():
    with pytest.raises(RuntimeError, match="no level exists"):
        fwd.make_dual(point(), along())
    with fwd.dual_level():
        dual = fwd.make_dual(point(), along())
        with pytest.raises(RuntimeError, match="Nested forward mode"):
            fwd.enter_dual_level()
        with pytest.raises(RuntimeError, match="already has a forward gradient"):
            fwd.make_dual(dual, along())
        with pytest.raises(RuntimeError, match="different size"):
            fwd.make_dual(point(), torch.ones(2))
        with pytest.raises(ValueError, match="Expected primal to be floating point"):
            fwd.make_dual(torch.tensor([1]), torch.tensor([1]))
    assert fwd.unpack_dual(dual).tangent is None
    with pytest.raises(RuntimeError, match="Dual level must be a positive number"):
        fwd.exit_dual_level()
    with pytest.raises(TypeError, match="must be Tensor, not int"):
        fwd.unpack_dual(1)
