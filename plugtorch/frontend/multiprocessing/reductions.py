"""Tensors on their way through queues and pipes: by value, with the name of their backend."""

from __future__ import annotations

from multiprocessing.reduction import ForkingPickler

from plugtorch.frontend.nn.parameter import Parameter
from plugtorch.frontend.tensor import Tensor

__all__ = ["init_reductions", "reduce_tensor"]

_PROTOCOL = 4


def reduce_tensor(tensor: Tensor) -> tuple:
    """What pickles make of a tensor.

    Raises:
        RuntimeError: it is a result that requires gradients: its history cannot leave the process.
    """
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not "
            "support crossing process boundaries.  If you just want to transfer the data, call detach() on the "
            "tensor before serializing (e.g., putting it on the queue)."
        )
    return tensor.__reduce_ex__(_PROTOCOL)


def init_reductions() -> None:
    """Lets queues and pipes of ``multiprocessing`` check the tensors that go through them."""
    for kind in (Tensor, Parameter):
        ForkingPickler.register(kind, reduce_tensor)
