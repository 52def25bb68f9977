"""Programs of spec ops as one compiled function of XLA."""

from __future__ import annotations

from sys import getrefcount

import jax
import jax.numpy as jnp
import numpy as np

from plugtorch.spec.program import Program, Symbol

# Constants of up to this many elements are part of the compiled function, where XLA folds them; others are arguments.
INLINE = 64
# References to an input that only its tensor holds: the tensor, the caller's two lists, the list here, and the count's own.
_HELD = 5


def _copied(a):
    """A copy; by way of the host where that is the same memory, so that no program is compiled for it."""
    return jax.device_put(np.array(a), a.device) if a.device.platform == "cpu" else a.copy()


def compiled_program(kernels, program: Program):
    """``run(inputs, numbers)`` for a program, compiled by ``jax.jit`` at its first run.

    Inputs that an output replaces are donated; where somebody else holds the array too, a copy of it is.
    """
    inline = {s: np.asarray(a) for s, a in program.constants.items() if a.size <= INLINE}
    passed = [(s, a) for s, a in program.constants.items() if s not in inline]
    used = {o for one in program.instructions for o in one.symbols()}
    donated = sorted({i for i in program.updates.values() if program.inputs[i] in used})
    kept = [i for i in range(len(program.inputs)) if i not in donated]
    symbols = [program.inputs[i] for i in kept] + [s for s, _ in passed]

    def function(given, others, numbers):
        values = {s: jnp.asarray(a) for s, a in inline.items()}
        values.update(zip((program.inputs[i] for i in donated), given, strict=True))
        values.update(zip(symbols, others, strict=True))
        values.update(zip(program.numbers, numbers, strict=True))
        for one in program.instructions:
            found = getattr(kernels, one.op)(*[values[o] if type(o) is Symbol else o for o in one.operands], **one.params)
            if type(found) is tuple:
                values.update(zip(one.outputs, found, strict=True))
            else:
                values[one.outputs[0]] = found
        return [values[o] for o in program.outputs]

    call = jax.jit(function, donate_argnums=(0,))
    constants = [a for _, a in passed]

    def run(inputs, numbers=()):
        given = [inputs[i] for i in donated]
        for n in range(len(given)):
            if getrefcount(given[n]) > _HELD:
                given[n] = _copied(given[n])
        return call(given, [*(inputs[i] for i in kept), *constants], list(numbers))

    return run
