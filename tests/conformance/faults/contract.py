"""Faults in making and moving arrays, and in the rest of the contract."""

from __future__ import annotations

import numpy as np

from plugtorch.autograd import plans
from plugtorch.spec import OPS

from .fault import FAULTS, Fault, contract, kernel

# Making and moving arrays.


@kernel("from_host", "keeps the host's memory")
def _(right, array, *, device):
    return array


@kernel("from_host", "doubles become singles")
def _(right, array, *, device):
    return right(array.astype(np.float32) if array.dtype == np.float64 else array, device=device)


@kernel("full", "whole numbers out of range are cut off")
def _(right, *, shape, value, dtype, device):
    if not isinstance(value, complex) and dtype.numpy.kind == "u":
        value = min(value, np.iinfo(dtype.numpy).max)
    return right(shape=shape, value=value, dtype=dtype, device=device)


@kernel("arange", "the end included")
def _(right, *, start, stop, step, dtype, device):
    return right(start=start, stop=stop + step, step=step, dtype=dtype, device=device)


@kernel("cast", "floats are rounded to whole numbers")
def _(right, x, *, dtype):
    return right(np.rint(x) if x.dtype == np.float64 and dtype.numpy.kind in "iu" else x, dtype=dtype)


@kernel("cast", "nan is False")
def _(right, x, *, dtype):
    return right(np.nan_to_num(x, nan=0.0) if dtype.numpy.kind == "b" and x.dtype.kind == "f" else x, dtype=dtype)


@kernel("copy", "returns its operand")
def _(right, x):
    return x


@kernel("relu", "works in place")
def _(right, x):
    return np.maximum(x, 0, out=x) if x.dtype.kind in "fi" else right(x)


@contract("signature", "a parameter of another name", "exp")
def _(k):
    right = k.exp
    k.exp = lambda value: right(value)


@contract("signature", "a default of its own", "topk")
def _(k):
    right = k.topk

    def topk(x, *, count=1, axis=-1, largest=True):
        return right(x, count=count, axis=axis, largest=largest)

    k.topk = topk


@contract("signature", "written for another version of the spec", "backend")
def _(k):
    k.spec_version = 0


@contract("devices", "the default device is none of the devices", "backend", "transfer")
def _(k):
    from plugtorch.spec.device import Device

    k.devices = lambda: [Device("cuda", 0)]


@contract("devices", "results on another device", "add")
def _(k):
    from plugtorch.spec.device import Device

    right, add = k.device_of, k.add
    made = set()

    def spoiled(a, b):
        y = add(a, b)
        made.add(id(y))
        k.kept = y
        return y

    spoiled.__signature__ = OPS["add"].signature
    k.add = spoiled
    k.device_of = lambda x: Device("cuda", 0) if id(x) in made else right(x)


@contract("devices", "bfloat16 travels as float16", "dtypes", "transfer")
def _(k):
    right = k.to_host
    k.to_host = lambda x: right(x).astype(np.float16) if x.dtype.name == "bfloat16" else right(x)


# Aliasing.

ALIASING = ("write_to_view", "write_to_base", "gradient_through_view", "topics", "arrays")


@contract("aliasing", "assign does not convert", "arrays")
def _(k):
    def assign(target, value):
        target[...] = np.asarray(value).astype(np.float32).astype(target.dtype)[..., :1] if np.ndim(value) else value

    k.assign = assign


@contract("aliasing", "assign clips numbers out of range", "arrays")
def _(k):
    right = k.assign

    def assign(target, value):
        if target.dtype.kind == "u" and isinstance(value, int):
            value = min(value, np.iinfo(target.dtype).max)
        right(target, value)

    k.assign = assign


@contract("aliasing", "update writes its operand too", "arrays")
def _(k):
    right = k.update

    def update(name, target, *operands):
        done = right(name, target, *operands)
        if done and target.base is not None:
            target.base[...] = target
        return done

    k.update = update


@contract("aliasing", "accumulate writes into what it adds", "arrays")
def _(k):
    def accumulate(into, x):
        x += into
        return x

    k.accumulate = accumulate


@contract("aliasing", "says that views share memory, and copies them (a stale view)", *ALIASING)
def _(k):
    right = k.permute
    k.permute = lambda x, *, axes: right(x, axes=axes).copy()


@contract("aliasing", "strides in bytes", "arrays")
def _(k):
    k.strides_of = lambda x: x.strides


# Random numbers: what is drawn on the host must arrive as it is.


@contract("random", "single precision uniform numbers lose their last bits", "draws", "generator")
def _(k):
    right = k.adopt

    def adopt(array, *, device):
        if array.dtype == np.float32 and array.ndim == 1:
            array = (array * 1024).round().astype(np.float32) / 1024
        return right(array, device=device)

    k.adopt = adopt


@contract("random", "draws biased by a thousandth", "draws", "generator")
def _(k):
    right = k.adopt
    k.adopt = lambda array, *, device: right(
        array + array.dtype.type(1e-3) if array.dtype == np.float32 and array.size > 3 else array, device=device
    )


# Gradients: rules are shared, but a plugin's may be wrong, and a kernel may serve only the backward pass.


def rule(op, operand, wrong, name):
    """Declares a fault of a gradient rule."""

    def plant(k):
        held = plans.rule_for(op)
        spoiled = plans.Rule(held.op, {**held.per_operand, operand: wrong}, None)
        plans._RULES[op] = spoiled

        def undo():
            plans._RULES[op] = held

        return undo

    FAULTS.append(Fault("gradient", f"{op}: {name}", plant, lambda check: check.subject == op))


rule("mul", "b", lambda k, g, a: k.mul(g, a), "no conjugate")
rule("exp", "x", lambda k, g, x: k.mul(g, x), "the input in place of the output")
rule("div", "b", lambda k, g, a, b: k.div(k.mul(g, a), k.mul(b, b)), "the sign lost")
rule("tanh", "x", lambda k, g, y: k.mul(g, k.sub(1, y)), "not squared")
rule("flip", "x", lambda k, g, axis: g, "passed through")
rule("sum", "x", lambda k, g: g, "not spread")


@contract("training", "the optimizer's division a little off", "programs")
def _(k):
    right = k.sub

    def sub(a, b):
        y = right(a, b)
        return y * np.float32(1.0005) if isinstance(y, np.ndarray) and y.dtype == np.float32 else y

    sub.__signature__ = OPS["sub"].signature
    k.sub = sub
    k.update = lambda name, target, *operands: False


# Compiled programs.

def program(name, *subjects):
    """Declares a fault of the function that ``compile_program`` makes: the decorated one takes the right ``run`` before its
    arguments, and the program."""

    def declare(wrong):
        def plant(k):
            right = k.compile_program

            def compile_program(program):
                run = right(program)
                return lambda inputs, numbers=(): wrong(run, program, inputs, numbers)

            k.compile_program = compile_program

        def where(check):
            return check.chapter == "compiled" and check.subject in subjects

        FAULTS.append(Fault("compiled", name, plant, where))
        return wrong

    return declare


@program("numbers of the first run are kept", "programs")
def _(run, program, inputs, numbers):
    kept = vars(program).setdefault("kept", list(numbers))
    return run(inputs, kept)


@program("results of the first run are kept", "programs", "draws")
def _(run, program, inputs, numbers):
    if "kept" not in vars(program):
        program.kept = run(inputs, numbers)
    return program.kept


@program("an update does not reach the memory of its input", "memory")
def _(run, program, inputs, numbers):
    return run([x.copy() for x in inputs], numbers)


@program("outputs in another order", "sort")
def _(run, program, inputs, numbers):
    return run(inputs, numbers)[::-1]
