"""The Tensor class: construction, attributes, its place in the graph, and Python's protocols.

Most methods are attached by the modules that define the functions of the same name (see ``methods.py``), the
arithmetic operators by ``operators.py``.
"""

from __future__ import annotations

import warnings

from plugtorch.autograd.api import backward as _backward
from plugtorch.autograd.api import bind_batched_pass
from plugtorch.autograd.base import InferenceCell, TensorBase, bind_tensor_class, shown
from plugtorch.autograd.hooks import register_hook, register_post_accumulate_grad_hook, retain_grad

from .dispatch import is_tensor


class Size(tuple):
    """The shape of a tensor: a tuple of ints that prints as PyTorch's."""

    __slots__ = ()

    def numel(self) -> int:
        """The number of elements."""
        n = 1
        for size in self:
            n *= size
        return n

    def __repr__(self):
        return f"torch.Size({list(self)})"

    def __getitem__(self, index):
        got = tuple.__getitem__(self, index)
        return Size(got) if isinstance(index, slice) else got

    def __add__(self, other):
        return Size(tuple(self) + tuple(other))

    def __mul__(self, n):
        return Size(tuple(self) * n)

    __rmul__ = __mul__

    def __reduce__(self):
        return Size, (tuple(self),)


class Tensor(TensorBase):
    """A multi-dimensional array with a dtype, a device and, if wanted, a gradient.

    ``Tensor(2, 3)`` makes uninitialised floats of that shape, ``Tensor([[1, 2]])`` a float copy of data;
    :func:`plugtorch.tensor` is the usual constructor.
    """

    __slots__ = ()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "_stale" not in cls.__dict__ and "_spoiled" not in cls.__dict__:
            from .overrides import adopt

            adopt(cls)

    def __new__(cls, *args, device=None):
        from .creation import legacy_tensor

        return legacy_tensor(cls, args, device)

    # -- what it is ---------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The sizes of its dimensions."""
        return Size(self._a.shape)

    def size(self, dim=None):
        """The shape, or the size of one dimension."""
        if dim is None:
            return Size(self._a.shape)
        shape = self._a.shape
        if not -len(shape) <= dim < len(shape):
            from .dispatch import normalize_axis

            if not shape:
                raise IndexError("Dimension specified as 0 but tensor has no dimensions")
            normalize_axis(dim, len(shape))
        return shape[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self._a.shape)

    ndimension = dim

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._a.shape)

    def numel(self) -> int:
        """The number of elements."""
        n = 1
        for size in self._a.shape:
            n *= size
        return n

    nelement = numel

    @property
    def dtype(self):
        """The element type."""
        return self._k.dtype_of(self._a)

    @property
    def device(self):
        """Where the elements live."""
        return self._k.device_of(self._a)

    @property
    def backend(self) -> str:
        """The name of the backend that holds it."""
        return self._k.name

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.numel() * self.dtype.itemsize

    def element_size(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    def is_floating_point(self) -> bool:
        """Whether the dtype is a floating one."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        """Whether the dtype has negative numbers."""
        return self.dtype.is_signed

    def is_inference(self) -> bool:
        """Whether it was made in inference mode."""
        return type(self._cell) is InferenceCell

    # -- its place in the graph ---------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients for it are computed; may be set on leaves."""
        return self._req

    @requires_grad.setter
    def requires_grad(self, value):
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True):
        """Sets ``requires_grad`` of a leaf in place.

        Raises:
            RuntimeError: the dtype has no gradients, or a non-leaf is to stop requiring grad.
        """
        if not isinstance(requires_grad, bool):
            raise TypeError(f"requires_grad_(): argument 'requires_grad' (position 1) must be bool, not "
                            f"{type(requires_grad).__name__}")
        if requires_grad:
            if not self.dtype.differentiable:
                raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
            if type(self._cell) is InferenceCell:
                raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not "
                                   "allowed.")
        elif self._node is not None:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in "
                "a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        self._req = bool(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether the user made it, rather than a recorded op."""
        return self._node is None

    @property
    def grad_fn(self):
        """The node that made it, or None."""
        node = self._node
        if node is None:
            return None
        return shown(node._edges[0] if node._plan.is_slot else node)

    @property
    def output_nr(self) -> int:
        """Which of the results of its node it is."""
        node = self._node
        return node.extra if node is not None and node._plan.is_slot else 0

    @property
    def grad(self):
        """The gradient gathered by backward passes, or None. Only leaves gather one, and what ``retain_grad`` was
        called on."""
        g = self._grad
        if g is None and self._req and self._node is not None and not self.retains_grad:
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't "
                "be populated during autograd.backward(). If you indeed want the .grad field to be populated for a "
                "non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by "
                "mistake, make sure you access the leaf Tensor instead.", UserWarning, stacklevel=2)
        return g

    @grad.setter
    def grad(self, value):
        if value is not None:
            if not is_tensor(value):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type "
                                f"{type(value).__name__}")
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if tuple(value._a.shape) != tuple(self._a.shape):
                raise RuntimeError(f"assigned grad has data of a different size: got {list(value._a.shape)}, expected "
                                   f"{list(self._a.shape)}")
            if value.dtype is not self.dtype:
                raise RuntimeError(f"assigned grad has data of a different type: got {value.dtype!r}, expected "
                                   f"{self.dtype!r}")
        self._grad = value

    @grad.deleter
    def grad(self):
        self._grad = None

    @property
    def _version(self) -> int:
        if type(self._cell) is InferenceCell:
            raise RuntimeError("Inference tensors do not track version counter.")
        return 0 if self._cell is None else self._cell[0]

    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
        """Adds this tensor's gradients to the leaves of its graph; see :func:`plugtorch.autograd.backward`."""
        _backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    register_hook = register_hook
    register_post_accumulate_grad_hook = register_post_accumulate_grad_hook
    retain_grad = retain_grad

    @property
    def retains_grad(self) -> bool:
        """Whether a non-leaf keeps its gradient."""
        node = self._node
        return node is not None and node._hooks is not None and node._hooks.retain is not None

    # -- Python's protocols --------------------------------------------------

    __hash__ = object.__hash__

    def __len__(self):
        shape = self._a.shape
        if not shape:
            raise TypeError("len() of a 0-d tensor")
        return shape[0]

    def __bool__(self):
        n = self.numel()
        if n != 1:
            raise RuntimeError("Boolean value of Tensor with " + ("no values" if n == 0 else "more than one value")
                               + " is ambiguous")
        return bool(self.item())

    def _number(self):
        """The only element, for Python's conversions.

        Raises:
            ValueError: there are several, or none.
        """
        if self.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self.item()

    def __int__(self):
        value = self._number()
        if isinstance(value, complex):
            raise RuntimeError("value cannot be converted to type int64_t without overflow")
        return int(value)

    def __float__(self):
        value = self._number()
        if isinstance(value, complex):
            raise RuntimeError("value cannot be converted to type double without overflow")
        return float(value)

    def __complex__(self):
        return complex(self._number())

    def __index__(self):
        if self.dtype.category > 1 or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __contains__(self, element):
        if not is_tensor(element) and not isinstance(element, (bool, int, float, complex)):
            raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")
        return bool((self == element).any())

    def __reversed__(self):
        return self.flip(0) if self._a.shape else self

    def __format__(self, spec):
        if not self._a.shape:
            return self.item().__format__(spec)
        return object.__format__(self, spec)

    def __repr__(self, *, tensor_contents=None):
        from .printing import tensor_repr

        return tensor_repr(self, tensor_contents)


def _batched_pass(*args):
    from plugtorch.transforms.gradients import batched_gradients

    return batched_gradients(*args)


bind_tensor_class(Tensor)
bind_batched_pass(_batched_pass)
Tensor.__module__ = "plugtorch"  # where users find it
