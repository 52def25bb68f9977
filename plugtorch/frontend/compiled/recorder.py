"""The recorder of a call, which follows generators, modules and optimizers besides tensors."""

from __future__ import annotations

import contextlib
import functools
import threading
from typing import Any

from plugtorch.autograd.base import TensorBase
from plugtorch.spec.dtypes import BY_NAME
from plugtorch.spec.program import HostFloat
from plugtorch.transforms.tracing.recorder import RECORDER, cannot
from plugtorch.transforms.tracing.tensors import BACKEND, TensorRecorder, number_in

from ..random import Generator


class _Run(threading.local):
    """The call that is recorded, or whose program runs, in this thread: the leaves of its arguments."""

    leaves: Any = ()


RUN = _Run()


class CallRecorder(TensorRecorder):
    """What a call does.

    Attributes:
        drawn: the host arrays of random numbers that were drawn while recording, in order.
        modules: those that were called, by id.
        slots: ``(dictionary, name, tensor)``: the tensors that modules had as attributes when they were called.
        scalars: ``(tensor on the host, number)``: what they hold after a run.
        optimizers: those that made a step, by id, with their state before it.
        around: what the function finds in Python, or None; modules and optimizers that it calls are added.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.drawn: list = []
        self.modules: dict[int, Any] = {}
        self.optimizers: dict[int, tuple] = {}
        self.slots: list = []
        self.around: Any = None
        self.scalars: list = []
        self._scalars_met: list = []
        self._drawing = 0
        self._generators: dict[Generator, bytes] = {}
        self._numbers_in_groups: list = []

    @staticmethod
    def leaf(index: int) -> float:
        """A leaf of the arguments of the run."""
        return RUN.leaves[index]

    # Random numbers.

    def before_draw(self, generator, seeding: bool) -> None:
        """Keeps the state of a generator before its first draw.

        Raises:
            TraceError: the draw is not one that a run can repeat, or the generator is seeded.
        """
        if RECORDER.get() is not self:  # another thread, or eager code
            return
        if seeding:
            raise cannot("a compiled function seeds a generator; seed it outside")
        if generator not in self._generators:
            self._generators[generator] = generator.state_bytes()
        if not self._drawing:
            raise cannot("a compiled function draws random numbers in a way that a run cannot repeat")

    def drawn_value(self, make):
        """The symbol of a host array of random numbers, which ``make()`` draws."""
        self._drawing += 1
        try:
            array = make()
        finally:
            self._drawing -= 1
        self.drawn.append(array)
        return self.host_value(make, array, BY_NAME[array.dtype.name])

    @property
    def generators(self) -> list:
        """Those that were drawn from."""
        return list(self._generators)

    # Modules and optimizers.

    def note_module(self, module, args) -> None:
        """A module is called."""
        if RECORDER.get() is not self or id(module) in self.modules:
            return
        self.modules[id(module)] = module
        if self.around is not None:
            self.around.module(module)
        for space in (module.__dict__, module._buffers):
            self.slots += [(space, name, t) for name, t in space.items() if isinstance(t, TensorBase)]

    def note_optimizer(self, optimizer, args, kwargs) -> None:
        """An optimizer makes a step: its numbers are read at each run from now on."""
        if RECORDER.get() is not self or id(optimizer) in self.optimizers:
            return
        kept = {key: dict(value) if isinstance(value, dict) else value for key, value in optimizer.state.items()}
        self.optimizers[id(optimizer)] = (optimizer, kept)
        if self.around is not None:
            self.around.optimizer(optimizer)
        for group in optimizer.param_groups:
            for key, value in list(group.items()):
                if type(value) is float:
                    group[key] = self._number_in(group, key, value)
                elif type(value) is tuple and value and all(type(v) is float for v in value):
                    group[key] = tuple(self._number_in(group, key, v, i) for i, v in enumerate(value))
                else:
                    continue
                self._numbers_in_groups.append((group, key, value, group[key]))

    def _number_in(self, group, key, value, index=None):
        def read():
            now = group[key]
            now = now if index is None else now[index]
            return value if type(now) is HostFloat else float(now)

        return self.host_float(read, (id(group), key, index))

    def _release_groups(self) -> bool:
        """Puts plain numbers back into the groups; whether the function left them alone."""
        untouched = True
        for group, key, value, stand_in in self._numbers_in_groups:
            untouched = untouched and group.get(key) is stand_in
            group[key] = value
        self._numbers_in_groups.clear()
        return untouched

    # Scalars on the host, which optimizers count steps in.

    def host_scalar(self, t) -> HostFloat:
        """The number that a tensor on the host holds before the run, or that the call has given it. Tensors that hold one
        number share it, as long as they do."""
        for other, number in self.scalars:
            if other is t:
                return number
        value = number_in(t)
        for other, was, before in self._scalars_met:
            if was == value:
                if other is not t:
                    self.watch(("same", id(other), id(t)), functools.partial(_hold_the_same, other, t))
                return before
        before = self.host_float(functools.partial(number_in, t), ("scalar", id(t)))
        self._scalars_met.append((t, value, before))
        return before

    def number_of(self, t) -> HostFloat:
        """The number that a tensor of one element, which the call does not write, holds before each run.

        Raises:
            TraceError: the call made or wrote it.
        """
        def read():
            token = RECORDER.set(None)
            try:
                return float(t.item())
            finally:
                RECORDER.reset(token)

        entry = self.touched.get(id(t))
        if BACKEND.__get__(t) is self.tracer or entry is not None and entry.written:
            raise cannot("a compiled function computes a hyper-parameter that an optimizer needs as a number")
        return self.host_float(read, ("tensor", id(t)))

    def set_host_scalar(self, t, number) -> None:
        """Gives a tensor on the host a number after each run."""
        self.scalars = [(other, value) for other, value in self.scalars if other is not t]
        self.scalars.append((t, number))

    # The end of a recording.

    def put_back_tensors(self) -> None:
        """Undoes what a recording did to tensors and groups for its own sake."""
        for entry in self.touched.values():
            entry.put_back()
        self._release_groups()

    def put_back(self) -> None:
        """Undoes all that a recording changed."""
        self.put_back_tensors()
        for space, name, old in self.slots:
            space[name] = old
        for generator, before in self._generators.items():
            generator.load_state_bytes(before)
        for optimizer, before in self.optimizers.values():
            optimizer.state.clear()
            optimizer.state.update(before)

    def release(self) -> None:
        """Lets go of what only the recording needed: a program that is kept must not keep arrays alive."""
        for entry in self.touched.values():
            entry.first.note = None
        for held in (self.instructions, self.constants, self.touched, self.owners, self.made, self.slots, self.optimizers,
                     self._known, self._numbers, self.modules, self.input_conditions):
            held.clear()
        self.around = None

    def check_groups(self) -> None:
        """Raises TraceError if the function changed a number of an optimizer."""
        if not self._release_groups():
            raise cannot("a compiled function changes a hyper-parameter of an optimizer (a scheduler's step?), which a "
                         "program cannot repeat; do that outside of it")


def _hold_the_same(a, b) -> bool:
    return number_in(a) == number_in(b)


@contextlib.contextmanager
def following(recorder):
    """The block in which the recorder is told of draws, calls of modules and steps of optimizers."""
    from ..nn.modules._hooks import register_module_forward_pre_hook
    from ..optim.optimizer import register_optimizer_step_pre_hook

    handles = [register_module_forward_pre_hook(recorder.note_module),
               register_optimizer_step_pre_hook(recorder.note_optimizer)]
    watchers = Generator.watchers
    Generator.watchers = (*watchers, recorder.before_draw)
    try:
        yield
        recorder.check_groups()
    finally:
        Generator.watchers = tuple(w for w in Generator.watchers if w != recorder.before_draw)
        for handle in handles:
            handle.remove()
