"""From the parameters a user gives to tensors: broadcasting, probabilities and logits, triangles, derived parameters."""

from __future__ import annotations

import functools

from plugtorch.autograd.mode import enable_grad
from plugtorch.frontend import functions as fn
from plugtorch.frontend.dispatch import is_tensor
from plugtorch.spec import dtypes

__all__ = ["broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits", "tril_matrix_to_vec",
           "vec_to_tril_matrix"]

NUMBERS = (int, float, bool)
euler_constant = 0.57721566490153286060  # Euler Mascheroni constant


def broadcast_all(*values):
    """Tensors and numbers as tensors of one shape; numbers take dtype and device of the first tensor.

    Raises:
        ValueError: a value is neither.
    """
    if not all(is_tensor(v) or isinstance(v, NUMBERS) for v in values):
        raise ValueError("Input arguments must all be instances of Number, torch.Tensor or objects implementing "
                         "__torch_function__.")
    like = next((v for v in values if is_tensor(v)), None)
    if like is None:
        values = [fn.tensor(v, dtype=fn.get_default_dtype()) for v in values]
    else:
        values = [v if is_tensor(v) else like.new_tensor(v, dtype=like.dtype) for v in values]
    return fn.broadcast_tensors(*values)


def all_numbers(*values) -> bool:
    """Whether every value is a number, which makes a distribution without batch."""
    return all(isinstance(v, NUMBERS) for v in values)


def batch_shape_of(parameter, *given):
    """The batch shape of a distribution whose broadcast parameter is ``parameter``."""
    return () if all_numbers(*given) else parameter.size()


def one_of(probs, logits) -> None:
    """Raises ValueError unless exactly one is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


def value_like(value, parameter):
    """A value, tensor or number, in the dtype of ``parameter``."""
    return value.to(parameter.dtype) if is_tensor(value) else parameter.new_tensor(value)


def normal_like(parameter, shape):
    """Standard normal values of a shape, with the dtype, the backend and the device of ``parameter``."""
    return parameter.new_empty(tuple(shape)).normal_()


def uniform_like(parameter, shape):
    """Uniform values in [0, 1) of a shape, with the dtype, the backend and the device of ``parameter``."""
    return parameter.new_empty(tuple(shape)).uniform_()


def _sum_rightmost(value, dim):
    if dim == 0:
        return value
    return value.reshape(tuple(value.shape)[:-dim] + (-1,)).sum(-1)


def clamp_probs(probs):
    """Probabilities kept off 0 and 1 by the machine epsilon of their dtype."""
    eps = fn.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def logits_to_probs(logits, is_binary=False):
    """Probabilities from log odds (``is_binary``), or from unnormalised log probabilities along the last axis."""
    return fn.sigmoid(logits) if is_binary else fn.softmax(logits, -1)


def probs_to_logits(probs, is_binary=False):
    """The inverse of :func:`logits_to_probs`, finite for every probability."""
    probs = clamp_probs(probs)
    return fn.log(probs) - fn.log1p(-probs) if is_binary else fn.log(probs)


class lazy_property:  # noqa: N801  (PyTorch's name)
    """An attribute that a method computes when it is first asked for, gradients on."""

    def __init__(self, wrapped):
        self.wrapped = wrapped
        functools.update_wrapper(self, wrapped)

    def __get__(self, instance, obj_type=None):
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


def _triangle(size, diag, like):
    """Flat positions of the lower triangle of a ``size`` x ``size`` matrix up to diagonal ``diag``, row by row."""
    return like.new_tensor([i * size + j for i in range(size) for j in range(size) if j <= i + diag], dtype=dtypes.int64)


def vec_to_tril_matrix(vec, diag=0):
    """Vectors (..., D) as lower triangles (..., N, N), filled row by row; ``diag`` 0 includes the diagonal, -1 does not."""
    entries = vec.shape[-1]
    size = round((-(1 + 2 * diag) + ((1 + 2 * diag) ** 2 + 8 * entries + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2)
    flat = vec.new_zeros((*vec.shape[:-1], size * size))
    index = _triangle(size, diag, vec).expand(vec.shape)
    return flat.scatter(-1, index, vec).reshape((*vec.shape[:-1], size, size))


def tril_matrix_to_vec(mat, diag=0):
    """Lower triangles (..., N, N) as vectors (..., D), row by row.

    Raises:
        ValueError: ``diag`` outside [-N, N).
    """
    size = mat.shape[-1]
    if not -size <= diag < size:
        raise ValueError(f"diag ({diag}) provided is outside [{-size}, {size - 1}].")
    flat = mat.reshape((*mat.shape[:-2], size * size))
    return flat.index_select(-1, _triangle(size, diag, mat))
