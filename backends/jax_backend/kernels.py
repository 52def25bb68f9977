"""The op spec on ``jax.numpy``, as functions that JAX can trace; every op of it is compiled by the backend.

Inside a trace Python numbers among the operands are weakly typed tracers, so that they take the arrays' type.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from plugtorch.spec import Abstract, infer
from plugtorch.spec.abstract import is_number
from plugtorch.spec.dtypes import BOOL, FLOAT, INT, int64, uint8
from plugtorch.spec.half import halve
from plugtorch.spec.xp import XPBackend

from .index import JaxIndex
from .layers import JaxLayers
from .linalg import JaxLinalg
from .recurrent import JaxRecurrent


class JaxNumbers(XPBackend):
    """Half types are XLA's own; it sums by trees."""

    native_half, running_sums = True, False


class JaxArrays(JaxNumbers, xp=jnp):
    """What the shared kernels give on ``jax.numpy``."""


class JaxKernels(JaxIndex, JaxLinalg, JaxLayers, JaxRecurrent, JaxArrays):
    """Traceable kernels: where ``jax.numpy`` differs from the spec, or XLA has something better."""

    name = "jax"
    aliases = False

    def device_of(self, x):
        return None

    def from_host(self, array, *, device):
        raise TypeError("host arrays are moved by the backend, outside of compiled kernels")

    def full(self, *, shape, value, dtype, device):
        native = self.native(dtype)
        if dtype.category == INT and is_number(value):
            return super().full(shape=shape, value=value, dtype=dtype, device=device)
        return jnp.full(shape, value, native)

    def copy(self, x):
        return x

    def cast(self, x, *, dtype):
        native = self.native(dtype)
        if x.dtype == native:
            return x
        source = self.dtype_of(x)
        if source.is_complex and not dtype.is_complex and dtype.category != BOOL:
            x = jnp.real(x)
        if dtype.category == BOOL:
            return x != 0
        if dtype.category == INT and source.category >= FLOAT and dtype is not int64:
            x = x.astype(jnp.int64)  # XLA saturates where PyTorch wraps
        return x.astype(native)

    def bitcast(self, x, *, dtype):
        shape = infer("bitcast", Abstract(x.shape, self.dtype_of(x)), dtype=dtype).shape
        line = x.reshape(-1)
        if x.dtype.kind == "c":
            line = jnp.stack((line.real, line.imag), axis=1).reshape(-1)
        if x.dtype == jnp.bool_:
            line = line.astype(jnp.uint8)
        part = dtype.to_real() if dtype.is_complex else uint8 if dtype.category == BOOL else dtype
        ratio = part.itemsize // line.dtype.itemsize
        line = lax.bitcast_convert_type(line.reshape(-1, ratio) if ratio > 1 else line, self.native(part)).reshape(-1)
        if dtype.is_complex:
            line = lax.complex(line[::2], line[1::2])
        elif dtype.category == BOOL:
            line = line != 0
        return line.reshape(shape)

    # Elementwise ops on which XLA and the spec differ.

    def exp(self, x):
        y = jnp.exp(x)
        if x.dtype.kind != "c":
            return y
        # exp(-inf + i inf) is 0, whatever the direction.
        return jnp.where(jnp.isneginf(x.real), jnp.zeros_like(y), y)

    def abs(self, x):
        y = jnp.abs(x)
        if x.dtype.kind != "c":
            return y
        return jnp.where(jnp.isinf(x.real) | jnp.isinf(x.imag), jnp.inf, y)

    def sqrt(self, x):
        y = jnp.sqrt(x)
        if x.dtype.kind != "c":
            return y
        # Below the branch cut the root has a negative imaginary part: the sign of a zero counts.
        return lax.complex(y.real, jnp.copysign(y.imag, x.imag))

    def complex(self, a, b):
        a, b = jnp.broadcast_arrays(a, b)
        if a.dtype.itemsize == 2:
            a, b = a.astype(jnp.float32), b.astype(jnp.float32)
        return lax.complex(a, b)

    def where(self, m, a, b):
        return jnp.where(m, a, b)

    def erf(self, x):
        return lax.erf(x)

    def sigmoid(self, x):
        return lax.logistic(x) if x.dtype.kind != "c" else 0.5 * jnp.tanh(0.5 * x) + 0.5

    def _integer_divisor(self, b, name):
        """Known divisors are looked at by the backend, before a kernel is traced."""

    def _category(self, a, b):
        return max(self.dtype_of(v).category for v in (a, b) if not is_number(v))

    def _integer_power(self, a, b):
        return super()._integer_power(*(v if is_number(v) else jnp.asarray(v) for v in (a, b)))

    # Reductions and order.

    def sort(self, x, *, axis, descending=False):
        if not x.shape:
            return x, jnp.zeros((), jnp.int64)
        place = lax.broadcasted_iota(jnp.int64, x.shape, axis)
        if not descending:
            return tuple(lax.sort((x, place), dimension=axis, num_keys=1, is_stable=True))
        # A stable descending order is the stable ascending order of the reversed line, read backwards.
        values, order = lax.sort((jnp.flip(x, axis), jnp.flip(place, axis)), dimension=axis, num_keys=1,
                                 is_stable=True)
        return jnp.flip(values, axis), jnp.flip(order, axis)

    def flip(self, x, *, axis):
        return jnp.flip(x, axis) if axis else x

    def pad(self, x, *, lo, hi, value=0):
        fill = jnp.asarray(value, x.dtype)
        return lax.pad(x, fill, [(a, b, 0) for a, b in zip(lo, hi, strict=True)])

    def slice(self, x, *, start, stop, step):
        return lax.slice(x, start, [max(a, b) for a, b in zip(start, stop, strict=True)], step)

    def permute(self, x, *, axes):
        return lax.transpose(x, axes)


halve(JaxKernels)
