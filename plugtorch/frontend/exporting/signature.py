"""What goes into an exported program and what comes out of it, with PyTorch's names."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["ConstantArgument", "CustomObjArgument", "ExportBackwardSignature", "ExportGraphSignature", "InputKind",
           "InputSpec", "OutputKind", "OutputSpec", "SymBoolArgument", "SymFloatArgument", "SymIntArgument",
           "TensorArgument"]


@dataclasses.dataclass
class TensorArgument:
    """A tensor, by its name in the graph."""

    name: str


@dataclasses.dataclass
class SymIntArgument:
    """An int that is not fixed; no program here has one."""

    name: str


@dataclasses.dataclass
class SymFloatArgument:
    """A float that is not fixed; no program here has one."""

    name: str


@dataclasses.dataclass
class SymBoolArgument:
    """A bool that is not fixed; no program here has one."""

    name: str


@dataclasses.dataclass
class CustomObjArgument:
    """An object of a class of one's own; no program here has one."""

    name: str
    class_fqn: str
    fake_val: Any = None


@dataclasses.dataclass
class ConstantArgument:
    """A number, string or None, which the program was recorded for."""

    name: str
    value: int | float | bool | str | None


class InputKind(enum.Enum):
    """What an input is."""

    USER_INPUT = enum.auto()
    PARAMETER = enum.auto()
    BUFFER = enum.auto()
    CONSTANT_TENSOR = enum.auto()
    CUSTOM_OBJ = enum.auto()
    TOKEN = enum.auto()


class OutputKind(enum.Enum):
    """What an output is."""

    USER_OUTPUT = enum.auto()
    LOSS_OUTPUT = enum.auto()
    BUFFER_MUTATION = enum.auto()
    PARAMETER_MUTATION = enum.auto()
    GRADIENT_TO_PARAMETER = enum.auto()
    GRADIENT_TO_USER_INPUT = enum.auto()
    USER_INPUT_MUTATION = enum.auto()
    TOKEN = enum.auto()


@dataclasses.dataclass
class InputSpec:
    """One input.

    Attributes:
        kind: what it is.
        arg: its name in the graph, or its value.
        target: the parameter's, buffer's or constant's name in the module.
        persistent: of a buffer: whether it is in the state dict.
    """

    kind: InputKind
    arg: Any
    target: str | None
    persistent: bool | None = None

    def __str__(self):
        target = "" if self.target is None else f" target='{self.target}'"
        persistent = "" if self.persistent is None else f" persistent={self.persistent}"
        return f"{self.arg.name}: {self.kind.name}{target}{persistent}"


@dataclasses.dataclass
class OutputSpec:
    """One output; ``target`` names what it is written to."""

    kind: OutputKind
    arg: Any
    target: str | None

    def __str__(self):
        target = "" if self.target is None else f" target='{self.target}'"
        return f"{self.arg.name}: {self.kind.name}{target}"


@dataclasses.dataclass
class ExportBackwardSignature:
    """How gradients come out of a graph of a whole training step; no program here has one."""

    gradients_to_parameters: dict[str, str]
    gradients_to_user_inputs: dict[str, str]
    loss_output: str


def _shown(arg):
    return arg.value if isinstance(arg, ConstantArgument) else arg.name


@dataclasses.dataclass
class ExportGraphSignature:
    """The inputs and outputs of an exported program, in order."""

    input_specs: list[InputSpec]
    output_specs: list[OutputSpec]

    def _targets(self, *kinds) -> list[str]:
        return [s.target for s in self.input_specs if s.kind in kinds]

    def _names(self, *kinds) -> Mapping[str, str]:
        return MappingProxyType({s.arg.name: s.target for s in self.input_specs if s.kind in kinds})

    def _written(self, kind) -> Mapping[str, str]:
        return MappingProxyType({s.arg.name: s.target for s in self.output_specs if s.kind is kind})

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(self._targets(InputKind.PARAMETER))

    @property
    def buffers(self) -> tuple[str, ...]:
        """Names of the buffers."""
        return tuple(self._targets(InputKind.BUFFER))

    @property
    def non_persistent_buffers(self) -> set[str]:
        """Names of the buffers that are not in the state dict."""
        return {s.target for s in self.input_specs if s.kind is InputKind.BUFFER and s.persistent is False}

    @property
    def lifted_tensor_constants(self) -> tuple[str, ...]:
        """Names of the tensors that are neither parameters nor buffers nor given."""
        return tuple(self._targets(InputKind.CONSTANT_TENSOR))

    @property
    def lifted_custom_objs(self) -> tuple[str, ...]:
        """None: programs have no objects."""
        return ()

    @property
    def user_inputs(self) -> tuple:
        """What the caller gives: names, and the values of constants."""
        return tuple(_shown(s.arg) for s in self.input_specs if s.kind is InputKind.USER_INPUT)

    @property
    def user_outputs(self) -> tuple:
        """What the caller gets: names, and the values of constants."""
        return tuple(_shown(s.arg) for s in self.output_specs
                     if s.kind in (OutputKind.USER_OUTPUT, OutputKind.LOSS_OUTPUT))

    @property
    def inputs_to_parameters(self) -> Mapping[str, str]:
        """From names in the graph to names of parameters."""
        return self._names(InputKind.PARAMETER)

    @property
    def inputs_to_buffers(self) -> Mapping[str, str]:
        """From names in the graph to names of buffers."""
        return self._names(InputKind.BUFFER)

    @property
    def inputs_to_lifted_tensor_constants(self) -> Mapping[str, str]:
        """From names in the graph to names of constants."""
        return self._names(InputKind.CONSTANT_TENSOR)

    @property
    def inputs_to_lifted_custom_objs(self) -> Mapping[str, str]:
        """Empty: programs have no objects."""
        return MappingProxyType({})

    @property
    def buffers_to_mutate(self) -> Mapping[str, str]:
        """From outputs to the buffers that they are written to."""
        return self._written(OutputKind.BUFFER_MUTATION)

    @property
    def parameters_to_mutate(self) -> Mapping[str, str]:
        """From outputs to the parameters that they are written to."""
        return self._written(OutputKind.PARAMETER_MUTATION)

    @property
    def user_inputs_to_mutate(self) -> Mapping[str, str]:
        """From outputs to the inputs that they are written to."""
        return self._written(OutputKind.USER_INPUT_MUTATION)

    @property
    def backward_signature(self) -> None:
        """None: the backward pass is not exported."""
        return None

    @property
    def assertion_dep_token(self) -> None:
        """None: there are no tokens."""
        return None

    @property
    def input_tokens(self) -> tuple:
        """Empty: there are no tokens."""
        return ()

    @property
    def output_tokens(self) -> tuple:
        """Empty: there are no tokens."""
        return ()

    def __str__(self):
        lines = ["# inputs", *map(str, self.input_specs), "", "# outputs", *map(str, self.output_specs)]
        return "\n".join(["", *lines, ""])
