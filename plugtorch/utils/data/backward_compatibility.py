"""What programs for older versions call; names of ``torch.utils.data.backward_compatibility``."""

from __future__ import annotations

import warnings


def worker_init_fn(worker_id: int) -> None:
    """Does nothing: the loader itself deals the items of data pipes out to its workers."""
    warnings.warn("Usage of `backward_compatibility.worker_init_fn` is deprecated as `DataLoader` automatically applies "
                  "sharding in every worker", FutureWarning, stacklevel=2)
