"""Nested tensors against PyTorch."""

from __future__ import annotations

import pytest
from compare import agree

pytestmark = pytest.mark.filterwarnings("ignore")

GIVEN = (
    "N = torch.nested; a = torch.arange(6.).reshape(2, 3); b = torch.arange(9.).reshape(3, 3); "
    "j = N.nested_tensor([a, b], layout=torch.jagged, requires_grad=True); s = N.nested_tensor([a, b]); "
)


@pytest.mark.parametrize("source", """
str(s)
str(N.nested_tensor([a, b], requires_grad=True))
str(j).split("offsets")[1]
s.unbind()
(j * 2).unbind()
(j * j + j.relu()).unbind()
(s + s).unbind()
torch.sin(j).unbind()
torch.nn.functional.linear(j, torch.ones(4, 3)).unbind()
torch.nn.functional.linear(s, torch.ones(4, 3)).unbind()
torch.nn.functional.softmax(j, -1).unbind()
torch.nn.functional.layer_norm(j, (3,)).unbind()
(j @ torch.ones(3, 2)).unbind()
N.to_padded_tensor(j, -1.)
N.to_padded_tensor(s, -1., (2, 4, 3))
N.nested_tensor_from_jagged(torch.arange(10.).reshape(5, 2), torch.tensor([0, 2, 5])).unbind()
N.nested_tensor_from_jagged(torch.arange(10.).reshape(5, 2), lengths=torch.tensor([2, 3])).unbind()
N.as_nested_tensor(torch.ones(2, 3, 4)).unbind()
N.nested_tensor([[1, 2], [3]]).unbind()
j.sum()
j.sum(-1).unbind()
j.sum(1)
j.mean()
(j.offsets(), j.values(), j.lengths(), j.dim(), j.is_nested, j.numel(), len(j), s.dim(), s.size(0), s.size(2))
j[0]
j.double().unbind()
(j * j).values().sum().backward(); j.grad.values()
N.to_padded_tensor(j, 0.).pow(2).sum().backward(); j.grad.values()
j.unbind()[1].pow(2).sum().backward(); j.grad.values()
""".strip().split("\n"))
def test_same(source):
    agree(GIVEN + source)


@pytest.mark.parametrize(("source", "message"), [
    ("s.size(1)", "Given dimension 1 is irregular and does not have a size."),
    ("s.shape", "NestedTensorImpl doesn't support sizes"),
    ("N.nested_tensor([a, torch.ones(2)], layout=torch.jagged)", "all tensors in list must have the same dim"),
    ("N.nested_tensor_from_jagged(a)", "At least one of offsets or lengths is required."),
])
def test_refused(source, message):
    agree(GIVEN + source, message)
