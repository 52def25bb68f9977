"""Public path of parameters as one vector."""

from __future__ import annotations

from plugtorch.frontend.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters

__all__ = [
    "parameters_to_vector",
    "vector_to_parameters",
]
