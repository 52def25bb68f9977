"""Packed sequences, parametrisations and what else works on whole modules, on every backend."""

from __future__ import annotations

import copy

import pytest

import plugtorch as torch
from plugtorch import nn
from plugtorch.nn.utils import parametrizations, parametrize, rnn


def close(a, b, tolerance=1e-5):
    return a.shape == b.shape and float((a - b).abs().max()) <= tolerance


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("both", [False, True])
def test_packed_sequences_run_as_each_sequence_alone(kind, both):
    layer = getattr(nn, kind)(3, 4, num_layers=2, bidirectional=both)
    sequences = [torch.randn(n, 3, requires_grad=True) for n in (2, 5, 3)]
    output, state = layer(rnn.pack_sequence(sequences, enforce_sorted=False))
    alone = [layer(s.detach()) for s in sequences]
    for got, (want, _) in zip(rnn.unpack_sequence(output), alone, strict=True):
        assert close(got, want)
    last = [s[0] if kind == "LSTM" else s for _, s in alone]
    assert close(state[0] if kind == "LSTM" else state, torch.stack(last, 1))
    output.data.sum().backward()
    first = sequences[0].detach().requires_grad_()
    layer(first)[0].sum().backward()
    assert close(sequences[0].grad, first.grad)


def test_padding_and_packing_are_inverse():
    sequences = [torch.randn(n, 2) for n in (1, 4, 2)]
    packed = rnn.pack_sequence(sequences, enforce_sorted=False)
    assert packed.batch_sizes.tolist() == [3, 2, 1, 1] and packed.sorted_indices.tolist() == [1, 2, 0]
    padded, lengths = rnn.pad_packed_sequence(packed, batch_first=True, padding_value=7.0, total_length=6)
    assert lengths.tolist() == [1, 4, 2] and padded.shape == (3, 6, 2) and bool((padded[0, 1:] == 7).all())
    assert close(padded[:, :4], rnn.pad_sequence(sequences, batch_first=True, padding_value=7.0))
    for got, want in zip(rnn.unpad_sequence(padded, lengths, batch_first=True), sequences, strict=True):
        assert close(got, want)
    assert packed.double().data.dtype is torch.float64 and packed.to(torch.float32) is packed
    with pytest.raises(RuntimeError, match="sorted in decreasing order"):
        rnn.pack_sequence(sequences)


def test_a_parametrized_weight_is_computed_when_read():
    class Symmetric(nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).transpose(0, 1)

        def right_inverse(self, x):
            return x.triu()

    layer = nn.Linear(3, 3)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    assert close(layer.weight, layer.weight.T) and type(layer).__name__ == "ParametrizedLinear"
    layer.weight = torch.arange(9.0).reshape(3, 3)
    assert layer.weight.tolist() == [[0, 1, 2], [1, 4, 5], [2, 5, 8]]
    twin = copy.deepcopy(layer)
    twin.weight = torch.zeros(3, 3)
    assert layer.weight.tolist()[2][2] == 8
    with parametrize.cached():
        assert layer.weight is layer.weight
    layer(torch.ones(1, 3)).sum().backward()
    assert layer.parametrizations.weight.original.grad is not None
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and isinstance(layer.weight, nn.Parameter) and close(layer.weight, layer.weight.T)


def test_normalised_weights():
    layer = parametrizations.weight_norm(nn.Linear(4, 3))
    g, v = layer.parametrizations.weight.original0, layer.parametrizations.weight.original1
    assert close(layer.weight, g * v / v.norm(2, 1, keepdim=True))
    spectral = parametrizations.spectral_norm(nn.Linear(4, 3), n_power_iterations=30)
    assert abs(float(torch.linalg.svdvals(spectral.weight)[0]) - 1) < 1e-3
    for name in ("matrix_exp", "cayley", "householder"):
        q = parametrizations.orthogonal(nn.Linear(3, 5), orthogonal_map=name).weight
        assert close(q.T @ q, torch.eye(3))


def test_the_older_hooks_leave_the_same_layer():
    layer = nn.Linear(4, 3)
    x = torch.randn(2, 4)
    before = layer(x)
    with pytest.warns(FutureWarning):
        nn.utils.weight_norm(layer)
    assert close(layer(x), before) and set(dict(layer.named_parameters())) == {"bias", "weight_g", "weight_v"}
    assert close(nn.utils.remove_weight_norm(layer)(x), before)
    nn.utils.spectral_norm(layer)(x)
    assert isinstance(nn.utils.remove_spectral_norm(layer).weight, nn.Parameter)


def test_fused_batch_normalisation():
    conv, norm = nn.Conv2d(2, 3, 2), nn.BatchNorm2d(3)
    x = torch.randn(4, 2, 5, 5)
    norm(conv(x))
    want = norm.eval()(conv.eval()(x))
    assert close(nn.utils.fuse_conv_bn_eval(conv, norm)(x), want)
    with pytest.raises(AssertionError):
        nn.utils.fuse_conv_bn_eval(conv.train(), norm)


def test_a_module_on_two_places():
    layer = nn.Linear(3, 2)
    x = torch.randn(5, 3)
    device = x.device
    split = nn.DataParallel(layer.to(device), device_ids=[device, device])
    assert close(split(x), layer(x))
    split(x).sum().backward()
    assert close(layer.weight.grad, x.sum(0).expand(2, 3))
    assert close(nn.DataParallel(nn.Identity(), device_ids=[])(x), x)


def test_switches_of_attention():
    kinds = nn.attention.SDPBackend
    with nn.attention.sdpa_kernel(kinds.MATH):
        assert not torch.backends.cuda.flash_sdp_enabled() and torch.backends.cuda.math_sdp_enabled()
    assert torch.backends.cuda.flash_sdp_enabled()
    with pytest.raises(AssertionError):
        nn.attention.sdpa_kernel(3).__enter__()
