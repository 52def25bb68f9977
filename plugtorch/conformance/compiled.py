"""A backend each of whose ops is a compiled program: the suite on it checks what ``compile_program`` makes of every op."""

from __future__ import annotations

import inspect

from plugtorch.spec import OPS, Abstract, Backend, infer
from plugtorch.spec.op import Op
from plugtorch.spec.program import VIEWS, Instruction, Program, Symbol

# Ops that are not run by programs: they move arrays to and from the host, or have a size that depends on values.
OUTSIDE = frozenset({"from_host", "to_host", "nonzero", "full", "arange"})


def _signature(k, operands, params):
    kinds = tuple((tuple(o.shape), k.dtype_of(o)) if hasattr(o, "shape") else (type(o), repr(o)) for o in operands)
    return kinds, tuple((name, repr(value)) for name, value in params.items())


def _one_op(plain, op: Op, operands, params):
    """A compiled program of one op, with a copy behind it so that chains are written too where the op allows them."""
    symbols = [Symbol(tuple(o.shape), plain.dtype_of(o)) if hasattr(o, "shape") else o for o in operands]
    found = infer(op.name, *[Abstract(s.shape, s.dtype) if type(s) is Symbol else s for s in symbols], **params)
    outputs = tuple(Symbol(o.shape, o.dtype) for o in (found if isinstance(found, tuple) else (found,)))
    inputs = [s for s in symbols if type(s) is Symbol]
    program = Program(inputs, {}, [], [Instruction(op.name, tuple(symbols), params, outputs)], outputs)
    return plain.compile_program(program)


def _kernel(op: Op):
    def kernel(self, *operands, **params):
        arrays = [o for o in operands if hasattr(o, "shape")]
        key = (op.name, *_signature(self.plain, operands, params))
        run = self.programs.get(key)
        if run is None:
            try:
                run = _one_op(self.plain, op, operands, params)
            except Exception:  # what the rule refuses, the kernel refuses with its own words
                return getattr(self.plain, op.name)(*operands, **params)
            self.programs[key] = run
        run(arrays, [])
        found = run(arrays, [])  # programs are there to be run again
        return tuple(found) if len(op.outputs) > 1 else found[0]

    kernel.__name__ = op.name
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    kernel.__signature__ = op.signature.replace(parameters=[own, *op.signature.parameters.values()])
    return kernel


def compiled_backend(plain: Backend, name: str) -> Backend:
    """A backend called ``name`` with the arrays of ``plain``, whose ops are compiled programs.

    Views stay the library's own where arrays are mutable: a program gives copies of its inputs.
    """
    left = OUTSIDE | (VIEWS if plain.aliases else frozenset()) | plain.unsupported.keys()
    kernels = {op.name: _kernel(op) for op in OPS.values() if op.name not in left}
    cls = type(plain)
    new = object.__new__(type(f"Compiled{cls.__name__}", (cls,), {**kernels, "name": name, "__module__": __name__}))
    new.__dict__.update(plain.__dict__)
    new.plain, new.programs = plain, {}
    return new
