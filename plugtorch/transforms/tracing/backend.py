"""The backend of a function that is recorded: its arrays are symbols, and every op becomes an instruction."""

from __future__ import annotations

import numpy as np

from plugtorch.spec.backend import Backend
from plugtorch.spec.dtypes import BY_NAME
from plugtorch.spec.op import OPS
from plugtorch.spec.program import UPDATE, Symbol

from .recorder import RECORDER, cannot

_VALUE = ("a compiled function reads a value of a tensor (.item(), .numpy(), printing, or a Python condition on it), which "
          "is not known while the function is recorded; keep it a tensor (torch.where), take it out of the function, or "
          "compile with fullgraph=False")


class TraceBackend(Backend):
    """The ops on :class:`~plugtorch.spec.program.Symbol` values, for programs that run on ``base``."""

    aliases = False

    def __init__(self, base):
        self.base, self.name, self.library_version = base, base.name, base.library_version

    def recorder(self):
        found = RECORDER.get()
        if found is None or found.tracer is not self:
            raise cannot("a tensor that was made inside of a compiled function is used after it: return it from there")
        return found

    # Arrays.

    def spec_dtype(self, native):
        return native if native in _DTYPES else self.base.spec_dtype(native)

    def dtype_of(self, x):
        return x.dtype if type(x) is Symbol else self.base.dtype_of(x)

    def device_of(self, x):
        return self.base.default_device()

    def default_device(self):
        return self.base.default_device()

    def devices(self):
        return self.base.devices()

    def to_device(self, x, device):
        if device != self.base.default_device():
            raise cannot(f"a compiled function moves a tensor to the device {device}; compiled programs run on one device")
        return x

    def from_host(self, array, *, device):
        return self.recorder().constant(self.base.from_host(np.array(array), device=device))

    def to_host(self, x):
        if type(x) is not Symbol:
            return self.base.to_host(x)
        raise cannot(_VALUE)

    def nonzero(self, x, *, size=None):
        if size is None:
            raise cannot("the size of a result depends on values (nonzero, or an index by a boolean mask), which are not "
                         "known while the function is recorded; use torch.where with three arguments, or fullgraph=False")
        return self.recorder().emit("nonzero", (x,), {"size": size})

    def bounds(self, x):
        return self.recorder().bounds(x)

    def address_of(self, x):
        raise cannot("a compiled function asks for the address of a tensor")

    def accumulate(self, into, x):
        return self.add(into, x)

    def synchronize(self):
        pass

    def device_properties(self, device):
        return self.base.device_properties(device)

    def memory_stats(self, device):
        return self.base.memory_stats(device)

    @property
    def update_rules(self):
        return self.base.update_rules

    def updated_columns(self, rule, columns, counts, numbers):
        """What :meth:`Backend.update_columns` writes, as new symbols: columns but for the gradients, and counts."""
        recorder, names, flat = self.recorder(), [], []
        for name, value in numbers.items():
            values = value if type(value) is tuple else (value,)
            names.append((name, len(values) if type(value) is tuple else 0))
            flat += values
        written = [s for i, column in enumerate(columns) if i != 1 for s in column] + list(counts)
        params = {"rule": rule, "rows": len(columns[0]), "columns": len(columns), "counted": bool(counts),
                  "names": tuple(names)}
        operands = [*(s for column in columns for s in column), *counts, *flat]
        return recorder.emit_as(UPDATE, operands, params, [(s.shape, s.dtype) for s in written])

    # Ops that change nothing, which are common.

    def copy(self, x):
        return x

    def cast(self, x, *, dtype):
        return x if x.dtype is dtype else self.recorder().emit("cast", (x,), {"dtype": dtype})

    def reshape(self, x, *, shape):
        shape = tuple(shape)
        return x if x.shape == shape else self.recorder().emit("reshape", (x,), {"shape": shape})

    def conj(self, x):
        return self.recorder().emit("conj", (x,), {}) if x.dtype.is_complex else x

    def zeros_like(self, x):
        return self.full(shape=x.shape, value=0, dtype=x.dtype, device=self.device_of(x))

    def ones_like(self, x):
        return self.full(shape=x.shape, value=1, dtype=x.dtype, device=self.device_of(x))


_DTYPES = frozenset(BY_NAME.values())


def _kernel(name):
    def kernel(self, *operands, **params):
        recorder = RECORDER.get()
        if recorder is None or recorder.tracer is not self:
            recorder = self.recorder()
        return recorder.emit(name, operands, params)

    kernel.__name__ = name
    return kernel


for _name in OPS:
    if _name not in vars(TraceBackend) and _name not in ("from_host", "to_host"):
        setattr(TraceBackend, _name, _kernel(_name))
