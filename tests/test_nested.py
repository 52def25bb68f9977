"""Nested tensors on every backend."""

from __future__ import annotations

import pytest

import plugtorch as torch


def components():
    return torch.arange(6.0).reshape(2, 3), torch.arange(9.0).reshape(3, 3)


@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_components_come_back(layout):
    parts = components()
    t = torch.nested.nested_tensor(parts, layout=layout)
    assert t.is_nested and t.layout is layout and t.dim() == 3 and len(t) == 2 and t.size(2) == 3
    assert [p.tolist() for p in t.unbind()] == [p.tolist() for p in parts]
    assert t.offsets().tolist() == [0, 2, 5] and tuple(t.values().shape) == (5, 3)
    padded = torch.nested.to_padded_tensor(t, -1.0, (2, 4, 3))
    assert padded[0, :2].tolist() == parts[0].tolist() and padded[0, 2:].unique().tolist() == [-1]


def test_functions_run_on_the_packed_values():
    parts = components()
    t = torch.nested.nested_tensor(parts, layout=torch.jagged)
    layer = torch.nn.Linear(3, 4)
    for function in (torch.sin, lambda x: x * x + 1, lambda x: 2 - x, torch.nn.functional.relu, layer,
                     lambda x: torch.nn.functional.softmax(x, -1), lambda x: x @ torch.ones(3, 2)):
        got = function(t)
        assert got.is_nested
        for a, p in zip(got.unbind(), parts, strict=True):
            assert torch.allclose(a, function(p), atol=1e-6)
    assert t.sum().item() == 51 and t.sum(1).tolist() == [[3, 5, 7], [9, 12, 15]]


def test_gradients():
    p = components()[0].requires_grad_()
    t = torch.nested.as_nested_tensor([p, torch.ones(1, 3)], layout=torch.jagged)
    (t * t).values().sum().backward()
    assert p.grad.tolist() == (2 * p.detach()).tolist()
    leaf = torch.nested.nested_tensor(components(), layout=torch.jagged, requires_grad=True)
    torch.nested.to_padded_tensor(leaf * 3, 0.0).sum().backward()
    assert leaf.grad.is_nested and leaf.grad.values().unique().tolist() == [3]


def test_what_is_refused():
    a, b = components()
    jagged = [torch.nested.nested_tensor([a, b], layout=torch.jagged) for _ in range(2)]
    with pytest.raises(RuntimeError, match="cannot call binary pointwise function"):
        jagged[0] + jagged[1]
    with pytest.raises(RuntimeError, match="must have the same dim"):
        torch.nested.nested_tensor([a, torch.ones(2)])
    with pytest.raises(NotImplementedError, match="differ in their first dimension alone"):
        torch.nested.nested_tensor([a, torch.ones(2, 2)])
    with pytest.raises(RuntimeError, match="At least one of offsets or lengths"):
        torch.nested.nested_tensor_from_jagged(a)
    with pytest.raises(RuntimeError, match="irregular"):
        torch.nested.nested_tensor([a, b]).size(1)
    with pytest.raises(NotImplementedError, match="cumsum is not implemented for nested tensors"):
        torch.cumsum(jagged[0], 1)
