"""Types for annotations; names of ``torch.types``."""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from typing import IO, Any, TypeAlias

from .frontend.functions import Size, Tensor, device, dtype, layout
from .frontend.functions import UntypedStorage as Storage
from .frontend.symbolic import SymBool, SymFloat, SymInt

Number: TypeAlias = int | float | bool
PySymType: TypeAlias = SymInt | SymFloat | SymBool
Device: TypeAlias = device | str | int | None
FileLike: TypeAlias = str | os.PathLike | IO[bytes]
TensorOrTensors: TypeAlias = Tensor | Sequence[Tensor]
_TensorOrTensors: TypeAlias = TensorOrTensors
_TensorOrTensorsOrGradEdge: TypeAlias = Any
_dtype, _device, _layout, _size = dtype, device, layout, Size | list[int] | tuple[int, ...]
_int, _float, _bool, _complex = builtins.int, builtins.float, builtins.bool, builtins.complex
IntLikeType: TypeAlias = int | SymInt
FloatLikeType: TypeAlias = float | SymFloat
BoolLikeType: TypeAlias = bool | SymBool
py_sym_types = (SymInt, SymFloat, SymBool)

__all__ = ["Device", "FileLike", "Number", "Storage"]
