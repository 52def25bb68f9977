"""Fourier transforms on every backend: against their sums, there and back, gradients, transforms of functions."""

from __future__ import annotations

import math

import pytest

import plugtorch as torch
from plugtorch.autograd import gradcheck, gradgradcheck
from plugtorch.func import vmap


def signal(*shape):
    n = math.prod(shape)
    return torch.sin(torch.arange(n, dtype=torch.float64) * 1.7 + 0.3).reshape(shape)


def as_real(x):
    return torch.view_as_real(x) if x.is_complex() else x


@pytest.mark.parametrize("n", [1, 4, 5])
def test_the_transform_is_its_sum(n):
    x = signal(n)
    places = torch.arange(n, dtype=torch.float64)
    angles = -2 * math.pi / n * places[:, None] * places
    wanted = torch.polar(torch.ones_like(angles), angles) @ x.to(torch.complex128)
    assert torch.allclose(as_real(torch.fft.fft(x)), as_real(wanted), atol=1e-12)
    assert torch.allclose(as_real(torch.fft.rfft(x)), as_real(wanted[:n // 2 + 1]), atol=1e-12)


@pytest.mark.parametrize("norm", ["backward", "forward", "ortho"])
def test_there_and_back(norm):
    x, f = signal(3, 4, 5), torch.fft
    for ahead, back in ((f.fftn, f.ifftn), (f.rfftn, f.irfftn), (f.ihfftn, f.hfftn), (f.fft2, f.ifft2), (f.rfft2, f.irfft2)):
        y = back(ahead(x, norm=norm), s=(4, 5) if "2" in ahead.__name__ else (3, 4, 5), norm=norm)
        assert torch.allclose(y.real, x, atol=1e-12), ahead.__name__
    assert f.fft(x.float()).dtype is torch.complex64


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "rfftn", "irfft2"])
def test_gradients_of_both_orders(name):
    def function(x):
        return as_real(getattr(torch.fft, name)(x, norm="ortho"))

    x = signal(2, 5).requires_grad_()
    assert gradcheck(function, (x,)) and gradgradcheck(function, (x,))
    assert torch.allclose(vmap(function)(x.detach().reshape(2, 1, 5)), torch.stack([function(r[None]) for r in x.detach()]))


def test_sizes_shifts_and_frequencies():
    x = signal(2, 6)
    assert torch.allclose(torch.fft.fft(x, 4).real, torch.fft.fft(x[:, :4]).real)
    assert torch.fft.fft(x, 9, dim=0).shape == (9, 6)
    assert torch.fft.fftfreq(5, 0.5).tolist() == pytest.approx([0, 0.4, 0.8, -0.8, -0.4])
    assert torch.fft.rfftfreq(4).tolist() == [0, 0.25, 0.5]
    assert torch.fft.fftshift(torch.arange(5)).tolist() == [3, 4, 0, 1, 2]
    assert torch.fft.ifftshift(torch.fft.fftshift(x)).tolist() == x.tolist()


def test_stft_is_inverted():
    x, window = signal(2, 50), torch.hann_window(12, dtype=torch.float64)
    y = torch.stft(x, 16, 4, 12, window, return_complex=True)
    assert y.shape == (2, 9, 13)
    assert torch.allclose(torch.istft(y, 16, 4, 12, window, length=48), x[:, :48], atol=1e-12)
    batched = vmap(lambda t: torch.view_as_real(torch.stft(t, 16, 4, 12, window, return_complex=True)))(x)
    assert torch.allclose(batched, torch.view_as_real(y), atol=1e-12)
    x.requires_grad_()
    torch.stft(x, 16, 4, 12, window, return_complex=True).abs().pow(2).sum().backward()
    assert x.grad.shape == (2, 50) and bool((x.grad != 0).all())


def test_windows_are_symmetric_or_periodic():
    for name in torch.signal.windows.__all__:
        extra = {"a": [0.5, 0.4, 0.1]} if name == "general_cosine" else {}
        make = getattr(torch.signal.windows, name)
        w = make(9, dtype=torch.float64, **extra)
        assert torch.allclose(w, w.flip(0), atol=1e-14)
        assert torch.allclose(make(8, sym=False, dtype=torch.float64, **extra), w[:8], atol=1e-14)
    hann = torch.hann_window(8, dtype=torch.float64)
    assert torch.allclose(hann, torch.signal.windows.hann(8, sym=False, dtype=torch.float64), atol=1e-15)
    with pytest.raises(ValueError, match="requires non-negative window length"):
        torch.signal.windows.gaussian(-1)


def test_what_is_refused():
    with pytest.raises(RuntimeError, match="Unsupported dtype Half"):
        torch.fft.fft(torch.ones(4, dtype=torch.float16))
    with pytest.raises(RuntimeError, match="rfft expects a real input tensor"):
        torch.fft.rfft(torch.ones(4) * 1j)
    with pytest.raises(RuntimeError, match="Invalid number of data points"):
        torch.fft.fft(torch.ones(4), 0)
