"""What a backend says about itself, and the signatures of its kernels, which are the spec's to the letter."""

from __future__ import annotations

import inspect

import numpy as np

from plugtorch.spec import OPS
from plugtorch.spec.backend import Backend
from plugtorch.spec.device import Device
from plugtorch.spec.op import SPEC_VERSION

from ..check import Bench, Check


def check_kernel(bench: Bench, op: str):
    """Parameters, their kinds and their defaults."""
    kernel = getattr(bench.k, op, None)
    assert callable(kernel), f"backend {bench.name!r} has no kernel {op!r}"
    have, want = inspect.signature(kernel), OPS[op].signature
    assert str(have) == str(want), f"the kernel {op!r} has signature {have}, the spec's is {want}"


def check_identity(bench: Bench):
    """Name, versions, the base class."""
    k = bench.k
    assert isinstance(k, Backend), f"{type(k).__name__} does not derive from plugtorch.spec.Backend"
    assert k.spec_version == SPEC_VERSION, f"written for version {k.spec_version} of the spec, this is {SPEC_VERSION}"
    assert isinstance(k.library_version, str) and k.library_version, "library_version is empty"
    assert isinstance(k.aliases, bool)


def check_arrays(bench: Bench):
    """What the engine reads of every array: shape, ndim, and a dtype object that is the same each time."""
    x = bench.put(np.ones((2, 3), np.float32))
    y = bench.k.add(x, 1)
    assert isinstance(x.shape, tuple) and x.shape == (2, 3), f"shape is {x.shape!r}"
    assert x.ndim == 2
    assert x.dtype is x.dtype is y.dtype, (
        f"the library makes a new dtype object each time ({x.dtype!r}), and the engine compares them with `is`: wrap the "
        "arrays, or keep one object per dtype"
    )
    assert bench.k.spec_dtype(x.dtype) is bench.k.dtype_of(x)


def check_devices(bench: Bench):
    """The default device is one of the devices."""
    devices = bench.k.devices()
    assert devices and all(isinstance(d, Device) for d in devices), f"devices() gave {devices!r}"
    assert bench.k.default_device() in devices, f"the default device {bench.device} is not among {devices}"


def check_name(bench: Bench):
    """The backend is found under its own name."""
    from plugtorch.spec import load_backend

    assert load_backend(bench.k.name) is bench.k, f"{bench.k.name!r} does not lead to this backend"


def checks():
    """The backend as a whole, then every op."""
    yield Check("signature", "backend", "identity", check_identity)
    yield Check("signature", "backend", "arrays", check_arrays)
    yield Check("signature", "backend", "devices", check_devices)
    yield Check("signature", "backend", "name", check_name)
    for op in OPS:
        yield Check("signature", op, "kernel", lambda bench, op=op: check_kernel(bench, op))
