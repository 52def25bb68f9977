"""One gradient rule per differentiable op, beside the ops declared without one."""

from . import elementwise, index, linalg, nn, norm, recurrent, reduction, shape  # noqa: F401
