"""Quantised tensors and fake quantisation on every backend."""

from __future__ import annotations

import copy
import pickle

import pytest

import plugtorch as torch


def given():
    x = torch.tensor([[-1.0, 0.1, 0.26], [2.0, 3.7, 40.0]])
    return x, torch.quantize_per_tensor(x, 0.1, 10, torch.quint8)


def test_values_are_stored_as_integers():
    x, q = given()
    assert q.is_quantized and q.dtype is torch.quint8 and q.int_repr().dtype is torch.uint8
    assert q.int_repr().tolist() == [[0, 11, 13], [30, 47, 255]]
    assert torch.allclose(q.dequantize(), torch.tensor([[-1.0, 0.1, 0.3], [2.0, 3.7, 24.5]]))
    assert (q.q_scale(), q.q_zero_point(), q.qscheme()) == (0.1, 10, torch.per_tensor_affine)
    for t in (q[1], q.reshape(3, 2), q.t(), torch.cat([q, q]), copy.deepcopy(q), pickle.loads(pickle.dumps(q))):
        assert t.is_quantized and t.q_scale() == 0.1
    with pytest.raises(NotImplementedError, match="dequantize"):
        q + q
    with pytest.raises(RuntimeError, match="above upper bound"):
        torch.quantize_per_tensor(x, 0.1, 300, torch.quint8)


def test_scales_per_channel():
    x, _ = given()
    q = torch.quantize_per_channel(x, torch.tensor([0.1, 0.5]), torch.tensor([10, 0]), 0, torch.qint8)
    assert q.int_repr().tolist() == [[0, 11, 13], [4, 7, 80]] and q.q_per_channel_axis() == 0
    assert torch.allclose(q.dequantize()[1], torch.tensor([2.0, 3.5, 40.0]))
    with pytest.raises(RuntimeError, match="kPerTensorAffine"):
        q.q_scale()


def test_gradients_pass_where_values_are_inside():
    x = torch.tensor([-2.0, 0.1, 0.26, 30.0], requires_grad=True)
    y = torch.fake_quantize_per_tensor_affine(x, 0.1, 10, 0, 255)
    assert torch.allclose(y.detach(), torch.tensor([-1.0, 0.1, 0.3, 24.5]))
    y.sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 0]
    rows = torch.func.vmap(lambda r: torch.fake_quantize_per_tensor_affine(r, 0.1, 10, 0, 255))(x.detach().reshape(2, 2))
    assert torch.equal(rows.reshape(-1), y.detach())
