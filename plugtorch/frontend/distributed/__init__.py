# ruff: noqa: F401  (the imports are the module)
"""Programs of several processes: stores, groups, collectives and messages, over TCP and in pure Python."""

from __future__ import annotations

from .collectives import *  # noqa: F403
from .collectives import __all__ as _collectives
from .debug import *  # noqa: F403
from .debug import __all__ as _debug
from .errors import *  # noqa: F403
from .errors import __all__ as _errors
from .file_store import FileStore
from .groups import *  # noqa: F403
from .groups import __all__ as _groups
from .objects import *  # noqa: F403
from .objects import __all__ as _objects
from .point_to_point import *  # noqa: F403
from .point_to_point import __all__ as _point_to_point
from .process_group import ProcessGroup, ProcessGroupGloo
from .reduce_op import ReduceOp, supports_complex
from .rendezvous import register_rendezvous_handler, rendezvous
from .store import HashStore, PrefixStore, Store
from .tcp_store import TCPStore
from .work import Work

_all_gather_base = all_gather_into_tensor  # noqa: F405
_reduce_scatter_base = reduce_scatter_tensor  # noqa: F405

__all__ = sorted({
    *_collectives, *_debug, *_errors, *_groups, *_objects, *_point_to_point, "FileStore", "HashStore", "PrefixStore",
    "ProcessGroup", "ProcessGroupGloo", "ReduceOp", "Store", "TCPStore", "Work", "register_rendezvous_handler",
    "rendezvous", "supports_complex",
})
