"""Transfers between host, devices and backends, of every dtype."""

from __future__ import annotations

import pickle

import numpy as np

import plugtorch as torch
from plugtorch.spec import load_backend
from plugtorch.spec.dtypes import BY_NAME

from ..check import Bench, Check
from .errors import expect

VALUES = {"b": [True, False, True], "c": [1 + 2j, -0.5, 3], "f": [1.5, -2.0, 0.0]}


def values(name: str) -> np.ndarray:
    """Three host values of a dtype."""
    native = BY_NAME[name].numpy
    if native.kind in "iu":
        info = np.iinfo(native)
        return np.array([info.min, 7, info.max], native)
    return np.array(VALUES.get(native.kind, VALUES["f"])).astype(native)


def check_round_trip(bench: Bench, name: str):
    """To the backend and back, bit for bit, with the dtype and the device that were asked for."""
    k, x = bench.k, values(name)
    for device in k.devices():
        y = k.from_host(x, device=device)
        assert k.dtype_of(y) is BY_NAME[name], f"{x.dtype} became {k.dtype_of(y)}"
        assert k.device_of(y) == device
        back = k.to_host(y)
        assert isinstance(back, np.ndarray) and back.dtype == x.dtype and back.tobytes() == x.tobytes()
        full = k.full(shape=(2,), value=1, dtype=BY_NAME[name], device=device)
        assert k.dtype_of(full) is BY_NAME[name] and k.device_of(full) == device
        assert k.dtype_of(k.cast(full, dtype=BY_NAME["float32"])) is BY_NAME["float32"]


def check_copied(bench: Bench):
    """The backend keeps no hold of a host array's memory."""
    x = np.arange(64.0)
    y = bench.put(x)
    x[:] = -1
    np.testing.assert_array_equal(bench.host(y), np.arange(64.0))


def check_odd_layouts(bench: Bench):
    """Host arrays of any strides and byte order-preserving views arrive whole."""
    x = np.arange(24.0).reshape(2, 3, 4)
    for view in (x[:, ::2], x[::-1], x.T, np.asfortranarray(x), x[..., 1], np.broadcast_to(x[0], (2, 3, 4)), x[:0]):
        np.testing.assert_array_equal(bench.host(bench.put(view)), view)


def check_between_devices(bench: Bench):
    """Every pair of the backend's devices."""
    k = bench.k
    for a in k.devices():
        for b in k.devices():
            y = k.to_device(k.from_host(np.arange(3.0), device=a), b)
            assert k.device_of(y) == b
            np.testing.assert_array_equal(np.array(k.to_host(y)), [0, 1, 2])


def check_between_backends(bench: Bench):
    """A tensor moves to the host's backend and back, and gradients follow it."""
    x = torch.arange(3.0, requires_grad=True)
    there = (x * 2).to(backend="numpy")
    assert there.backend == "numpy"
    back = (there * there).to(backend=bench.name)
    assert back.backend == bench.name
    back.sum().backward()
    assert x.grad.tolist() == [0, 8, 16] and x.grad.backend == bench.name


def check_tensor_methods(bench: Bench):
    """.to, .cpu, .numpy, .tolist, .item and the dtype methods."""
    device = torch.device(str(bench.device))
    x = torch.tensor([[1.5, -2.0]], device=device)
    assert x.device == device and x.to(device) is x and x.dtype is torch.float32
    assert x.cpu().device.type == "cpu" and x.cpu().numpy().tolist() == [[1.5, -2.0]]
    assert x.long().tolist() == [[1, -2]] and x.bool().tolist() == [[True, True]] and x[0, 1].item() == -2
    assert x.to(torch.float16).dtype is torch.float16 and x.double().dtype is torch.float64


def check_unknown_device(bench: Bench):
    """A device that is not there is refused."""
    expect((RuntimeError, AssertionError), "", lambda: torch.ones(2, device="xpu:7"))


def check_pickle(bench: Bench):
    """A tensor survives pickling, on its backend; so does the backend object."""
    x = torch.arange(3.0).requires_grad_()
    y = pickle.loads(pickle.dumps(x))
    assert y.tolist() == [0, 1, 2] and y.requires_grad and y.backend == bench.name
    assert pickle.loads(pickle.dumps(bench.k)) is load_backend(bench.name)


def check_synchronize(bench: Bench):
    """Returns when all work is done."""
    torch.ones(100, 100) @ torch.ones(100, 100)
    assert bench.k.synchronize() is None


def checks():
    """Every dtype of the spec, then the ways between devices and backends."""
    for name in BY_NAME:
        yield Check("devices", "dtypes", name, lambda bench, name=name: check_round_trip(bench, name), frozenset({name}))
    yield Check("devices", "from_host", "copied", check_copied)
    yield Check("devices", "from_host", "odd layouts", check_odd_layouts)
    for topic in (check_between_devices, check_between_backends, check_tensor_methods,
                  check_unknown_device, check_pickle, check_synchronize):
        yield Check("devices", "transfer", topic.__name__.removeprefix("check_"), topic)
