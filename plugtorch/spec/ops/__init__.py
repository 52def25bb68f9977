"""Every op of the contract, one module per family. Importing this package declares them all."""

from . import (  # noqa: F401
    activation,
    attention,
    creation,
    elementwise,
    fourier,
    index,
    linalg,
    math,
    nn,
    norm,
    recurrent,
    reduction,
    shape,
    sparse,
    statistics,
    views,
)
