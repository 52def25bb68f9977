"""Models and modules quantised step by step, against PyTorch: classes, keys, printing, scales, and values to one quantum."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch as reference
from compare import agree

import plugtorch

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _engine():
    """PyTorch's kernels that are the same on every processor."""
    before = reference.backends.quantized.engine
    reference.backends.quantized.engine = "fbgemm"
    yield
    reference.backends.quantized.engine = before


def draws(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def fill(model, torch):
    """Parameters and statistics that are the same in both."""
    rng = np.random.default_rng(1)
    with torch.no_grad():
        for name, p in [*model.named_parameters(), *model.named_buffers()]:
            if p.is_floating_point():
                drawn = rng.standard_normal(tuple(p.shape)).astype("float32") * 0.3
                p.copy_(torch.tensor(abs(drawn) + 0.5 if name.endswith("var") else drawn))
    return model


def mlp(torch):
    nn, q = torch.nn, torch.ao.quantization
    layers = [nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 16), nn.Sigmoid(), nn.Dropout(0.0), nn.Linear(16, 4, bias=False)]
    model = nn.Sequential(q.QuantStub(), *layers, q.DeQuantStub())
    return model, [["1", "2"]], (64, 10)


def cnn(torch):
    nn, q = torch.nn, torch.ao.quantization

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.quant, self.dequant = q.QuantStub(), q.DeQuantStub()
            self.c1, self.b1, self.r1 = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()
            self.c2, self.b2 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
            self.add, self.cat = nn.quantized.FloatFunctional(), nn.quantized.FloatFunctional()
            self.pool, self.r2, self.mean = nn.MaxPool2d(2), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1)
            self.flat, self.fc = nn.Flatten(), nn.Linear(8, 5)

        def forward(self, x):
            x = self.r1(self.b1(self.c1(self.quant(x))))
            y = self.r2(self.add.add(self.b2(self.c2(x)), x))
            y = self.cat.cat([self.pool(y), self.pool(x)], 3)
            return self.dequant(self.fc(self.flat(self.mean(y))))

    return Net(), [["c1", "b1", "r1"], ["c2", "b2"]], (8, 3, 8, 8)


def told(model):
    """Classes, keys of the state, and the printed form without the numbers, which differ in the last digit."""
    printed = re.sub(r"\d+\.\d+(e-?\d+)?", "#", repr(model))
    return [type(m).__name__ for m in model.modules()], list(model.state_dict()), printed


def scales(model):
    return [(name, float(m.scale), int(m.zero_point)) for name, m in model.named_modules() if hasattr(m, "scale")]


def same_scales(got, want):
    assert [(name, zero) for name, _, zero in got] == [(name, zero) for name, _, zero in want]
    np.testing.assert_allclose([s for _, s, _ in got], [s for _, s, _ in want], rtol=1e-6)


def converted(torch, model, example):
    done = torch.ao.quantization.convert(model)
    with torch.no_grad():
        return told(done), scales(done), np.asarray(done(torch.tensor(example)))


def quanta(got, want):
    """How many steps of the last scale two results are apart."""
    (told_a, scales_a, a), (told_b, scales_b, b) = got, want
    assert told_a == told_b
    same_scales(scales_a, scales_b)
    return abs(a - b).max() / min(s for _, s, _ in scales_b[-2:])


def static(torch, make, backend):
    model, names, shape = make(torch)
    q = torch.ao.quantization
    fused = q.fuse_modules(fill(model, torch).eval(), names)
    fused.qconfig = q.get_default_qconfig(backend)
    prepared = q.prepare(fused)
    for n in range(3):
        prepared(torch.tensor(draws(*shape, seed=n) * (n + 1)))
    return told(prepared), converted(torch, prepared, draws(*shape, seed=9))


@pytest.mark.parametrize("make", [mlp, cnn])
@pytest.mark.parametrize("kernels", ["x86", "qnnpack"])
def test_trained_models(make, kernels):
    (prepared, got), (wanted, want) = (static(torch, make, kernels) for torch in (plugtorch, reference))
    assert prepared == wanted
    assert quanta(got, want) <= 1.01


def training(torch, make, backend, version):
    model, names, shape = make(torch)
    q = torch.ao.quantization
    fused = q.fuse_modules_qat(fill(model, torch).train(), names)
    fused.qconfig = q.get_default_qat_qconfig(backend, version)
    prepared = q.prepare_qat(fused)
    optimizer = torch.optim.SGD(prepared.parameters(), lr=0.05)
    losses = []
    for n in range(3):
        optimizer.zero_grad()
        loss = prepared(torch.tensor(draws(*shape, seed=n))).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    state = {k: np.asarray(v.detach()) for k, v in prepared.state_dict().items()}
    return told(prepared), losses, state, converted(torch, prepared.eval(), draws(*shape, seed=9))


@pytest.mark.parametrize(("make", "kernels", "version"), [(mlp, "fbgemm", 1), (cnn, "x86", 1), (cnn, "qnnpack", 0)])
def test_training(make, kernels, version):
    got, want = (training(torch, make, kernels, version) for torch in (plugtorch, reference))
    assert got[0] == want[0]
    np.testing.assert_allclose(got[1], want[1], rtol=1e-5)
    for key, value in want[2].items():
        np.testing.assert_allclose(got[2][key], value, rtol=1e-4, atol=1e-5, err_msg=key)
    assert quanta(got[3], want[3]) <= 2.01  # a value that rounds the other way in one layer may move others in the next


def recurrent(torch, dtype):
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(6, 8, num_layers=2, bidirectional=True, batch_first=True)
            self.gru, self.fc = nn.GRU(16, 5), nn.Linear(5, 3)
            self.lc, self.gc, self.rc = nn.LSTMCell(3, 4), nn.GRUCell(4, 4), nn.RNNCell(4, 4, nonlinearity="relu")

        def forward(self, x):
            y, (h, c) = self.lstm(x)
            z, g = self.gru(y.transpose(0, 1))
            return y, h, c, z, g, self.rc(self.gc(self.lc(self.fc(z)[0])[0]))

    model = torch.ao.quantization.quantize_dynamic(fill(Net(), torch), dtype=getattr(torch, dtype))
    packed = nn.utils.rnn.pack_padded_sequence(torch.tensor(draws(3, 5, 6)), torch.tensor([2, 5, 3]), batch_first=True,
                                               enforce_sorted=False)
    with torch.no_grad():
        out, (h, c) = model.lstm(packed)
        return told(model), [np.asarray(t) for t in (*model(torch.tensor(draws(4, 7, 6))), out.data, h, c)]


@pytest.mark.parametrize("dtype", ["qint8", "float16"])
def test_scales_chosen_as_values_come(dtype):
    (told_a, got), (told_b, want) = (recurrent(torch, dtype) for torch in (plugtorch, reference))
    assert told_a == told_b
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def observed(torch, source, shape):
    """A module between marks, converted."""
    q = torch.ao.quantization
    module = fill(eval(source, {"nn": torch.nn, "torch": torch}), torch)
    model = torch.nn.Sequential(q.QuantStub(), module, q.DeQuantStub()).eval()
    model.qconfig = q.default_qconfig if "Transpose" in source or "PReLU" in source else q.get_default_qconfig("fbgemm")
    prepared = q.prepare(model)
    prepared(torch.tensor(draws(*shape)))
    return converted(torch, prepared, draws(*shape, seed=1))


MODULES = """
nn.Conv1d(4, 6, 3, stride=2, groups=2): (2, 4, 9)
nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"): (2, 4, 6, 6)
nn.Conv3d(2, 3, 2, dilation=2, bias=False): (2, 2, 5, 5, 5)
nn.ConvTranspose1d(4, 6, 3, stride=2, output_padding=1): (2, 4, 9)
nn.ConvTranspose2d(4, 6, 3, stride=2): (2, 4, 5, 5)
nn.BatchNorm2d(4): (2, 4, 5, 5)
nn.BatchNorm3d(4): (2, 4, 3, 3, 3)
nn.ELU(0.7): (3, 8)
nn.Hardswish(): (3, 8)
nn.LeakyReLU(0.2): (3, 8)
nn.ReLU6(): (3, 8)
nn.PReLU(4): (3, 4)
nn.GroupNorm(2, 4): (2, 4, 5)
nn.LayerNorm(8): (3, 8)
nn.InstanceNorm1d(4, affine=True): (2, 4, 9)
nn.InstanceNorm2d(4): (2, 4, 5, 5)
nn.Tanh(): (3, 8)
nn.Hardsigmoid(): (3, 8)
nn.AvgPool2d(2): (2, 4, 6, 6)
nn.Upsample(scale_factor=2): (2, 4, 3, 3)
torch.ao.nn.intrinsic.BNReLU2d(nn.BatchNorm2d(4), nn.ReLU()): (2, 4, 5, 5)
torch.ao.nn.intrinsic.LinearLeakyReLU(nn.Linear(8, 3), nn.LeakyReLU(0.1)): (3, 8)
""".strip().split("\n")


@pytest.mark.parametrize("line", MODULES)
def test_modules(line):
    source, _, shape = line.rpartition(": ")
    if "Leaky" in source and "Linear" in source:
        reference.backends.quantized.engine = "onednn"  # the only one with this kernel
    got, want = (observed(torch, source, eval(shape)) for torch in (plugtorch, reference))
    assert quanta(got, want) <= 1.01


def sequence(torch, split):
    q, nn = torch.ao.quantization, torch.nn
    model = fill(nn.Sequential(nn.LSTM(4, 6, bidirectional=True)), torch).eval()
    model.qconfig = q.default_qconfig
    config = {"float_to_observed_custom_module_class": {nn.LSTM: nn.quantizable.LSTM}}
    x = torch.tensor(draws(5, 2, 4))
    with torch.no_grad():
        plain = model(x)[0]
        prepared = q.prepare(model, prepare_custom_config_dict=config)
        floats = prepared(x)[0]
        done = q.convert(prepared)
        y, (h, _) = done(torch.quantize_per_tensor(x, 0.03, 64, torch.quint8))
    return told(prepared), told(done), [np.asarray(t) for t in (plain - floats, y.dequantize(), h.dequantize())], y.q_scale()


def test_recurrent_layers_of_quantised_operations():
    got, want = (sequence(torch, False) for torch in (plugtorch, reference))
    assert got[:2] == want[:2]
    assert abs(got[2][0]).max() < 1e-6
    for a, b in zip(got[2][1:], want[2][1:], strict=True):
        assert abs(a - b).max() <= 2.01 * want[3]  # a quantum in a gate is one or two in the state that it opens


def attention(torch):
    q, nn = torch.ao.quantization, torch.nn
    model = fill(nn.Sequential(nn.MultiheadAttention(8, 2)), torch).eval()
    model.qconfig = q.default_qconfig
    prepared = q.prepare(model)
    x = torch.tensor(draws(5, 2, 8))
    floats, weights = prepared[0](x, x, x)
    done = q.convert(prepared)
    xq = torch.quantize_per_tensor(x, 0.03, 64, torch.quint8)
    y, w = done[0](xq, xq, xq)
    return told(prepared), told(done), [np.asarray(t.detach()) for t in (floats, weights, y.dequantize(), w.dequantize())], \
        y.q_scale(), done


def test_attention():
    got, want = (attention(torch) for torch in (plugtorch, reference))
    assert got[:2] == want[:2]
    for a, b in zip(got[2][:2], want[2][:2], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    for a, b in zip(got[2][2:], want[2][2:], strict=True):
        assert abs(a - b).max() <= 1.01 * want[3]
    x = plugtorch.tensor(draws(5, 2, 8))
    plain = got[4][0].dequantize()(x, x, x)[0].detach()
    assert abs(np.asarray(plain) - got[2][0]).max() < 5 * got[3]


EXPRESSIONS = """
q.get_default_qconfig("armv8")
q.get_default_qconfig("x86", 1)
q.get_default_qat_qconfig("x86", 2)
q.QConfig(q.MinMaxObserver(), q.MinMaxObserver)
q.MinMaxObserver(qscheme=torch.per_channel_affine)
q.PerChannelMinMaxObserver(qscheme=torch.per_tensor_affine)
q.HistogramObserver(is_dynamic=True)
q.MinMaxObserver(quant_min=1, quant_max=5)
q.FakeQuantize(quant_min=5, quant_max=4)
q.FakeQuantize(quant_min=0, quant_max=256)
q.prepare_qat(nn.Linear(2, 2).eval())
q.fuse_modules(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), ["0", "1"])
q.fuse_modules_qat(nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(2)), ["0", "1"])
q.fuse_modules(nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3)), ["0", "1"])
q.quantize_dynamic(nn.Linear(2, 2), dtype=torch.int8)
q.quantize_dynamic(nn.Linear(2, 2), {nn.Linear}, dtype=torch.int8)
nn.quantized.Linear(2, 3)(torch.ones(1, 2))
nn.quantized.Conv2d(2, 3, 1)(torch.ones(1, 2))
nn.quantized.Conv2d(2, 3, 1, padding_mode="circular")
nn.quantized.Linear.from_float(nn.ReLU())
nn.quantized.FloatFunctional()(1)
nn.quantized.functional.avg_pool2d(torch.ones(1, 1, 2, 2), 2)
nn.qat.Linear(2, 3)
nn.qat.Linear.from_float(nn.Linear(2, 3))
nn.quantizable.LSTM(2, 3, dropout=2)
nn.intrinsic.ConvReLU2d(nn.Conv1d(1, 1, 1), nn.ReLU())
repr(nn.quantized.Linear(2, 3))
repr(nn.quantized.dynamic.LSTM(2, 3, 2, bidirectional=True))
repr(nn.quantized.dynamic.GRUCell(2, 3))
repr(nn.quantized.Embedding(4, 3))
repr(nn.quantized.ConvTranspose2d(2, 3, 3, output_padding=1, stride=2))
repr(nn.quantizable.LSTM(2, 3))
repr(nn.quantized.Quantize(0.5, 2, torch.quint8))
repr(nn.intrinsic.ConvBn2d(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)))
repr(nn.qat.Linear(2, 3, qconfig=q.default_qat_qconfig))
list(nn.quantized.LayerNorm(3, None, None, 0.1, 2).state_dict())
list(nn.quantized.dynamic.RNNCell(2, 3).state_dict())
list(nn.quantized.dynamic.RNNCell(2, 3).get_weight())
o = q.MovingAverageMinMaxObserver(0.1); [o(x * k) for k in (1, 3)]; o.calculate_qparams()
o = q.PerChannelMinMaxObserver(1); [o(x * k) for k in (1, 3)]; o.calculate_qparams()
o = q.MovingAveragePerChannelMinMaxObserver(qscheme=torch.per_channel_symmetric); [o(x * k) for k in (1, 3)]; o.max_val
o = q.MinMaxObserver(reduce_range=True); o(x); o.state_dict()["min_val"]
o = q.MinMaxObserver(qscheme=torch.per_tensor_symmetric); o(x); o.calculate_qparams()
o = q.default_float_qparams_observer(); o(x); o.calculate_qparams()
o = q.HistogramObserver(bins=64); [o(x * k) for k in (1, 3, 2)]; o.histogram
o = q.HistogramObserver(bins=64); [o(x * k) for k in (1, 3, 2)]; o.calculate_qparams()
q.MinMaxObserver().calculate_qparams()
f = q.default_weight_fake_quant(); f(x)
f = q.default_fused_per_channel_wt_fake_quant(); (f(x), f.scale, f.zero_point)
f = q.default_fake_quant(); f(x); f.disable_observer(); f(x * 3)
f = q.default_fixed_qparams_range_0to1_fake_quant(); (f(x), f.calculate_qparams())
str(q.default_weight_observer()) + str(q.default_fake_quant())
q.qconfig_equals(q.get_default_qconfig("x86"), q.get_default_qconfig("fbgemm"))
q.qconfig_equals(q.get_default_qconfig("x86"), q.get_default_qconfig("qnnpack"))
m = nn.Linear(5, 3); m.weight.data.fill_(.3); m.bias.data.fill_(.1); m.qconfig = q.default_qconfig; \
p = q.prepare(q.QuantWrapper(m)); p(x); q.convert(p)(x)
e = nn.Embedding.from_pretrained(x); q.quantize_dynamic(nn.Sequential(e), dtype=torch.quint8)(i)
e = nn.EmbeddingBag.from_pretrained(x, mode="sum"); q.quantize_dynamic(nn.Sequential(e), dtype=torch.quint8)[0](i, o)
e = nn.EmbeddingBag.from_pretrained(x[:, 1:], mode="sum"); \
q.quantize_dynamic(nn.Sequential(e), dtype=torch.quint4x2)[0](i, o)
a.tanh().int_repr()
torch.sigmoid(a).int_repr()
a.mean(1).int_repr()
nn.functional.hardtanh(a).int_repr()
nn.ReLU(inplace=True)(a).int_repr()
nn.functional.leaky_relu(a, 0.1).int_repr()
torch.stack([a, a]).int_repr()
nn.quantized.functional.hardswish(a, 0.1, 3).int_repr()
nn.quantized.functional.linear(a, w).int_repr()
nn.quantized.functional.clamp(a, -0.5, 0.7).int_repr()
(f.add(a, a).int_repr(), f.mul(a, a).int_repr(), f.add_relu(a, a).int_repr(), f.cat([a, a], 1).int_repr())
(f.add_scalar(a, 0.3).int_repr(), f.add_scalar(a, 0.3).q_zero_point(), f.add_scalar(a, 90.0).q_scale())
(f.mul_scalar(a, 0.3).q_scale(), f.mul_scalar(a, -2.0).int_repr(), f.mul_scalar(a, -2.0).q_zero_point())
""".strip().split("\n")
GIVEN = ("nn, q = torch.nn, torch.ao.quantization; "
         "x = torch.tensor(np.random.default_rng(0).standard_normal((4, 5)).astype('float32')); "
         "i, o = torch.tensor([1, 3, 2]), torch.tensor([0, 2]); "
         "a = torch.quantize_per_tensor(x, 0.05, 60, torch.quint8); f = nn.quantized.QFunctional(); "
         "w = torch.quantize_per_tensor(x, 0.02, 0, torch.qint8); ")
# where the message is part of what programs see
SAID = {"armv8": "not supported. backend must be one of", "QConfig(q.M": "received observer instance",
        "Tanh": "did not find fuser method for", "prepare_qat(nn": "only works on models in training mode",
        "avg_pool2d": "must be quantized", "nn.qat.Linear(2, 3)": "qconfig must be provided"}


@pytest.mark.parametrize("source", EXPRESSIONS)
def test_expressions(source):
    message = next((text for part, text in SAID.items() if part in source), None)
    agree(GIVEN + source, message, tolerance=1e-6)
