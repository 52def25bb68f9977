"""Operations as modules, so that their results can be observed."""

from __future__ import annotations

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn.modules.linear import Identity
from plugtorch.frontend.nn.modules.module import Module

from . import operations
from .utils import observed_scale

__all__ = ["FXFloatFunctional", "FloatFunctional", "QFunctional"]

_NO_FORWARD = "{} is not intended to use the 'forward'. Please use the underlying operation"


class FXFloatFunctional(Module):
    """Operations on floats, not observed."""

    def forward(self, x):
        raise RuntimeError(_NO_FORWARD.format("FloatFunctional"))

    def add(self, x, y):
        """``x + y``."""
        return fn.add(x, y)

    def add_scalar(self, x, y):
        """``x + y`` of a tensor and a number."""
        return fn.add(x, y)

    def mul(self, x, y):
        """``x y``."""
        return fn.mul(x, y)

    def mul_scalar(self, x, y):
        """``x y`` of a tensor and a number."""
        return fn.mul(x, y)

    def cat(self, x, dim=0):
        """Tensors joined along a dimension."""
        return fn.cat(x, dim=dim)

    def add_relu(self, x, y):
        """``relu(x + y)``."""
        return F.relu(fn.add(x, y))

    def matmul(self, x, y):
        """The matrix product."""
        return fn.matmul(x, y)


class FloatFunctional(FXFloatFunctional):
    """Operations on floats whose results ``prepare`` observes; one object for each place in a model. Those with a number are
    not observed: the scale of their results follows from that of the tensor. ``convert`` makes a :class:`QFunctional`."""

    def __init__(self):
        super().__init__()
        self.activation_post_process = Identity()

    def add(self, x, y):
        """``x + y``, observed."""
        return self.activation_post_process(super().add(x, y))

    def mul(self, x, y):
        """``x y``, observed."""
        return self.activation_post_process(super().mul(x, y))

    def cat(self, x, dim=0):
        """Tensors joined along a dimension, observed."""
        return self.activation_post_process(super().cat(x, dim))

    def add_relu(self, x, y):
        """``relu(x + y)``, observed."""
        return self.activation_post_process(super().add_relu(x, y))

    def matmul(self, x, y):
        """The matrix product, observed."""
        return self.activation_post_process(super().matmul(x, y))


class QFunctional(Module):
    """Operations on quantised tensors, computed in float32 and quantised.

    Attributes:
        scale, zero_point: of the results.
    """

    def __init__(self):
        super().__init__()
        self.scale, self.zero_point = 1.0, 0
        self.activation_post_process = Identity()

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "scale"] = fn.tensor(self.scale)
        destination[prefix + "zero_point"] = fn.tensor(self.zero_point)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        self.scale = float(state_dict.pop(prefix + "scale"))
        self.zero_point = int(state_dict.pop(prefix + "zero_point"))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)

    def _get_name(self):
        return "QFunctional"

    def extra_repr(self):
        return f"scale={self.scale}, zero_point={self.zero_point}"

    def forward(self, x):
        raise RuntimeError(_NO_FORWARD.format("Functional"))

    def add(self, x, y):
        """``x + y``."""
        return self.activation_post_process(operations.add(x, y, self.scale, self.zero_point))

    def add_scalar(self, x, y):
        """``x + y`` of a tensor and a number, with a scale that follows from the tensor's."""
        return operations.add_scalar(x, y)

    def mul(self, x, y):
        """``x y``."""
        return self.activation_post_process(operations.mul(x, y, self.scale, self.zero_point))

    def mul_scalar(self, x, y):
        """``x y`` of a tensor and a number, with a scale that follows from the tensor's."""
        return operations.mul_scalar(x, y)

    def cat(self, x, dim=0):
        """Tensors joined along a dimension."""
        return self.activation_post_process(operations.cat(x, self.scale, self.zero_point, dim))

    def add_relu(self, x, y):
        """``relu(x + y)``."""
        return self.activation_post_process(operations.add_relu(x, y, self.scale, self.zero_point))

    def matmul(self, x, y):
        """The matrix product."""
        return operations.matmul(x, y, self.scale, self.zero_point)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """One with the scale that an observer chose.

        Raises:
            AssertionError: another class.
        """
        if type(mod) is not FloatFunctional:
            raise AssertionError("QFunctional.from_float expects an instance of FloatFunctional, got "
                                 f"{type(mod).__name__}")
        made = QFunctional()
        made.scale, made.zero_point = observed_scale(mod)
        return made
