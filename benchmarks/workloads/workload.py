"""What a workload is: one program against PyTorch's API, and the same computation by hand in NumPy and in JAX."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


class Program(NamedTuple):
    """A workload made ready in one library.

    ``step(*batch)`` is what is timed; it returns the loss, as a scalar tensor, array or number. Where ``prepare`` is
    given, ``step(prepare())`` is timed instead, without the call of ``prepare``, and its result is not looked at.
    ``parameters`` are the tensors to wait for at the end of a slice of steps, where a library computes behind its caller.
    """

    step: Callable
    batch: tuple = ()
    prepare: Callable | None = None
    parameters: Iterable = ()


@dataclass(frozen=True)
class Workload:
    """
    Args:
        name: what the command line calls it.
        title: its sizes, in a line.
        values: ``values()`` makes the initial parameters and the batch, NumPy arrays by name, the same at every call.
        program: ``program(torch, values, compile_model)`` makes a :class:`Program` in PyTorch or plugtorch; the network
            that it calls has gone through ``compile_model``, the parameters that it trains have not.
        numpy, jax: ``(values) -> Program`` of the versions by hand, or None.
        random: the losses depend on random draws, such as dropout's, which differ between libraries.
        eager: the timed call is not a whole step: there is nothing for a compiler.
        scale, unit: a table shows ``seconds * scale`` in that unit.
    """

    name: str
    title: str
    values: Callable[[], dict[str, Any]]
    program: Callable[..., Program]
    numpy: Callable[..., Program] | None = None
    jax: Callable[..., Program] | None = None
    random: bool = False
    eager: bool = False
    scale: float = 1e3
    unit: str = "ms"


def uniform(rng, bound, *shape):
    """Float32 values between -bound and bound."""
    return rng.uniform(-bound, bound, shape).astype(np.float32)


def linear(rng, name, outputs, inputs):
    """Weight (outputs, inputs) and bias of a linear layer, drawn as PyTorch draws them, under their names."""
    bound = inputs ** -0.5
    return {f"{name}.weight": uniform(rng, bound, outputs, inputs), f"{name}.bias": uniform(rng, bound, outputs)}


def load(torch, net, parameters):
    """Copies NumPy arrays into the parameters and buffers that they name; what they do not name stays as it is."""
    net.load_state_dict({**net.state_dict(), **{name: torch.tensor(value) for name, value in parameters.items()}})
    return net


def trainer(torch, net, model, optimizer, loss_of, batch):
    """The Program of a training step: ``loss_of(model, *batch)``, its gradients, and the optimizer's step.

    The step ends with ``zero_grad``: gradients that nobody sees after it need not leave a compiled program, as they do not
    in the versions by hand.
    """

    def step(*batch):
        loss = loss_of(model, *batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return Program(step, tuple(torch.tensor(value) for value in batch), parameters=tuple(net.parameters()))
