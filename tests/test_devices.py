"""Devices: truthful answers, the device of new tensors, tensors without data."""

from __future__ import annotations

import pytest

import plugtorch as torch
from plugtorch.spec import load_backend


def test_absent_kinds_answer_with_nothing(backend):
    """Questions of number are 0 and False, everything else is an error, whatever the backend has."""
    have = {d.type for d in load_backend(backend).devices()}
    with torch.backend(backend):
        for module, kind in ((torch.cuda, "cuda"), (torch.xpu, "xpu"), (torch.mtia, "mtia")):
            assert module.is_available() is (kind in have)
            assert (module.device_count() > 0) is (kind in have)
            if kind in have:
                continue
            assert module.memory_allocated() == module.max_memory_allocated() == module.memory_reserved() == 0
            module.empty_cache()
            module.manual_seed_all(1)
            for refused in (module.current_device, module.synchronize, module.get_device_name, module.mem_get_info):
                with pytest.raises(AssertionError, match=f"no {kind} device"):
                    refused()
            with pytest.raises(RuntimeError):
                module.Stream()
        assert torch.accelerator.is_available() is bool(have - {"cpu"})


def test_device_of_new_tensors(backend):
    with torch.backend(backend):
        before = torch.get_default_device()
        with torch.device("meta"):
            assert torch.ones(2).device == torch.device("meta") == torch.get_default_device()
            with torch.device("cpu"):
                assert torch.ones(2).device.type == "cpu"
            assert torch.zeros(1).is_meta

        @torch.device("meta")
        def make():
            return torch.empty(3)

        assert make().is_meta
        torch.set_default_device("meta")
        try:
            assert torch.tensor([1.0]).is_meta
        finally:
            torch.set_default_device(None)
        assert torch.get_default_device() == before
        with pytest.raises(RuntimeError, match="mps"):
            torch.set_default_device("mps:7")
        assert torch.get_default_device() == before


def test_meta_tensors_infer_shapes_and_keep_no_data():
    with torch.device("meta"):
        model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Flatten(),
                                    torch.nn.Linear(8 * 36, 4))
        y = model(torch.zeros(2, 3, 8, 8))
    assert tuple(y.shape) == (2, 4) and y.device.type == "meta"
    y.sum().backward()
    assert tuple(model[0].weight.grad.shape) == (8, 3, 3, 3)
    assert repr(y.detach()) == "tensor(..., device='meta', size=(2, 4))"
    for refused in (y.tolist, y.cpu, y.nonzero, lambda: y[y > 0]):
        with pytest.raises(NotImplementedError, match="meta"):
            refused()
    with pytest.raises(RuntimeError):
        y + torch.ones(4)
    filled = model.to_empty(device="cpu")
    assert filled[0].weight.device.type == "cpu"
    assert filled(torch.zeros(1, 3, 8, 8)).shape == (1, 4)


def test_streams_and_events_of_the_host(backend):
    with torch.backend(backend):
        stream, start, end = torch.cpu.Stream(), torch.Event(enable_timing=True), torch.Event(enable_timing=True)
        with pytest.raises(ValueError, match="recorded"):
            start.elapsed_time(end)
        start.record()
        with torch.cpu.stream(stream):
            torch.ones(100, 100) @ torch.ones(100, 100)
        end.record()
        assert start.elapsed_time(end) > 0
        assert stream.query() and stream == torch.cpu.current_stream()


def test_switches_are_kept_and_blocks_restore_them():
    cudnn = torch.backends.cudnn
    assert cudnn.is_available() is False and cudnn.version() is None
    with cudnn.flags(enabled=False, benchmark=True):
        assert (cudnn.enabled, cudnn.benchmark) == (False, True)
    assert (cudnn.enabled, cudnn.benchmark) == (True, False)
    cudnn.deterministic = True
    assert torch.backends.cudnn.deterministic is True
    cudnn.deterministic = False
    with torch.backends.cuda.sdp_kernel(enable_flash=False):
        assert not torch.backends.cuda.flash_sdp_enabled()
    assert torch.backends.cuda.flash_sdp_enabled()


def test_threads_of_the_linear_algebra():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert torch.get_num_threads() == 1
        with pytest.raises(RuntimeError, match="positive"):
            torch.set_num_threads(0)
    finally:
        torch.set_num_threads(before)


def test_determinism_is_noted():
    assert torch.get_deterministic_debug_mode() == 0
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        assert torch.are_deterministic_algorithms_enabled() and torch.get_deterministic_debug_mode() == 1
    finally:
        torch.use_deterministic_algorithms(False)
    with pytest.raises(RuntimeError, match="debug_mode"):
        torch.set_deterministic_debug_mode("loud")
