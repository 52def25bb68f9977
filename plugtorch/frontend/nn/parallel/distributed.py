"""The same module in several processes, each with a part of the batch."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

from plugtorch.autograd.base import TensorBase
from plugtorch.autograd.mode import is_grad_enabled, no_grad
from plugtorch.autograd.record import edge_of
from plugtorch.frontend import distributed as dist
from plugtorch.frontend import functions as fn
from plugtorch.frontend.distributed.groups import resolve
from plugtorch.frontend.layouts import strided
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.tensor import Tensor
from plugtorch.spec import dtypes

__all__ = ["DistributedDataParallel", "GradBucket"]

_MEGABYTE = 1 << 20
_FIRST_BUCKET = _MEGABYTE
_BUCKET_MEGABYTES = 25


class GradBucket:
    """Gradients that are reduced together, for hooks that do it in their own way."""

    def __init__(self, index: int, parameters: list[Tensor]) -> None:
        self._index, self._parameters, self._last = index, parameters, False
        self._sizes = [p.numel() for p in parameters]
        self._buffer: Tensor | None = None
        self._future = None
        self._missing = len(parameters)

    def index(self) -> int:
        """Its number; buckets are reduced in this order."""
        return self._index

    def buffer(self) -> Tensor:
        """The gradients, flat, one after the other."""
        return self._buffer

    def set_buffer(self, buffer: Tensor) -> None:
        """Replaces the flat tensor."""
        self._buffer = buffer

    def _parts(self, flat):
        return [part.view(p.shape) for part, p in zip(flat.split(self._sizes), self._parameters, strict=True)]

    def gradients(self) -> list[Tensor]:
        """The gradients: views of the buffer in the parameters' shapes."""
        return self._parts(self._buffer)

    def parameters(self) -> list[Tensor]:
        """The parameters."""
        return list(self._parameters)

    def is_last(self) -> bool:
        """Whether it is the last of the iteration."""
        return self._last

    def _gather(self):
        """Fills the buffer with the gradients of this process, zeros for those that are missing."""
        self._buffer = fn.cat([fn.zeros_like(p).reshape(-1) if p.grad is None else p.grad.reshape(-1)
                               for p in self._parameters]).detach()


class DistributedDataParallel(Module):
    """Runs ``module`` on this process's part of the batch and averages gradients over all processes in ``backward``.

    Every process makes it with the same module: parameters and buffers become those of rank 0. After ``backward()`` the
    gradients are the means over the processes: with a loss that is a mean and parts of one size, those of the whole batch.
    They are reduced in buckets, in the reverse order of the parameters, while ``backward`` hands out the others.

    Args:
        module: has parameters that require gradients.
        device_ids, output_device: of a module on one GPU; None otherwise.
        broadcast_buffers: buffers become those of rank 0 before each forward.
        init_sync: parameters and buffers become those of rank 0 now.
        process_group: the processes; None is all.
        bucket_cap_mb: size of a bucket in MiB (25); the first has 1.
        find_unused_parameters: look in each forward which parameters the output does not depend on, and do not wait for
            their gradients. A parameter that no process used keeps its gradient.
        gradient_as_bucket_view, check_reduction, batched_grad_copy: accepted; gradients have memory of their own.
        static_graph: accepted; unused parameters are looked for as with ``find_unused_parameters``.

    Raises:
        ValueError: there is no process group, or devices are named for a module on the CPU.
        RuntimeError: the module has no parameter that requires gradients, or differs between processes; from forward:
            some parameters got no gradient in the iteration before.
    """

    def __init__(self, module: Module, device_ids=None, output_device=None, dim: int = 0,
                 broadcast_buffers: bool | None = None, init_sync: bool = True, process_group=None,
                 bucket_cap_mb: float | None = None, find_unused_parameters: bool = False, check_reduction: bool = False,
                 gradient_as_bucket_view: bool = False, static_graph: bool = False, delay_all_reduce_named_params=None,
                 param_to_hook_all_reduce=None, mixed_precision=None, device_mesh=None,
                 skip_all_reduce_unused_params: bool = False, bucket_cap_mb_list: list[int] | None = None,
                 batched_grad_copy: bool = False, forward_sync_buffers: bool | None = None) -> None:
        super().__init__()
        for name, value in (("delay_all_reduce_named_params", delay_all_reduce_named_params),
                            ("param_to_hook_all_reduce", param_to_hook_all_reduce), ("mixed_precision", mixed_precision),
                            ("device_mesh", device_mesh), ("bucket_cap_mb_list", bucket_cap_mb_list)):
            if value is not None:
                raise NotImplementedError(f"DistributedDataParallel does not have {name}; leave it out")
        self.process_group = resolve(process_group)
        ignored = getattr(module, "_ddp_params_and_buffers_to_ignore", ())
        self.parameters_to_ignore = set(ignored)
        self._reduced = [p for name, p in module.named_parameters() if p.requires_grad and name not in ignored]
        if not self._reduced:
            raise RuntimeError("DistributedDataParallel is not needed when a module doesn't have any parameter that "
                               "requires a gradient.")
        devices = {p.device for p in self._reduced}
        if (device_ids or output_device is not None) and any(d.type == "cpu" for d in devices):
            raise ValueError("DistributedDataParallel device_ids and output_device arguments only work with "
                             "single-device/multiple-device GPU modules or CPU modules, but got device_ids "
                             f"{device_ids}, output_device {output_device}, and module parameters {devices}.")
        self.module = module
        self.device_ids, self.output_device, self.dim = device_ids, output_device, dim
        self.broadcast_buffers = True if broadcast_buffers is None else broadcast_buffers
        if forward_sync_buffers is not None:
            self.broadcast_buffers = forward_sync_buffers
        self.find_unused_parameters, self.static_graph = find_unused_parameters, static_graph
        self.gradient_as_bucket_view = gradient_as_bucket_view
        self.bucket_bytes_cap = int((_BUCKET_MEGABYTES if bucket_cap_mb is None else bucket_cap_mb) * _MEGABYTE)
        self.require_backward_grad_sync = self.require_forward_param_sync = True
        self._comm_hook = None
        self._check_shapes()
        if init_sync:
            self._become_first(module.state_dict(keep_vars=True).values())
        self._first_cap = _FIRST_BUCKET if bucket_cap_mb is None else self.bucket_bytes_cap
        self._make_buckets()
        self._expecting = self._started = False
        self._unused: set[int] = set()
        self._handles = [p.register_post_accumulate_grad_hook(functools.partial(self._ready, i))
                         for i, p in enumerate(self._reduced)]

    def _check_shapes(self):
        """Raises unless the parameters are of the same shapes everywhere."""
        own = [list(p.shape) for p in self._reduced]
        everywhere: list[Any] = [None] * self.process_group.size()
        dist.all_gather_object(everywhere, own, group=self.process_group)
        me = self.process_group.rank()
        for rank, shapes in enumerate(everywhere):
            first, other = (shapes, rank) if me == 0 else (everywhere[0], 0)
            if len(first) != len(own):
                raise RuntimeError(f"DDP expects same model across all ranks, but Rank {me} has {len(own)} params, while "
                                   f"rank {other} has inconsistent {len(first)} params.")
            for i, (here, there) in enumerate(zip(own, first, strict=True)):
                if here != there:
                    raise RuntimeError(f"[{me}]: params[{i}] in this process with sizes {here} appears not to match sizes "
                                       f"of the same param in process {other}.")

    def _become_first(self, tensors):
        """Tensors take the values of those of the group's first process."""
        works = [dist.broadcast(t, group=self.process_group, group_src=0, async_op=True) for t in tensors
                 if isinstance(t, Tensor) and t.layout is strided]
        for work in works:
            work.wait()

    def _make_buckets(self):
        groups: list[list[Tensor]] = []
        open_ones: dict[Any, tuple[list, int]] = {}
        for p in reversed(self._reduced):
            kind = p.dtype, p.device, p._k.name
            bucket, size = open_ones.get(kind, (None, 0))
            if bucket is None:
                bucket = []
                groups.append(bucket)
            bucket.append(p)
            size += p.numel() * p.dtype.itemsize
            cap = self._first_cap if bucket is groups[0] else self.bucket_bytes_cap
            open_ones[kind] = (None, 0) if size >= cap else (bucket, size)
        self._buckets = [GradBucket(i, parameters) for i, parameters in enumerate(groups)]
        self._buckets[-1]._last = True
        places = {id(p): bucket for bucket in self._buckets for p in bucket._parameters}
        self._bucket_of = [places[id(p)] for p in self._reduced]

    # Forward

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """The module's output."""
        sync = is_grad_enabled() and self.require_backward_grad_sync
        if sync and self._started:
            missing = [i for i in range(len(self._reduced)) if i not in self._arrived]
            raise RuntimeError(
                "Expected to have finished reduction in the prior iteration before starting a new one. Some parameters were "
                "not used in producing loss, and got no gradient; pass `find_unused_parameters=True` to "
                "`torch.nn.parallel.DistributedDataParallel`, or let all outputs of `forward` take part in the loss. "
                f"Parameter indices which did not receive grad for rank {self.process_group.rank()}: "
                f"{' '.join(map(str, missing))}")
        if self.require_forward_param_sync and self.broadcast_buffers and self.module is not None:
            self._become_first(b for name, b in self.module.named_buffers() if name not in self.parameters_to_ignore)
        output = self.module(*inputs, **kwargs)
        if sync:
            self.require_forward_param_sync = True
            self._arrived: set[int] = set()
            self._next = 0
            self._expecting, self._started = True, False
            self._unused = set()
            if self.find_unused_parameters or self.static_graph:
                seen = _reached(output)
                self._unused = {i for i, p in enumerate(self._reduced) if id(p) not in seen}
        else:
            self.require_forward_param_sync = False
            self._expecting = False
        return output

    @contextlib.contextmanager
    def no_sync(self):
        """Inside, forward and backward only add to the gradients of this process; the next backward outside reduces the
        sums."""
        before = self.require_backward_grad_sync
        self.require_backward_grad_sync = False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    # Backward

    @no_grad()
    def _ready(self, index, _):
        """A parameter has its gradient."""
        if not self._expecting:
            return
        if not self._started:
            self._started = True
            for bucket in self._buckets:
                bucket._missing, bucket._future = len(bucket._parameters), None
            for i in sorted(self._unused - {index}):
                self._arrive(i)
        self._arrive(index)
        if len(self._arrived) == len(self._reduced):
            self._finish()

    def _arrive(self, index):
        if index in self._arrived:
            return
        self._arrived.add(index)
        self._bucket_of[index]._missing -= 1
        while self._next < len(self._buckets) and not self._buckets[self._next]._missing:
            bucket = self._buckets[self._next]
            self._next += 1
            if any(p.grad is not None and p.grad.layout is not strided for p in bucket._parameters):
                raise RuntimeError("DistributedDataParallel reduces dense gradients only; make embeddings with sparse=False")
            bucket._gather()
            if self._comm_hook is not None:
                state, hook = self._comm_hook
                bucket._future = hook(state, bucket)
            else:
                bucket._buffer.div_(self.process_group.size())
                bucket._future = dist.all_reduce(bucket._buffer, group=self.process_group, async_op=True).get_future()

    def _finish(self):
        """Waits for the buckets and hands out the means."""
        self._expecting = self._started = False
        used = None
        if self.find_unused_parameters or self.static_graph:
            used = fn.tensor([int(i not in self._unused) for i in range(len(self._reduced))], dtype=dtypes.int32)
            dist.all_reduce(used, group=self.process_group)
            used = used.tolist()
        kept = set() if used is None else {id(p) for p, n in zip(self._reduced, used, strict=True) if not n}
        for bucket in self._buckets:
            result = bucket._future.wait()
            flat = result[0] if isinstance(result, (list, tuple)) else result
            for p, part in zip(bucket._parameters, bucket._parts(flat), strict=True):
                if id(p) in kept:
                    continue
                if p.grad is None:
                    p.grad = part.clone()
                else:
                    p.grad.copy_(part)
            bucket._buffer = bucket._future = None

    def register_comm_hook(self, state: object, hook) -> None:
        """Reduces buckets in the user's own way.

        Args:
            hook: ``hook(state, bucket)`` returns a ``torch.futures.Future`` of the reduced flat tensor (or a list of it).
                Nothing is divided before.

        Raises:
            TypeError: ``hook`` is not callable.
            RuntimeError: there is a hook already.
        """
        if not callable(hook):
            raise TypeError("Communication hook must be callable.")
        if self._comm_hook is not None:
            raise RuntimeError("register_comm_hook or register_builtin_comm_hook can only be called once.")
        self._comm_hook = state, hook

    @staticmethod
    def _set_params_and_buffers_to_ignore_for_model(module, params_and_buffers_to_ignore):
        """Names of parameters and buffers of a module that are neither reduced nor broadcast."""
        module._ddp_params_and_buffers_to_ignore = params_and_buffers_to_ignore


def _tensors(value):
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from _tensors(getattr(value, name))


def _reached(output) -> set[int]:
    """Identities of the leaves that an output depends on."""
    seen, leaves = set(), set()
    stack = [edge_of(t) for t in _tensors(output) if t.requires_grad]
    while stack:
        edge = stack.pop()
        if edge is None:
            continue
        if isinstance(edge, TensorBase):
            leaves.add(id(edge))
        elif edge not in seen:
            seen.add(edge)
            stack.extend(edge._edges)
    return leaves
