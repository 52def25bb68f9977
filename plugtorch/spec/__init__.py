"""The contract between the frontend and an array library: dtypes, devices, ops, backends, plugins.

Imports nothing of the project outside itself.
"""

from .backend import Abstract, AbstractBackend, Backend, infer
from .device import Device
from .dtypes import DType
from .fallback import HostFallbackWarning, OpUnsupported
from .op import OPS, SPEC_VERSION, Op
from .registry import BackendUnavailable, PluginWarning, backend_names, describe, load_backend, register_plugin

__all__ = [
    "OPS", "SPEC_VERSION", "Abstract", "AbstractBackend", "Backend", "BackendUnavailable", "DType", "Device",
    "HostFallbackWarning", "Op", "OpUnsupported", "PluginWarning", "backend_names", "describe", "infer", "load_backend",
    "register_plugin",
]
