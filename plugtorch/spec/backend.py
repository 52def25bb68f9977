"""The base class of every backend."""

from __future__ import annotations

from . import ops  # noqa: F401  (declares every op)
from .abstract import Abstract
from .device import CPU, Device
from .dtypes import DType
from .fallback import missing_kernel
from .half import composition
from .op import OPS, SPEC_VERSION


class Backend:
    """One array library behind the op spec.

    A subclass implements every primitive of :data:`plugtorch.spec.op.OPS` as a method of
    the same signature, and the few methods below. Derived ops are inherited: their
    composition in ``spec/ops`` is the method, with this object as ``k``.

    Attributes:
        name: the name under which the backend is found.
        aliases: whether arrays are mutable and views share their memory. Then
            :meth:`assign` writes into an array; otherwise views are replayed on a new root array.
        level: 0; a transform whose arrays stand for tensors of another backend has its depth here.
        lazy: whether ops are noted and run later; then ``flush()`` runs what waits.
        spec_version: the version of the contract this backend was written for.
        unsupported: primitives that the library cannot offer, each with the reason. They raise
            :class:`~plugtorch.spec.fallback.OpUnsupported`, unless the user lets the host compute them.
        update_rules: the optimizers whose steps :meth:`update_columns` takes.

    A kernel may let its library raise whatever it raises on shapes that do not fit; users meet the spec's own error
    (:func:`plugtorch.spec.refuse.refused`). Errors that depend on values are in the ops' docstrings.
    """

    name = ""
    aliases = False
    level = 0
    lazy = False
    spec_version = SPEC_VERSION
    library_version = ""
    unsupported: dict[str, str] = {}
    update_rules: frozenset[str] = frozenset()

    def __init__(self):
        for name, reason in self.unsupported.items():
            if name not in OPS or not OPS[name].primitive:
                raise TypeError(f"backend {self.name!r} declares {name!r} as unsupported, which is no primitive op")
            setattr(self, name, missing_kernel(self, OPS[name], reason))
        missing = [op.name for op in OPS.values() if op.primitive and not hasattr(self, op.name)]
        if missing:
            raise TypeError(
                f"backend {self.name or type(self).__name__!r} lacks {len(missing)} required "
                f"primitive ops: {', '.join(missing)}; see the op reference of the spec, and name "
                "in `unsupported` what the library cannot offer"
            )

    # What a library must say about its arrays.

    def spec_dtype(self, native) -> DType:
        """The spec dtype for the library's own dtype object."""
        raise TypeError(f"{type(self).__name__} must define spec_dtype")

    def dtype_of(self, x) -> DType:
        """The spec dtype of an array."""
        return self.spec_dtype(x.dtype)

    def device_of(self, x) -> Device:
        """Where an array lives."""
        return CPU

    def default_device(self) -> Device:
        """Where new arrays are made unless a device is named."""
        return CPU

    def devices(self) -> list[Device]:
        """Every device of this backend that is present."""
        return [self.default_device()]

    def to_device(self, x, device: Device):
        """The array on another device of this backend; may return ``x``."""
        return x

    def bounds(self, x) -> tuple:
        """The least and the greatest value of a real array that is not empty, as Python numbers; None where the values are
        not known, as in a program that is being recorded."""
        axes = tuple(range(len(x.shape)))
        return tuple(self.to_host(extreme(x, axis=axes)).item() for extreme in (self.min, self.max))

    def synchronize(self) -> None:
        """Waits until all pending work is done."""

    def release(self) -> None:
        """Gives back what is kept for speed: compiled programs, pooled memory. Results are not changed by it."""

    # What a library knows about its devices, where it tells.

    def device_properties(self, device: Device) -> dict:
        """``name``, ``total_memory`` (bytes), ``major`` and ``minor`` of the compute capability, ``multi_processor_count``:
        those that the library tells."""
        return {}

    def memory_stats(self, device: Device) -> dict:
        """Bytes of a device's memory: ``allocated`` by arrays now, its ``peak``, ``reserved`` by the library, ``free`` and
        ``total``; those that the library tells."""
        return {}

    def reset_peak_memory(self, device: Device) -> None:
        """Begins the counting of ``peak`` anew, where the library can."""

    def limit_memory(self, device: Device, fraction: float) -> bool:
        """Limits the memory that the library takes to a part of the device's; returns whether it can."""
        return False

    def compile_program(self, program):
        """A function ``run(inputs, numbers) -> outputs`` for a program of spec ops (:class:`~.program.Program`).

        ``inputs`` and ``outputs`` are lists of arrays, ``numbers`` one of Python floats. Of the program's ``updates`` a
        backend with mutable arrays writes the output into the memory of the input, and gives that array; another may use
        the input's memory up, as nobody else holds it.
        """
        from .program import interpreter

        return interpreter(self, program)

    # Ways to and from other libraries, where a copy can be saved.

    def adopt(self, array, *, device: Device):
        """A host array that the caller gives up, as an array of the backend: like from_host, but it may keep the memory."""
        return self.from_host(array, device=device)

    def share(self, array):
        """An array of the backend on the memory of a host array, or None where the library cannot."""
        return None

    def from_dlpack(self, source):
        """An array of the backend from an object with ``__dlpack__``, on its memory where the library can."""
        import numpy as np

        return self.from_host(np.from_dlpack(source), device=self.default_device())

    def address_of(self, x) -> int | None:
        """The address of the first element in memory, or None where the library does not tell."""
        return None

    # What only libraries with mutable arrays have.

    def owns(self, x) -> bool:
        """Whether x's memory is surely no other array's, so that who holds x alone may write over it."""
        return False

    def assign(self, target, value) -> None:
        """Writes an array or number into ``target``'s memory, converting and broadcasting."""
        raise TypeError(f"arrays of backend {self.name!r} are immutable")

    def update(self, name: str, target, *operands) -> bool:
        """Runs an elementwise op with its result written into ``target``, its first operand.
        Returns False where there is no such kernel; the caller then computes and assigns."""
        return False

    def accumulate(self, into, x):
        """``into + x`` for two arrays of one shape and dtype, of which ``into`` belongs to the caller alone and may be
        written over."""
        return self.add(into, x)

    def update_columns(self, rule: str, columns: list[list], counts: list, numbers: dict) -> list[int]:
        """One step of an optimizer over many parameters, written into their memory.

        Args:
            rule: the name of a class of ``plugtorch.optim``.
            columns: the arrays of the parameters, of their gradients, and of their states in the order of the class's
                ``_columns``. No memory is written that is also another array's.
            counts: per parameter a 0-d array that counts steps, to be raised by one; empty where the rule counts none.
            numbers: the hyper-parameters that the class names.

        Returns:
            The positions that were left as they are, for the caller to update one by one.
        """
        return list(range(len(columns[0])))

    def strides_of(self, x):
        """Strides in elements where the library has them, else None (then C order is assumed)."""
        return None

    def __repr__(self):
        return f"<plugtorch backend {self.name!r}, {self.library_version}>"

    def __reduce__(self):
        return _by_name, (self.name,)


def _by_name(name):
    from .registry import load_backend

    return load_backend(name)


class AbstractBackend(Backend):
    """Computes shapes and dtypes only: primitives are their own rules, derived ops their compositions."""

    name = "abstract"

    def spec_dtype(self, native):
        return native


for _op in OPS.values():
    if _op.primitive:
        setattr(AbstractBackend, _op.name, _op.body)
    else:
        setattr(Backend, _op.name, composition(_op))

_ABSTRACT = AbstractBackend()


def infer(name: str, *operands, **params):
    """Shape and dtype of an op's result, from :class:`Abstract` operands (or numbers) and parameters."""
    return getattr(_ABSTRACT, name)(*operands, **params)


__all__ = ["Abstract", "AbstractBackend", "Backend", "infer"]
