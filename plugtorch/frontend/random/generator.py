"""The host generator: PyTorch's CPU ``mt19937`` stream, as state that can be saved, restored and logged.

The 32-bit words come from NumPy's MT19937 bit generator seeded the classic way (Matsumoto and Nishimura,
"Mersenne Twister", ACM TOMACS 8(1), 1998: ``init_genrand``), which is the stream that PyTorch uses on CPU.
What the words become is the business of the samplers beside this module.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import struct
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plugtorch.frontend.random import libm

if TYPE_CHECKING:
    from plugtorch.frontend.tensor import Tensor

#: The seed of a ``Generator()`` that nobody has seeded.
DEFAULT_SEED = 67280421310721
#: Bytes in a saved state.
STATE_SIZE = 5056

_WORDS = 624
_HEAD = struct.Struct("<QiiQ")
_NORMALS = struct.Struct("<dddii")
_NORMALS_AT = _HEAD.size + 8 * _WORDS
_FLOAT_SPARE = struct.Struct("<4s?3x")
_FLOAT_SPARE_AT = _NORMALS_AT + _NORMALS.size


class Draw(NamedTuple):
    """One logged draw: the sampler and what it was called with, the generator left out."""

    sampler: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def replay(self, generator: Generator) -> Any:
        """Draw again, with the same arguments, from where ``generator`` stands now."""
        return self.sampler(generator, *self.args, **self.kwargs)


def sampler(function: Callable[..., Any]) -> Callable[..., Any]:
    """Route ``function(generator, ...)`` through :meth:`Generator.draw`: locked, and logged on request."""

    @functools.wraps(function)
    def drawn(generator: Generator, /, *args: Any, **kwargs: Any) -> Any:
        return generator.draw(function, drawn, args, kwargs)

    return drawn


def wrap_seed(seed: int) -> int:
    """The unsigned 64-bit form of ``seed``, -2**63 <= seed < 2**64 or ValueError; negative values wrap."""
    if not -(1 << 63) <= seed < 1 << 64:
        raise ValueError("Overflow when unpacking long long")
    return seed & 0xFFFFFFFFFFFFFFFF


class Generator:
    """A source of random numbers with PyTorch's CPU stream, whichever backend the tensors live on.

    ``Generator()`` starts from a fixed seed; use :meth:`manual_seed` or :meth:`seed`. A generator may be
    copied (``copy.deepcopy``, :meth:`clone_state`) and pickled; each copy goes on from the same position
    by itself.
    """

    #: Functions ``watcher(generator, seeding)`` that are called before each draw of a generator and each new state of it.
    watchers: tuple[Callable[[Generator, bool], None], ...] = ()

    def __init__(self, device: Any = "cpu") -> None:
        self._device = device
        self._lock = threading.RLock()
        self._log: list[Draw] | None = None
        self._depth = 0
        self._twister: Any = None
        self._restart(DEFAULT_SEED)

    def __repr__(self) -> str:
        return f"<plugtorch.Generator device={str(self._device)!r} initial_seed={self._seed}>"

    @property
    def device(self) -> Any:
        """The device the generator was made for (the numbers are drawn on the host in any case)."""
        if isinstance(self._device, str):
            from plugtorch.frontend import functions as fn

            self._device = fn.device(self._device)
        return self._device

    # --- seeding -------------------------------------------------------------------------------------------

    def _tell(self, seeding: bool) -> None:
        for watcher in self.watchers:
            watcher(self, seeding)

    def _restart(self, seed: int) -> None:
        self._seed = seed
        self._unseeded = True  # the twister is keyed at its first use: an idle generator costs nothing
        self._resting_next = 0
        self._spare_normal: float | None = None
        self._spare_float = bytes(8)  # a float32 spare that PyTorch's format has and no sampler uses

    def _bits(self) -> Any:
        if self._twister is None:
            self._twister = np.random.MT19937(0)
        if self._unseeded:
            np.random.RandomState(self._twister).seed(self._seed & 0xFFFFFFFF)
            self._unseeded = False
        return self._twister

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of ``seed`` (-2**63 <= seed < 2**64; a negative one stands for ``seed + 2**64``).

        Only the low 32 bits choose the stream. Returns the generator. RuntimeError if ``seed`` is not an
        int, ValueError if it is out of range.
        """
        if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        value = wrap_seed(int(seed))
        self._tell(True)
        with self._lock:
            self._restart(value)
        return self

    def seed(self) -> int:
        """Start from a fresh seed given by the operating system; returns it (an unsigned 64-bit value)."""
        value = int.from_bytes(os.urandom(8), "little")
        with self._lock:
            self._restart(value)
        return value

    def initial_seed(self) -> int:
        """The seed the stream started from, 0 <= seed < 2**64."""
        return self._seed

    # --- drawing -------------------------------------------------------------------------------------------

    def draw(
        self, function: Callable[..., Any], public: Callable[..., Any], args: tuple, kwargs: dict
    ) -> Any:
        """The one gate of all samplers: ``function(self, *args, **kwargs)`` under the generator's lock.

        While :meth:`log_draws` is active, the outermost sampler is logged as ``Draw(public, args, kwargs)``.
        A draw that fails is not logged.
        """
        with self._lock:
            if self.watchers and not self._depth:
                self._tell(False)
            self._depth += 1
            try:
                result = function(self, *args, **kwargs)
            finally:
                self._depth -= 1
            if self._log is not None and self._depth == 0:
                self._log.append(Draw(public, args, kwargs))
            return result

    @contextlib.contextmanager
    def log_draws(self) -> Iterator[list[Draw]]:
        """Within the block, keep the draws in order in the list that the block is given.

        Replaying the list on a generator in the state of the block's start gives the same numbers. Blocks
        nest; an inner block's draws are in the outer list as well.
        """
        outer, log = self._log, []
        self._log = log
        try:
            yield log
        finally:
            self._log = outer
            if outer is not None:
                outer.extend(log)

    def words(self, n: int) -> np.ndarray:
        """The next ``n`` 32-bit words, as uint64 of shape (n,)."""
        if n:
            self._resting_next = _WORDS
        return self._bits().random_raw(n)

    def words64(self, n: int) -> np.ndarray:
        """The next ``n`` 64-bit words, uint64 of shape (n,): two 32-bit words each, the high half first."""
        pairs = self.words(2 * n)
        high = pairs[0::2] << np.uint64(32)
        high |= pairs[1::2]
        return high

    def u24(self, n: int) -> np.ndarray:
        """``n`` multiples of 2**-24 in [0, 1), float32, one word each."""
        low = self.words(n)
        low &= np.uint64(0xFFFFFF)
        unit = low.astype(np.uint32).astype(np.float32)
        unit *= np.float32(2.0**-24)
        return unit

    def u53(self, n: int) -> np.ndarray:
        """``n`` multiples of 2**-53 in [0, 1), float64, two words each."""
        unit = self.words64(n)
        unit &= np.uint64((1 << 53) - 1)
        unit = unit.astype(np.float64)
        unit *= 2.0**-53
        return unit

    def normals(self, n: int) -> np.ndarray:
        """``n`` standard normals, float64, one after another: the cached one first, a spare one is cached.

        Box and Muller, "A note on the generation of random normal deviates" (1958): four words per pair.
        """
        out = np.empty(n, np.float64)
        start = 0
        if n and self._spare_normal is not None:
            out[0] = self._take_spare()
            start = 1
        pairs = (n - start + 1) // 2
        if 0 < pairs <= 8:
            unit = self.u53(2 * pairs).tolist()
            both = []
            for a, b in zip(unit[0::2], unit[1::2], strict=True):
                radius, angle = math.sqrt(-2.0 * math.log1p(-b)), 2.0 * math.pi * a
                both += (radius * math.cos(angle), radius * math.sin(angle))
            out[start:] = both[: n - start]
        elif pairs:
            unit = self.u53(2 * pairs)
            radius = np.sqrt(-2.0 * libm.log1p(-unit[1::2]))
            angle = (2.0 * math.pi) * unit[0::2]
            both = np.empty(2 * pairs, np.float64)
            np.multiply(radius, libm.cos(angle), out=both[0::2])
            np.multiply(radius, libm.sin(angle), out=both[1::2])
            out[start:] = both[: n - start]
        if (n - start) % 2 and pairs:
            self._spare_normal = float(both[-1])
        return out

    def _take_spare(self) -> float | None:
        """The spare normal of the last pair, if there is one; it is then used up."""
        spare, self._spare_normal = self._spare_normal, None
        return spare

    # --- state ---------------------------------------------------------------------------------------------

    def state_bytes(self) -> bytes:
        """The whole state as 5056 bytes, in PyTorch's layout for its CPU generator."""
        with self._lock:
            state = self._bits().state["state"]
            position = int(state["pos"])
            following = position if position < _WORDS else self._resting_next
            left = 1 if position == _WORDS else _WORDS + 1 - position
            return b"".join(
                (
                    _HEAD.pack(self._seed, left, 1, following),
                    state["key"].astype("<u8").tobytes(),
                    _NORMALS.pack(
                        0.0, self._spare_normal or 0.0, 0.0, int(self._spare_normal is not None), 0
                    ),
                    self._spare_float,
                )
            )

    def load_state_bytes(self, data: bytes) -> None:
        """Take over a state of :meth:`state_bytes`, or of PyTorch's CPU generator.

        RuntimeError if ``data`` is not such a state; the generator then stays as it was.
        """
        data = bytes(data)
        if len(data) != STATE_SIZE:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {STATE_SIZE} but found the input RNG state "
                f"size to be {len(data)}"
            )
        seed, left, seeded, following = _HEAD.unpack_from(data)
        following &= 0xFFFFFFFF
        if (
            not seeded
            or not 1 <= left <= _WORDS
            or following > _WORDS
            or (left > 1 and left + following != 625)
        ):
            raise RuntimeError("Invalid mt19937 state")
        key = np.frombuffer(data, "<u8", _WORDS, _HEAD.size).astype(np.uint32)
        _, spare, _, has_spare, _ = _NORMALS.unpack_from(data, _NORMALS_AT)
        spare_float, has_spare_float = _FLOAT_SPARE.unpack_from(data, _FLOAT_SPARE_AT)
        with self._lock:
            if self._twister is None:
                self._twister = np.random.MT19937(0)
            position = _WORDS if left == 1 else following
            self._twister.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": position}}
            self._unseeded = False
            self._seed = seed
            self._resting_next = following if left == 1 else _WORDS
            self._spare_normal = spare if has_spare else None
            self._spare_float = _FLOAT_SPARE.pack(spare_float, True) if has_spare_float else bytes(8)

    def get_state(self) -> Tensor:
        """The state as a uint8 tensor of shape (5056,) (see :meth:`state_bytes`)."""
        from plugtorch.frontend import functions as fn

        return fn.from_numpy(np.frombuffer(self.state_bytes(), np.uint8).copy())

    def set_state(self, new_state: Tensor) -> Generator:
        """Take over a state of :meth:`get_state`; returns the generator.

        TypeError if ``new_state`` is not a uint8 tensor, RuntimeError if it is not contiguous or not a
        state.
        """
        from plugtorch.frontend.tensor import Tensor

        if not isinstance(new_state, Tensor):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        if str(new_state.dtype).rpartition(".")[2] != "uint8":
            raise TypeError("RNG state must be a torch.ByteTensor")
        if not new_state.is_contiguous():
            raise RuntimeError("RNG state must be contiguous")
        self.load_state_bytes(new_state.detach().cpu().numpy().tobytes())
        return self

    def clone_state(self) -> Generator:
        """An independent generator in the same state."""
        generator = Generator(self._device)
        generator.load_state_bytes(self.state_bytes())
        return generator

    def __copy__(self) -> Generator:
        return self.clone_state()

    def __deepcopy__(self, memo: dict) -> Generator:
        return self.clone_state()

    def __reduce__(self) -> tuple:
        return Generator, (self._device,), (self.initial_seed(), None, self.get_state())

    def __setstate__(self, state: tuple) -> None:
        self.manual_seed(state[0])
        self.set_state(state[2])


class Reader:
    """Single draws from a generator for samplers whose word count depends on the values drawn.

    Within ``with Reader(generator) as uniform:`` each ``uniform()`` is the next 53-bit uniform. Words are
    fetched in blocks; on leaving, the generator is put right behind the last word that was used.
    """

    __slots__ = ("_generator", "_resume", "_size", "_used", "_values")

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._size = 32
        self._values: list[float] = []
        self._used = 0
        self._resume: tuple[Any, int] | None = None

    def __enter__(self) -> Reader:
        return self

    def __call__(self) -> float:
        used = self._used
        if used == len(self._values):
            generator = self._generator
            self._resume = (generator._bits().state, generator._resting_next)
            self._size = min(2 * self._size, 65536)
            self._values = generator.u53(self._size).tolist()
            used = 0
        self._used = used + 1
        return self._values[used]

    def normal(self) -> float:
        """The next standard normal, float64, with the generator's cache."""
        generator = self._generator
        spare = generator._take_spare()
        if spare is not None:
            return spare
        angle = 2.0 * math.pi * self()
        radius = math.sqrt(-2.0 * math.log1p(-self()))
        generator._spare_normal = radius * math.sin(angle)
        return radius * math.cos(angle)

    def __exit__(self, *exc: object) -> None:
        if self._resume is not None and self._used < len(self._values):
            generator = self._generator
            generator._bits().state, generator._resting_next = self._resume
            generator.words(2 * self._used)


#: The generator of every draw that names none; it starts from a seed given by the operating system.
default_generator = Generator()
default_generator._restart(int.from_bytes(os.urandom(8), "little"))


def _after_fork() -> None:
    """In a new process: if another thread of the old one was drawing, its lock is never given back and its draw is half
    done; start over from the seed."""
    if default_generator._lock.acquire(blocking=False):
        default_generator._lock.release()
        return
    default_generator._lock = threading.RLock()
    default_generator._log, default_generator._depth, default_generator._twister = None, 0, None
    default_generator._restart(default_generator.initial_seed())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
