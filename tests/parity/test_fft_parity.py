"""Fourier transforms, short-time ones, windows: values, dtypes, gradients, errors."""

from __future__ import annotations

import pytest
from compare import agree, disagreements

ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
TWO = [name + "2" for name in ONE]
MANY = [name + "n" for name in ONE]
START = ("x = torch.arange(24.).reshape(2, 3, 4).sin(); c = torch.complex(x, x.cos()); "
         "w = torch.tensor([0.1, 0.4, 0.7, 1., 0.8, 0.5, 0.3, 0.2]); "
         "s = torch.arange(80.).double().sin().float().reshape(2, 40); "
         "S = torch.stft(s.double(), 8, window=w, return_complex=True).to(torch.complex64); ")
REAL = {"rfft", "ihfft", "rfft2", "ihfft2", "rfftn", "ihfftn"}


def source_of(name):
    return "x" if name in REAL else "c"


@pytest.mark.parametrize("name", ONE)
def test_along_one_dimension(name):
    call = START + f"torch.fft.{name}({source_of(name)}, %s)"
    assert not disagreements(call % how for how in (
        "", "n=3", "n=7", "n=1", "dim=0", "dim=-2", "n=5, dim=1", "norm='ortho'", "norm='forward'", "norm='backward'",
        "6, 0, 'ortho'", "n=0", "n=-1", "n='a'", "n=2.", "dim=5", "dim=None", "norm='x'", "norm=3",
        "out=torch.empty(0)", "out=torch.empty(0, dtype=torch.complex64)"))


@pytest.mark.parametrize("name", TWO + MANY)
def test_along_several_dimensions(name):
    call = START + f"torch.fft.{name}({source_of(name)}, %s)"
    assert not disagreements(call % how for how in (
        "", "s=(3, 5)", "s=(-1, 3)", "s=(2,), dim=(1,)", "dim=(0, 1)", "dim=(1, 0)", "dim=0", "dim=()", "s=()", "s=(3,)",
        "norm='ortho'", "norm='forward'", "(2, 6), (0, 2), 'ortho'", "s=(0, 2)", "s=(2, -2)", "dim=(0, 0)", "dim=(5,)",
        "s=(1, 2, 3, 4)", "s=(2, 3), dim=(0,)", "dim=None", "s=2.", "dim='a'", "norm='x'", "out=torch.empty(0)"))


@pytest.mark.parametrize("name", ONE + TWO + MANY)
def test_dtypes_and_shapes_that_are_refused(name):
    assert not disagreements([f"torch.fft.{name}(torch.ones(4, 6).to(torch.{d}))" for d in (
        "bool", "int64", "float16", "bfloat16", "float32", "float64", "complex64", "complex128")] + [
        f"torch.fft.{name}(torch.tensor(1.))", f"torch.fft.{name}([1.])", f"torch.fft.{name}(torch.ones(3, 0))"])


@pytest.mark.parametrize("name", ONE + ["rfft2", "irfftn", "fftn"])
@pytest.mark.parametrize("how", ["", "norm='ortho'"])
def test_gradients(name, how):
    agree(START + "x = torch.arange(24., dtype=torch.float64).reshape(2, 3, 4).sin(); c = torch.complex(x, x * 2 - 0.3); "
          f"a = {source_of(name)}.requires_grad_(); y = torch.fft.{name}(a, {how}); "
          "z = (y.real ** 3 + (y * 1j).real ** 2).sum(); "
          "torch.autograd.grad(z, a)")


@pytest.mark.parametrize("source", [
    *(f"torch.fft.{f}({a})" for f in ("fftfreq", "rfftfreq")
      for a in ("5", "6", "4, 0.5", "0", "-1", "'a'", "4, 1j", "5, dtype=torch.int64", "5, dtype=torch.float16",
                "5, dtype=torch.float64", "5, dtype=torch.complex64", "5, requires_grad=True")),
    *(START + f"torch.fft.{f}(x, {a})" for f in ("fftshift", "ifftshift")
      for a in ("", "dim=1", "dim=(0, 2)", "dim=9", "dim=()")),
])
def test_frequencies_and_shifts(source):
    agree(source)


def test_messages():
    agree("torch.fft.fft(torch.ones(4).half())", "Unsupported dtype Half")
    agree("torch.fft.rfft(torch.ones(4) * 1j)", "rfft expects a real input tensor, but got ComplexFloat")
    agree("torch.fft.fft(torch.ones(4), 0)", "Invalid number of data points (0) specified")
    agree("torch.fft.fft(torch.tensor(1.))", "Dimension specified as -1 but tensor has no dimensions")
    agree("torch.fft.fftn(torch.ones(4, 4), dim=(0, 0))", "FFT dims must be unique")
    agree("torch.fft.irfftn(torch.ones(4, 4), dim=())", "irfftn must transform at least one axis")
    agree("torch.fft.fft(torch.ones(4), out=torch.empty(4))", "fft expects a complex output tensor, but got Float")


@pytest.mark.parametrize("how", [
    "s, 8, window=w, return_complex=True", "s, 8, window=w, return_complex=False", "s + 0j, 8, window=w",
    "s, 8, 3, 6, w[:6], return_complex=True", "s, 8, window=w, center=False, return_complex=True",
    "s, 8, 3, 5, w[:5], center=False, align_to_window=True, return_complex=True", "s[0], 8, window=w, return_complex=True",
    "s, 8, window=w, pad_mode='constant', return_complex=True", "s, 8, window=w, normalized=True, return_complex=True",
    "s, 8, window=w, onesided=False, return_complex=True", "s, 8, window=w.double(), return_complex=True",
    "s, 8, window=w.to(torch.complex64)", "s, 8, window=w", "s, 8, 0, window=w, return_complex=True",
    "s, 0, window=w, return_complex=True", "s, 8, win_length=9, window=w, return_complex=True",
    "s.int(), 8, window=w, return_complex=True",
    "s, 8, window=w[:7], return_complex=True", "s[None], 8, window=w, return_complex=True",
    "s, 8, window=w, align_to_window=True, return_complex=True", "s + 0j, 8, window=w, onesided=True",
])
def test_stft(how):
    agree(START + f"torch.stft({how})")


@pytest.mark.parametrize("how", [
    "S, 8, window=w", "S[0], 8, window=w", "S, 8, window=w, length=30", "S, 8, window=w, length=38",
    "S, 8, window=w.double()",
    "S, 8, window=w, normalized=True", "S, 8, 9, window=w", "S, 7, window=w", "S.real, 8, window=w", "S, 8, window=w[:7]",
    "S, 8, window=w, return_complex=True", "S, 8, window=w, center=False", "S, 8, window=torch.zeros(8)",
    "S[:, :, :0], 8, window=w",
    "S[None], 8, window=w", "torch.stft(s + 1j, 8, window=w), 8, window=w, return_complex=True",
    "torch.stft(s, 8, window=w, onesided=False, return_complex=True), 8, window=w",
])
def test_istft(how):
    agree(START + f"torch.istft({how})")


def test_gradients_of_short_time_transforms():
    agree(START + "s.requires_grad_(); y = torch.stft(s, 8, 3, 6, w[:6], return_complex=True); "
          "torch.autograd.grad(y.abs().pow(3).sum(), s)", tolerance=1e-4)
    agree(START + "S = S.detach().requires_grad_(); y = torch.istft(S, 8, window=w); torch.autograd.grad(y.pow(2).sum(), S)")


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hann", "kaiser"])
def test_windows_of_torch(name):
    assert not disagreements(f"torch.{name}_window({a})" for a in (
        "0", "1", "2", "9", "9, False", "9, periodic=False", "7, dtype=torch.float64", "-1", "2.5", "'a'",
        "5, dtype=torch.int64", "5, dtype=torch.complex64", "5, requires_grad=True"))


@pytest.mark.parametrize("name", [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann",
    "kaiser", "nuttall",
])
def test_windows_of_signal(name):
    extra = ", a=[0.5, 0.3, 0.1]" if name == "general_cosine" else ""
    assert not disagreements(f"torch.signal.windows.{name}({a}{extra})" for a in (
        "0", "1", "2", "9", "9, sym=False", "7, dtype=torch.float64", "-1", "'a'", "5, dtype=torch.int64",
        "5, dtype=torch.float16", "5, requires_grad=True"))


@pytest.mark.parametrize("source", [
    "exponential(7, tau=2.)", "exponential(7, center=2., sym=False)", "exponential(7, center=2.)", "exponential(7, tau=0)",
    "gaussian(7, std=2.)", "gaussian(7, std=0)", "kaiser(7, beta=3.)", "kaiser(7, beta=-1)", "general_cosine(5, a=[])",
    "general_cosine(5, a=3)", "general_hamming(6, alpha=0.3)",
])
def test_parameters_of_windows(source):
    agree(f"torch.signal.windows.{source}")
    agree("torch.kaiser_window(6, True, 5.)")
    agree("torch.hamming_window(6, True, 0.5, 0.4)")
