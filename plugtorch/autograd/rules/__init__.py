"""One gradient rule per differentiable op, beside the ops declared without one."""

from . import (  # noqa: F401
    attention,
    elementwise,
    fourier,
    half,
    index,
    linalg,
    nn,
    norm,
    recurrent,
    reduction,
    shape,
    sparse,
)
