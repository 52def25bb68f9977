"""Quantised tensors and fake quantisation on every backend."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest

import plugtorch as torch

pytestmark = pytest.mark.filterwarnings("ignore:must run observer", "ignore:Please use quant_min")  # as in PyTorch


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


def small_model():
    nn, q = torch.nn, torch.ao.quantization
    model = nn.Sequential(q.QuantStub(), nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3),
                          q.DeQuantStub())
    return model, ["1", "2", "3"], torch.randn(8, 1, 4, 4)


def test_a_trained_model_is_quantised():
    model, names, x = small_model()
    q = torch.ao.quantization
    model = q.fuse_modules(model.eval(), names)
    model.qconfig = q.get_default_qconfig("x86")
    prepared = q.prepare(model)
    floats = prepared(x)
    done = q.convert(prepared)
    assert [type(m).__name__ for m in done] == ["Quantize", "ConvReLU2d", "Identity", "Identity", "Flatten", "Linear",
                                                "DeQuantize"]
    assert done[5].weight().dtype is torch.qint8 and done[1](done[0](x)).dtype is torch.quint8
    assert (done(x) - floats).abs().max() < 6 * done[5].scale
    assert torch.equal(copy.deepcopy(done)(x), done(x))
    other, _, _ = small_model()
    other = q.fuse_modules(other.eval(), names)
    other.qconfig = q.get_default_qconfig("x86")
    other = q.convert(q.prepare(other))
    other.load_state_dict(done.state_dict())
    assert torch.equal(other(x), done(x))
    with pytest.raises(NotImplementedError, match="QuantStub"):
        done[5](torch.randn(1, 16))


@pytest.mark.one_backend
def test_a_model_learns_with_rounded_weights():
    nn, q = torch.nn, torch.ao.quantization
    model = nn.Sequential(q.QuantStub(), nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3), q.DeQuantStub())
    model = q.fuse_modules_qat(model, ["1", "2"])
    model.qconfig = q.get_default_qat_qconfig("x86")
    prepared = q.prepare_qat(model)
    x, target = torch.randn(9, 4), torch.arange(9) % 3
    optimizer = torch.optim.SGD(prepared.parameters(), lr=0.2)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(prepared(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    expected = prepared.eval()(x)
    done = q.convert(prepared)
    assert (done(x) - expected).abs().max() <= 2.01 * done[3].scale


@pytest.mark.one_backend
def test_weights_alone_are_quantised():
    model = torch.nn.Sequential(torch.nn.LSTM(4, 6))
    x = torch.randn(5, 2, 4)
    done = torch.ao.quantization.quantize_dynamic(model)
    assert type(done[0]) is torch.nn.quantized.dynamic.LSTM
    assert done[0].get_weight()["weight_ih_l0"].dtype is torch.qint8
    assert (done(x)[0] - model(x)[0]).abs().max() < 0.05
    with pytest.raises(AssertionError, match="bias"):
        torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(torch.nn.GRU(4, 6, bias=False)))


@pytest.mark.one_backend
def test_graph_modes_are_refused():
    from plugtorch.ao.quantization import quantize_fx

    with pytest.raises(NotImplementedError, match="eager"):
        quantize_fx.prepare_fx(torch.nn.Linear(2, 2), {}, ())
    with pytest.raises(NotImplementedError, match="reference"):
        torch.ao.quantization.convert(torch.nn.Linear(2, 2), is_reference=True)


@pytest.mark.one_backend
def test_quantised_modules_are_imported_when_they_are_used():
    code = ("import sys, plugtorch.nn; assert not any('.ao.' in m or 'nn.qat' in m for m in sys.modules); "
            "import plugtorch.nn.quantized as nnq; assert plugtorch.nn.quantized is nnq; plugtorch.nn.intrinsic.qat")
    subprocess.run([sys.executable, "-c", code], check=True)
