"""Quantised tensors and fake quantisation against PyTorch."""

from __future__ import annotations

import pytest
from compare import agree

pytestmark = pytest.mark.filterwarnings("ignore")

GIVEN = ("x = torch.tensor([[-1., 0.1, 0.26, 0.05], [2., 3.7, 0.15, 40.]]); "
         "q = torch.quantize_per_tensor(x, 0.1, 10, torch.quint8); "
         "c = torch.quantize_per_channel(x, torch.tensor([.1, .2]), torch.tensor([1, 2]), 0, torch.qint8); ")
EXPRESSIONS = """
q.int_repr()
q.dequantize()
q[1].dequantize()
q.t().int_repr()
q.q_scale()
q.q_zero_point()
repr(q.qscheme())
repr(q)
repr(c)
repr(q.reshape(-1))
torch.cat([q, q]).int_repr()
torch.dequantize([q, c])
torch.relu(q).int_repr()
q == q
q[0, 0].item()
q.max().dequantize()
c.int_repr()
c.dequantize()
c.q_per_channel_scales()
c.q_per_channel_zero_points()
c.q_per_channel_axis()
torch.quantize_per_tensor(x, 0.1, 10, torch.qint8).int_repr()
torch.quantize_per_tensor(x * 1e9, 0.1, 10, torch.qint32).int_repr()
torch.quantize_per_tensor(x, torch.tensor(.1), torch.tensor(10), torch.quint8).q_scale()
torch.quantize_per_tensor([x, x], torch.tensor([.1, .2]), torch.tensor([1, 2]), torch.quint8)[1].int_repr()
torch.quantize_per_tensor_dynamic(x, torch.quint8, False).int_repr()
torch.quantize_per_tensor_dynamic(x, torch.qint8, True).q_scale()
torch.quantize_per_tensor_dynamic(x, torch.qint8, True).q_zero_point()
torch.quantize_per_channel(x, torch.tensor([.1, .2]), torch.tensor([1.5, 2]), 0, torch.quint8).dequantize()
torch.quantize_per_tensor(x.double(), 0.1, 10, torch.quint8)
torch.quantize_per_tensor(x, 0.1, 10, torch.float32)
torch.quantize_per_tensor(x, 0.1, 300, torch.quint8)
torch.quantize_per_channel(x, torch.tensor([.1]), torch.tensor([1, 2]), 0, torch.qint8)
torch.quantize_per_channel(x, torch.tensor([.1, .2]), torch.tensor([1, 2]), 2, torch.qint8)
q.q_per_channel_axis()
c.q_scale()
q.sum()
q.float()
x.int_repr()
q.requires_grad_()
torch.quint8.is_signed
(torch.int4.itemsize, torch.bits16.itemsize, torch.complex32.itemsize, torch.float8_e5m2.itemsize, repr(torch.bit))
torch.fake_quantize_per_tensor_affine(x, .1, 10, 0, 255)
torch.fake_quantize_per_tensor_affine(x.bfloat16(), .1, 10, 0, 255)
torch.fake_quantize_per_tensor_affine(x.double(), torch.tensor(.1), torch.tensor(10), 0, 255)
torch.fake_quantize_per_tensor_affine(x, .1, 10, 5, 4)
torch.fake_quantize_per_tensor_affine(x, .1, 300, 0, 255)
torch.fake_quantize_per_tensor_affine(x.int(), .1, 10, 0, 255)
torch.fake_quantize_per_channel_affine(x, torch.tensor([.1, .2]), torch.tensor([1, 2]).int(), 0, 0, 255)
torch.fake_quantize_per_channel_affine(x, torch.tensor([.1, .2]), torch.tensor([1., 2.]), 0, 0, 255)
torch.fake_quantize_per_channel_affine(x, torch.tensor([.1, .2]), torch.tensor([1, 2]), 0, 0, 255)
torch.fake_quantize_per_channel_affine(x.double(), torch.tensor([.1, .2]), torch.tensor([1, 3]).int(), 0, 0, 255)
torch.quantize_per_tensor(x, 0.1, 1, torch.quint8).int_repr()
torch.fake_quantize_per_channel_affine(x, torch.tensor([.1]), torch.tensor([1, 2]).int(), 0, 0, 255)
torch.fake_quantize_per_channel_affine(x, torch.tensor([.1, .2]), torch.tensor([1, 2]).int(), 2, 0, 255)
""".strip().split("\n")


@pytest.mark.parametrize("source", EXPRESSIONS)
def test_expressions(source):
    agree(GIVEN + source)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_gradients_of_fake_quantisation(dtype):
    agree(f"x = torch.tensor([-2., 0.1, 0.26, 30.], dtype=torch.{dtype}, requires_grad=True); "
          "torch.fake_quantize_per_tensor_affine(x, .1, 10, 0, 255).square().sum().backward(); x.grad")


def test_the_node_is_named():
    agree("x = torch.ones(2, requires_grad=True); torch.fake_quantize_per_tensor_affine(x, .1, 10, 0, 255).grad_fn.name()")
