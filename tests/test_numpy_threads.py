"""Kernels of the NumPy backend that spread their blocks over threads."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from plugtorch_numpy import threads

import plugtorch

SAME = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}


@pytest.fixture
def two_threads():
    before = plugtorch.get_num_threads()
    plugtorch.set_num_threads(2)
    yield
    plugtorch.set_num_threads(before)


@pytest.fixture
def kernels():
    from plugtorch_numpy.backend import NumpyBackend

    return NumpyBackend()


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def calls(k):
    """Kernels on operands large enough to be shared, by name."""
    x, small = np.moveaxis(normal(24, 24, 24, 32), -1, 1), np.moveaxis(normal(64, 32, 32, 8), -1, 1)
    w, few = normal(64, 32, 3, 3), normal(8, 8, 3, 3)
    g = np.moveaxis(normal(24, 24, 24, 64), -1, 1)
    heads, wide = normal(8, 4, 128, 16), normal(1024, 1024)
    y, sums = k.attention(heads, heads, heads, scale=0.2, causal=True)
    lstm = normal(5, 32, 24), normal(32, 16), normal(32, 16), normal(64, 24), normal(64, 16)
    states = k.lstm_layer_train(*lstm, None, None)
    return {
        "conv": lambda: k.conv(x, w, **SAME),
        "conv in rows": lambda: k.conv(small, few, **SAME),
        "conv_input": lambda: k.conv_input(g, w, input_size=(24, 24), **SAME),
        "conv_weight": lambda: k.conv_weight(x, g, kernel_size=(3, 3), **SAME),
        "conv_weight in rows": lambda: k.conv_weight(small, small, kernel_size=(3, 3), **SAME),
        "matmul": lambda: k.matmul(wide, wide),
        "matmul of few rows": lambda: k.matmul(wide[:40], wide.T),
        "matmul on one thread": lambda: k.matmul(wide[:40, :100], wide[:100, :200]),
        "gelu": lambda: k.gelu(wide),
        "lstm_layer_train": lambda: k.lstm_layer_train(*lstm, None, None),
        "lstm_layer_backward": lambda: k.lstm_layer_backward(*states[:3], None, None, *lstm, states[0], *states[3:]),
        "attention": lambda: k.attention(heads, heads, heads, scale=0.2, causal=True),
        "attention_backward": lambda: k.attention_backward(y, None, heads, heads, heads, y, sums, scale=0.2, causal=True),
    }


def test_results_do_not_depend_on_threads(kernels, two_threads):
    found = {name: call() for name, call in calls(kernels).items()}
    again = {name: call() for name, call in calls(kernels).items()}
    plugtorch.set_num_threads(1)
    for name, call in calls(kernels).items():
        one = call()
        for a, b, c in zip(*(v if type(v) is tuple else (v,) for v in (found[name], again[name], one)), strict=True):
            assert np.array_equal(a, b), name
            np.testing.assert_allclose(a, c, rtol=1e-4, atol=1e-4 * np.abs(c).max(), err_msg=name)


def test_the_library_gets_its_threads_back(kernels, two_threads):
    calls(kernels)["conv"]()
    assert plugtorch.get_num_threads() == 2
    with pytest.raises(RuntimeError):
        kernels.conv(normal(1, 2, 2, 2), normal(1, 2, 5, 5), **SAME)
    assert plugtorch.get_num_threads() == 2


def test_shares_run_in_several_threads(two_threads):
    met = threading.Barrier(2, timeout=30)

    @threads.one_blas_thread
    def kernel():
        def work(part):
            met.wait()  # neither share ends before the other has begun
            assert len(threads.shares(10)) == (2 if part.start == 0 else 1)
            with np.errstate(all="warn"):
                return sum(part)

        return threads.spread(work, threads.shares(10))

    assert kernel() == [sum(range(5)), sum(range(5, 10))]
    assert len(threads.shares(10)) == 1  # outside of a kernel


def test_an_error_of_a_share_is_raised(two_threads):
    @threads.one_blas_thread
    def kernel():
        def work(part):
            if part.start:
                raise KeyError(part.start)

        threads.spread(work, threads.shares(8))

    with pytest.raises(KeyError, match="4"):
        kernel()


if hasattr(os, "fork"):
    def test_a_forked_process_starts_its_own_threads(kernels, two_threads):
        conv = calls(kernels)["conv in rows"]
        expected = conv()
        child = os.fork()
        if child == 0:
            same = False
            try:
                same = np.array_equal(conv(), expected)
            finally:
                os._exit(0 if same else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
