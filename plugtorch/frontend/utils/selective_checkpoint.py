"""Selective checkpointing: of a checkpointed part, the results of chosen functions are kept, and the rest is computed again
(Korthikanti et al., "Reducing Activation Recomputation in Large Transformer Models", 2022)."""

from __future__ import annotations

import enum
from collections import defaultdict, deque

from plugtorch.autograd.graph import saved_tensors_hooks
from plugtorch.frontend import pytree
from plugtorch.frontend.not_offered import REFUSED, message, refused_class, refused_function
from plugtorch.frontend.overrides import TorchFunctionMode
from plugtorch.frontend.tensor import Tensor

__all__ = ["CheckpointPolicy", "GraphExecGroup", "LoggingTensorMode", "SAC_IGNORED_OPS", "SelectiveCheckpointContext",
           "capture_logs", "create_selective_checkpoint_contexts"]


class CheckpointPolicy(enum.Enum):
    """What is done with the result of a function in a checkpointed part: kept, or computed again. PREFER and MUST are the
    same here, as no compiler decides."""

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


_SAVED = (CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE)
_OFFLOADED = (CheckpointPolicy.MUST_CPU_OFFLOAD, CheckpointPolicy.PREFER_CPU_OFFLOAD)
# Functions about a tensor rather than its values, of which a policy is not asked.
SAC_IGNORED_OPS = frozenset({"detach", "detach_", "size", "stride", "storage_offset", "dim", "numel", "is_contiguous",
                             "requires_grad_", "get_device", "is_floating_point", "is_complex", "__len__", "data_ptr"})


class SelectiveCheckpointContext:
    """What a policy is told.

    Attributes:
        is_recompute: whether the part is being run again.
        op_output: the function's result, in the first run if it is known.
    """

    def __init__(self, *, is_recompute: bool, op_output=None):
        self.is_recompute, self.op_output = is_recompute, op_output


class GraphExecGroup:
    """Checkpointed parts whose backward passes may share what was computed again; they are run one by one here."""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return None


def _name(op) -> str:
    """The name of a function, or of an op such as ``torch.ops.aten.mm.default``, without its overload."""
    plain = getattr(op, "__name__", None) or str(op)
    plain = plain.rpartition("::")[2]
    first = plain.split(".")
    return next((part for part in first if part not in ("aten", "default")), plain).strip("_")


class _Kept:
    """The results kept by one call of the part."""

    def __init__(self, policy, mutation):
        self.policy, self.mutation = policy, mutation
        self.results = defaultdict(deque)

    def wanted(self, func, recompute, args, kwargs):
        if func.__name__ in SAC_IGNORED_OPS:
            return False
        found = self.policy(SelectiveCheckpointContext(is_recompute=recompute), func, *args, **kwargs)
        if isinstance(found, bool):
            return found
        if found in _OFFLOADED:
            raise NotImplementedError(message("utils.checkpoint.CheckpointPolicy", "results are kept where they are, not "
                                              "offloaded: use MUST_SAVE, or torch.autograd.graph.save_on_cpu"))
        return found in _SAVED


def _same(t):
    return t


class _FirstRun(TorchFunctionMode):
    """Keeps the chosen results; their nodes keep what they need themselves."""

    def __init__(self, kept):
        self.kept = kept

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not self.kept.wanted(func, False, args, kwargs):
            return func(*args, **kwargs)
        with saved_tensors_hooks(_same, _same):
            out = func(*args, **kwargs)
        versions = [(t, t._version) for t in pytree.tree_leaves(out) if isinstance(t, Tensor)]
        self.kept.results[func.__name__].append((out, versions))
        return out


class _SecondRun(TorchFunctionMode):
    """Gives the kept results in the place of calls."""

    def __init__(self, kept):
        self.kept = kept

    def __enter__(self):
        self.left = {name: deque(results) for name, results in self.kept.results.items()}
        return super().__enter__()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not self.kept.wanted(func, True, args, kwargs):
            return func(*args, **kwargs)
        if not self.left.get(func.__name__):
            raise RuntimeError(f"{func.__name__} encountered during backward, but not found in storage")
        out, versions = self.left[func.__name__].popleft()
        if not self.kept.mutation and any(t._version != v for t, v in versions):
            raise RuntimeError("Tensor cached during selective activation checkpoint has been mutated")
        return pytree.tree_map(
            lambda t: t.detach().requires_grad_(t.requires_grad) if isinstance(t, Tensor) else t, out)


def create_selective_checkpoint_contexts(policy_fn_or_list, allow_cache_entry_mutation: bool = False):
    """The two contexts for ``checkpoint(..., use_reentrant=False, context_fn=...)`` that keep chosen results.

    Args:
        policy_fn_or_list: ``policy(ctx, function, *args, **kwargs)``, which gives a :class:`CheckpointPolicy` (or True for
            keeping) of each public function or method of tensors that the part calls, or a list of functions or ops to
            keep the results of. It must answer alike in both runs.
        allow_cache_entry_mutation: kept results may be written in place later, and are used as they are then.

    Raises:
        TypeError: neither.
    """
    if isinstance(policy_fn_or_list, (list, tuple, set, frozenset)):
        names = {_name(op) for op in policy_fn_or_list}

        def policy(ctx, op, *args, **kwargs):
            return CheckpointPolicy.MUST_SAVE if op.__name__.strip("_") in names else CheckpointPolicy.PREFER_RECOMPUTE
    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    kept = _Kept(policy, allow_cache_entry_mutation)
    return _FirstRun(kept), _SecondRun(kept)


_LOGS = "it logs the kernels that PyTorch's dispatcher runs; use torch.profiler, or torch.overrides.TorchFunctionMode"
LoggingTensorMode = refused_class("utils.checkpoint.LoggingTensorMode", _LOGS)
capture_logs = refused_function("utils.checkpoint.capture_logs", _LOGS)
REFUSED["utils.checkpoint.CheckpointPolicy.MUST_CPU_OFFLOAD"] = "results are kept where they are: use save_on_cpu"
