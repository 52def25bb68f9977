"""``torch.distributed.rendezvous``, the module."""

from plugtorch.frontend.distributed import register_rendezvous_handler, rendezvous

__all__ = ["register_rendezvous_handler", "rendezvous"]
