"""Constructors of one dtype, type strings and questions about what a thing is."""

from __future__ import annotations

import pytest
from compare import agree

TYPES = (
    "torch.FloatTensor(2, 3).shape, torch.FloatTensor([1, 2]), torch.LongTensor([[1, 2], [3, 4]]), "
    "torch.ByteTensor([1]), torch.BoolTensor([True, False])",
    "torch.FloatTensor().shape, torch.DoubleTensor(2).dtype, torch.IntTensor([1.0]).dtype, torch.HalfTensor([1]).dtype",
    "torch.FloatTensor(torch.Size([2, 3])).shape",
    "torch.LongTensor(3).shape",
    "torch.FloatTensor(x) is x, torch.FloatTensor(x)",
    "torch.FloatTensor(x.double())",
    "isinstance(x, torch.FloatTensor), isinstance(x, torch.DoubleTensor), isinstance(x.long(), torch.LongTensor), "
    "isinstance(3, torch.FloatTensor)",
    "x.type(), x.long().type(), x.type(torch.DoubleTensor).dtype, x.type('torch.LongTensor').dtype, "
    "x.type(torch.int8).dtype",
    "torch.FloatTensor.dtype, torch.LongTensor.__name__",
    "torch.set_default_tensor_type(torch.DoubleTensor); torch.ones(1).dtype",
    "torch.set_default_tensor_type('torch.DoubleTensor'); torch.ones(1).dtype",
    "torch.set_default_tensor_type(torch.LongTensor)",
    "torch.is_tensor(x), torch.is_tensor(3), torch.is_tensor(None)",
    "torch.is_storage(x.storage()), torch.is_complex(x), torch.is_floating_point(x), torch.is_nonzero(torch.tensor(2))",
    "torch.Tensor(2, 3).shape, torch.Tensor([1, 2]), torch.Tensor().shape, torch.Tensor(x)",
)


@pytest.mark.parametrize("case", TYPES)
def test_types(case, backend):
    agree("x = torch.ones(2); " + case)
