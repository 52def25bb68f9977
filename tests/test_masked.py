"""Reductions with a mask and masked tensors on every backend."""

from __future__ import annotations

import pytest

import plugtorch as torch
from plugtorch.autograd.gradcheck import gradcheck, gradgradcheck


def given():
    x = torch.tensor([[1.0, -2.0, 3.0], [4.0, 0.5, 6.0]], dtype=torch.float64, requires_grad=True)
    return x, torch.tensor([[True, False, True], [True, True, False]])


def test_what_the_mask_leaves_out_does_not_count():
    x, mask = given()
    spoiled = torch.where(mask, x, float("nan"))
    for name in ("sum", "prod", "amax", "amin", "mean", "var", "std", "logsumexp", "median"):
        function = getattr(torch.masked, name)
        want = torch.stack([getattr(x[0, [0, 2]], name)(0) if name != "median" else x[0, [0, 2]].median(),
                            getattr(x[1, [0, 1]], name)(0) if name != "median" else x[1, [0, 1]].median()])
        assert torch.allclose(function(spoiled, 1, mask=mask), want), name
    assert torch.allclose(torch.masked.softmax(spoiled, 1, mask=mask)[0, [0, 2]], x[0, [0, 2]].softmax(0))


def test_gradients_of_both_orders():
    x, mask = given()
    for function in (torch.masked.sum, torch.masked.mean, torch.masked.prod, torch.masked.var, torch.masked.logsumexp):
        assert gradcheck(lambda v, f=function: f(v, 1, mask=mask), (x,))
        assert gradgradcheck(lambda v, f=function: f(v, 1, mask=mask), (x,))
    (g,) = torch.autograd.grad(torch.masked.mean(x, mask=mask), x)
    assert g.tolist() == [[0.25, 0, 0.25], [0.25, 0.25, 0]]


def test_masks_are_mapped():
    x, mask = given()
    rows = torch.func.vmap(lambda v, m: torch.masked.sum(v, mask=m))(x, mask)
    assert rows.tolist() == [4.0, 4.5]


def test_masked_tensors_carry_their_mask():
    x, mask = given()
    t = torch.masked.as_masked_tensor(x, mask)
    y = (t * 2 + t).exp().log()
    assert torch.masked.is_masked_tensor(y) and y.get_mask().tolist() == mask.tolist()
    total = y.t()[0].sum()
    assert total.get_data().item() == pytest.approx(15.0)
    total.backward()
    assert torch.allclose(x.grad, torch.tensor([[3.0, 0, 0], [3.0, 0, 0]], dtype=torch.float64))
    assert y.to_tensor(-1.0)[0, 1].item() == -1
    with pytest.raises(ValueError, match="Input masks must match"):
        t + torch.masked.as_masked_tensor(x, ~mask)
    with pytest.raises(TypeError, match="no implementation found"):
        t.cumsum(0)
    assert repr(t).splitlines()[2] == "    [  1.0000,       --,   3.0000],"
