"""Transforms of functions; names of ``torch.func``."""

from __future__ import annotations

from plugtorch.frontend.func.forward import hessian, jacfwd, jvp, linearize
from plugtorch.frontend.func.functionalization import debug_unwrap, functionalize
from plugtorch.frontend.func.modules import (
    functional_call,
    replace_all_batch_norm_modules_,
    stack_module_state,
)
from plugtorch.frontend.func.rearranging import rearrange
from plugtorch.frontend.func.reverse import grad, grad_and_value, jacrev, vjp
from plugtorch.frontend.func.vmap import vmap

__all__ = [
    "debug_unwrap", "functional_call", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp",
    "linearize", "rearrange", "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap",
]
