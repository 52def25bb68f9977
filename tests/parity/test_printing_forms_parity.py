"""Whole prints under every option, compared letter by letter."""

from __future__ import annotations

import pytest
import torch as reference
from compare import agree

import plugtorch


@pytest.fixture(autouse=True)
def options():
    yield
    for module in (reference, plugtorch):
        module.set_printoptions(profile="default", sci_mode=None)


PRE_PRINTING = "P = lambda **k: torch.set_printoptions(**k); torch.set_printoptions(profile='default'); A = torch.arange; "
PRINTING = (
    "str(torch.tensor(1.)), str(torch.tensor(1)), str(torch.tensor(True)), str(torch.tensor(1j)), "
    "str(torch.tensor(1.5e10)), str(torch.tensor(1e-10))",
    "str(torch.tensor([])), str(torch.tensor([], dtype=torch.int64)), str(torch.zeros(0, 3)), str(torch.zeros(2, 0, "
    "3, dtype=torch.int32)), str(torch.zeros(0, dtype=torch.float64))",
    "[str(torch.tensor([1, 0, 3]).to(d)) for d in (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, "
    "torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128)]",
    "[str(torch.tensor([1.5, -2.25, 100.125]).to(d)) for d in (torch.float16, torch.bfloat16, torch.float32, "
    "torch.float64, torch.complex64, torch.complex128)]",
    "str(A(2000)), str(A(2000.)), str(A(10000).view(100, 100)), str(A(1001.)), str(A(1000.))",
    "str(A(3000).view(10, 10, 30)), str(A(20000).view(2, 100, 100)), str(torch.zeros(1, 1, 2000))",
    "str(A(24).view(2, 3, 4)), str(A(24.).view(1, 2, 3, 4)), str(A(120).view(2, 3, 4, 5))",
    "str(torch.tensor([1e-5, 1.])), str(torch.tensor([1e-4, 1.])), str(torch.tensor([1e5, 1.5])), "
    "str(torch.tensor([1e8, 1.])), str(torch.tensor([1e9, 1.])), str(torch.tensor([999., 1000.5])), "
    "str(torch.tensor([0.001, 10.]))",
    "str(torch.tensor([float('nan'), float('inf'), -float('inf')])), str(torch.tensor([float('nan'), 1.])), "
    "str(torch.tensor([float('inf'), 1.5])), str(torch.tensor([float('nan')])), str(torch.tensor([-float('inf'), "
    "1e10]))",
    "str(torch.tensor([0., 0.])), str(torch.tensor([-0., 0.])), str(torch.tensor([1e-45, 1e38])), "
    "str(torch.tensor([1e300, 1e-300], dtype=torch.float64))",
    "str(torch.tensor([123456789., 1.])), str(torch.tensor([16777216.])), str(torch.tensor([1e7, 2e7])), "
    "str(torch.tensor([1.1, 22.22, 333.333, 4444.4444]))",
    "str(torch.tensor([1+2j, -3.5-4j])), str(torch.tensor([1e-10+1j])), str(torch.tensor([complex('nan'), 1j])), "
    "str(torch.tensor([complex(float('inf'), -float('inf'))])), str(torch.tensor([[1j, 2], [3, 4.5j]])), "
    "str(torch.tensor([0j]))",
    "str(torch.tensor([-1, 10, -100])), str(torch.tensor([[1, -22], [333, 4]])), str(torch.tensor([255], "
    "dtype=torch.uint8)), str(torch.tensor([2**62, -2**62]))",
    "str(torch.tensor([True, False])), str(torch.tensor([[True], [False]]))",
    "str(torch.ones(2, requires_grad=True)), str(torch.ones(2, requires_grad=True) * 2), str((torch.ones(2, "
    "requires_grad=True) * 2).sum()), str(torch.ones(30, requires_grad=True)), str(torch.ones(2, 3, "
    "requires_grad=True).double() * 2)",
    "str(torch.ones(100, requires_grad=True).view(10, 10)), str(torch.zeros(0, requires_grad=True)), "
    "str(torch.ones(2, dtype=torch.float64, requires_grad=True)[0])",
    "str(torch.nn.Parameter(torch.ones(2))), repr(torch.nn.Parameter(torch.ones(2, 2)))",
    "x = torch.ones(3, requires_grad=True) * 1; x[0] = 2; str(x)",
    "x = torch.ones(3, requires_grad=True) * 1; x[0].mul_(2); str(x)",
    "str(torch.ones(2, requires_grad=True).unbind()[0])",
    "P(precision=2); str(torch.tensor([1.23456, 2.])), str(torch.tensor([1e-5, 1.])), str(torch.tensor([1.23456+2j]))",
    "P(precision=8); str(torch.tensor([1.23456789012], dtype=torch.float64)), str(torch.tensor([1/3]))",
    "P(precision=0); str(torch.tensor([1.5, 2.]))",
    "P(threshold=5); str(A(6)), str(A(5)), str(A(12).view(3, 4)), str(A(100).view(10, 10))",
    "P(edgeitems=1, threshold=5); str(A(6)), str(A(100).view(10, 10)), str(A(60).view(3, 4, 5))",
    "P(edgeitems=2); str(A(2000.)), str(A(4000.).view(2, 50, 40))",
    "P(linewidth=40); str(A(30.)), str(A(100).view(10, 10)), str(torch.ones(8, dtype=torch.float64)), "
    "str(torch.ones(2, requires_grad=True) * 2)",
    "P(linewidth=200); str(A(60.)), str(torch.ones(5, 30))",
    "P(profile='short'); str(A(2000.)), str(torch.tensor([1.23456]))",
    "P(profile='full'); str(A(1500))",
    "P(sci_mode=True); str(torch.tensor([1.5, 2.])), str(torch.tensor([1, 2])), str(torch.tensor([1+1j]))",
    "P(sci_mode=False); str(torch.tensor([1e-10, 1e10])), str(torch.tensor([1e-5, 1.]))",
    "P(sci_mode=None); str(torch.tensor([1e-10, 1e10]))",
    "P(precision=3, sci_mode=True); P(profile='default'); str(torch.tensor([1.5]))",
    "str(torch.tensor([1.5, 2.5], dtype=torch.float16)), str(torch.tensor([65504.], dtype=torch.float16)), "
    "str(torch.tensor([1e-7], dtype=torch.float16)), str(torch.tensor([3e38], dtype=torch.bfloat16))",
    "str(torch.Size([1, 2])), str(torch.float32), str(torch.device('cpu')), repr(torch.strided), str(torch.Size([]))",
    "str(torch.max(torch.tensor([[1., 2.]]), 1)), str(torch.sort(torch.tensor([2, 1])))",
    "torch.set_default_dtype(torch.float64); (str(torch.tensor([1.])), str(torch.tensor([1.], dtype=torch.float32)), "
    "str(torch.tensor([1j])), str(torch.tensor([1j], dtype=torch.complex64)), str(torch.zeros(0)))",
    "str([torch.ones(1), torch.zeros(1)]), str({'a': torch.ones(2)}), str((torch.tensor(1.5),))",
    "str(A(7.).view(7, 1)), str(A(1100.).view(1100, 1)), str(A(1100.).view(1, 1100))",
    "str(torch.linspace(-1, 1, 7)), str(torch.logspace(-3, 3, 5)), str(torch.eye(3)), str(torch.tensor([[1., 2.], "
    "[3., 4.]]).inverse() if False else torch.eye(2))",
    "str(torch.full((3, 3), 7)), str(torch.full((2,), 1e-3)), str(torch.tensor([[0.1, 100.], [1e-3, 5.]]))",
    "str(torch.tensor([1., 2.5e3])), str(torch.tensor([1000., 1.])), str(torch.tensor([1001., 1.])), "
    "str(torch.tensor([100.5, 0.05])), str(torch.tensor([9999.5])), str(torch.tensor([0.00012])), "
    "str(torch.tensor([0.00009]))",
    "torch.ones(2).__repr__(tensor_contents='XX')",
    "torch.get_printoptions() if False else 0",
)


@pytest.mark.parametrize("case", PRINTING)
def test_printing(case, backend):
    agree(PRE_PRINTING + case)
