"""The job of this process, and its groups."""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from datetime import timedelta

from plugtorch.spec.device import Device

from . import algorithms
from .mesh import Mesh
from .process_group import ProcessGroup
from .rendezvous import rendezvous
from .store import PrefixStore, Store

__all__ = [
    "Backend", "GroupMember", "default_pg_timeout", "destroy_process_group", "get_backend", "get_backend_config",
    "get_default_backend_for_device", "get_global_rank", "get_group_rank", "get_node_local_rank", "get_pg_count",
    "get_process_group_ranks", "get_rank", "get_world_size", "group", "init_process_group", "is_available",
    "is_backend_available", "is_gloo_available", "is_initialized", "is_mpi_available", "is_nccl_available",
    "is_torchelastic_launched", "is_ucc_available", "is_xccl_available", "new_group", "new_subgroups",
    "new_subgroups_by_enumeration",
]

default_pg_timeout = timedelta(minutes=30)


class Backend(str):
    """The name of a backend, in lower case; ``gloo`` is the one there is."""

    UNDEFINED = "undefined"
    GLOO = "gloo"
    NCCL = "nccl"
    XCCL = "xccl"
    UCC = "ucc"
    MPI = "mpi"
    FAKE = "fake"
    backend_list = [UNDEFINED, GLOO, NCCL, XCCL, UCC, MPI, FAKE]

    def __new__(cls, name: str):
        if not isinstance(name, str):
            raise ValueError("Backend constructor parameter must be string-ish")
        return name.lower()


class _NonGroupMember(int):
    """What ``new_group`` returns to a process that is no member; a number, as PyTorch's -100."""


class _World:
    """What this process knows of its job."""

    def __init__(self):
        self.default: ProcessGroup | None = None
        self.groups: list[ProcessGroup] = []
        self.mesh: Mesh | None = None
        self.store: Store | None = None
        self.owns_store = False
        self.made = 0


_world = _World()


class _WorldProperty(type):
    @property
    def WORLD(cls) -> ProcessGroup | None:  # noqa: N802  (PyTorch's name)
        """The group of all processes; None before ``init_process_group``."""
        return _world.default


class group(metaclass=_WorldProperty):  # noqa: N801
    """``group.WORLD`` is the group of all processes."""


class GroupMember(metaclass=_WorldProperty):
    """``GroupMember.NON_GROUP_MEMBER`` stands for a group that this process is no member of."""

    NON_GROUP_MEMBER = _NonGroupMember(-100)


def is_available() -> bool:
    """True: the package is part of every installation."""
    return True


def is_initialized() -> bool:
    """Whether the group of all processes is there."""
    return _world.default is not None


def is_gloo_available() -> bool:
    """True: what is named so is part of this package."""
    return True


def is_nccl_available() -> bool:
    """False."""
    return False


def is_mpi_available() -> bool:
    """False."""
    return False


def is_ucc_available() -> bool:
    """False."""
    return False


def is_xccl_available() -> bool:
    """False."""
    return False


def is_backend_available(backend: str) -> bool:
    """Whether groups of that backend can be made."""
    return backend.lower() == Backend.GLOO


def is_torchelastic_launched() -> bool:
    """Whether this process was started by an elastic launcher, which sets ``TORCHELASTIC_RUN_ID``."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def _check_backend(backend) -> None:
    """Raises unless groups of a backend, or of several by device, can be made.

    Raises:
        RuntimeError: it is one that needs other libraries.
        ValueError: there is no such backend.
    """
    if backend is None:
        return
    for part in str(backend).lower().split(","):
        _, _, name = part.rpartition(":")
        if name in (Backend.GLOO, Backend.UNDEFINED) or (name == Backend.NCCL and part.startswith("cuda:")):
            continue  # nccl for cuda beside another for cpu is only looked at when it is used
        if name == Backend.NCCL:
            raise RuntimeError("ProcessGroupNCCL is only supported with GPUs, no GPUs found!")
        if name == Backend.MPI:
            raise RuntimeError("Distributed package doesn't have MPI built in. MPI is only included if you build PyTorch "
                               "from source on a host that has MPI installed.")
        if name in Backend.backend_list:
            raise RuntimeError(f"Distributed package doesn't have {name.upper()} built in")
        raise AssertionError(f"Unknown backend type {name}")


def init_process_group(backend: str | None = None, init_method: str | None = None, timeout: timedelta | None = None,
                       world_size: int = -1, rank: int = -1, store: Store | None = None, group_name: str = "",
                       pg_options=None, device_id=None, _ranks: list[int] | None = None) -> None:
    """Joins this process with the others of its job; returns when all have come.

    Every process listens on a port of its own, and connections are made when first used. Collectives are as of Gloo, on
    any backend's tensors: device arrays go over the host.

    Args:
        backend: ``"gloo"``, also by device (``"cpu:gloo,cuda:gloo"``).
        init_method: where the processes meet: ``"env://"`` (the variables MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE;
            the default), ``"tcp://HOST:PORT"`` or ``"file:///PATH"``.
        timeout: of each operation; 30 minutes.
        world_size, rank: how many processes there are, and which this one is.
        store: where they meet, in place of ``init_method``.
        group_name, pg_options: accepted.
        device_id: the device that the group is bound to.

    Raises:
        ValueError: there is a group already, or a part of what is needed is missing.
        RuntimeError: there is no such backend, or the others did not come in time.
    """
    if _world.default is not None:
        raise ValueError("trying to initialize the default process group twice!")
    assert store is None or init_method is None, "Cannot specify both init_method and store."
    _check_backend(backend)
    timeout = default_pg_timeout if timeout is None else timeout
    if not isinstance(timeout, timedelta):
        raise TypeError(f"Expected timeout argument to be of type datetime.timedelta, got {timeout}")
    owns = store is None
    if store is None:
        store, rank, world_size = next(iter(rendezvous(init_method or "env://", rank, world_size, timeout=timeout)))
        store.set_timeout(timeout)
    else:
        assert world_size > 0, "world_size must be positive if using store"
        assert rank >= 0, "rank must be non-negative if using store"
    if not 0 <= rank < world_size:
        raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {world_size - 1}]")
    mesh = Mesh(PrefixStore(f"mesh/{group_name or 'default'}", store), rank, world_size, timeout.total_seconds())
    made = ProcessGroup(mesh, list(range(world_size)), "0", timeout, "default_pg")
    made.bound_device_id = None if device_id is None else Device(device_id)
    try:
        # Nobody needs the store any more when all have come.
        made.run(made.round("barrier"), algorithms.barrier, [], False)
    except BaseException:
        mesh.close()
        raise
    _world.default, _world.mesh, _world.store, _world.owns_store = made, mesh, store, owns
    _world.groups, _world.made = [made], 1


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """Leaves a group; without one, or with that of all processes, the job, whose connections end."""
    if group == GroupMember.NON_GROUP_MEMBER:
        return
    chosen = _world.default if group is None else group
    assert chosen is not None, "Process group cannot be None"
    if chosen not in _world.groups:
        raise ValueError("Invalid process group specified or has been destroyed.")
    if chosen is not _world.default:
        _world.groups.remove(chosen)
        chosen.close()
        return
    for member in _world.groups:
        member.close()
    _world.mesh.close()
    store, owns = _world.store, _world.owns_store
    _world.__init__()
    if owns and hasattr(store, "close"):
        with contextlib.suppress(OSError):
            store.close()


def default_group() -> ProcessGroup:
    """The group of all processes.

    Raises:
        ValueError: there is none yet.
    """
    if _world.default is None:
        raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")
    return _world.default


def is_outside(group) -> bool:
    """Whether this process is no member of a group."""
    return group is not None and type(group) is _NonGroupMember


def warn_outside(name: str) -> None:
    """Warns that a call does nothing here."""
    warnings.warn(f"Running {name} on global rank {get_rank()} which does not belong to the given group.", stacklevel=3)


def resolve(group) -> ProcessGroup:
    """A group that this process is a member of; None is that of all processes.

    Raises:
        ValueError: there is no such group.
    """
    if group is None:
        return default_group()
    if group not in _world.groups:
        raise ValueError(f"Process group {group} is not initialized in the world group map. Please initialize the group "
                         "first.")
    return group


def root(group: ProcessGroup, rank, group_rank, *, required: bool = True) -> int | None:
    """The rank in a group of what is named by the job's rank, or by the group's.

    Raises:
        ValueError: both are given, or none, or it is no member.
    """
    if group_rank is not None:
        if rank is not None:
            raise ValueError("Can't specify both group_rank and global_rank")
        found = group_rank
    elif rank is not None:
        found = rank if group is _world.default else get_group_rank(group, rank)
    elif required:
        raise ValueError("Must specify global_rank or group_rank")
    else:
        return None
    return found


def get_rank(group: ProcessGroup | None = None) -> int:
    """This process's rank in a group; -1 if it is no member.

    Raises:
        ValueError: there is no group yet.
    """
    return -1 if is_outside(group) else resolve(group).rank()


def get_world_size(group: ProcessGroup | None = None) -> int:
    """How many members a group has; -1 if this process is none of them.

    Raises:
        ValueError: there is no group yet.
    """
    return -1 if is_outside(group) else resolve(group).size()


def get_backend(group: ProcessGroup | None = None) -> Backend:
    """The backend's name: ``"gloo"``.

    Raises:
        ValueError: there is no group yet, or this process is no member.
    """
    if is_outside(group):
        raise ValueError("Invalid process group specified")
    return Backend(resolve(group).name())


def get_backend_config(group: ProcessGroup | None = None) -> str:
    """The backends' names by device."""
    return ",".join(f"{device}:{resolve(group).name()}" for device in ("cpu", "cuda"))


def get_default_backend_for_device(device) -> str:
    """The backend that a group gets for tensors of a device."""
    Device(device)
    return Backend.GLOO


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """The job's rank of a member of a group.

    Raises:
        ValueError: the group has no such rank, or is not there.
    """
    if group is _world.default:
        return group_rank
    ranks = resolve(group)._ranks
    if not 0 <= group_rank < len(ranks):
        raise ValueError(f"Group rank {group_rank} is not part of group {group}")
    return ranks[group_rank]


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """The rank in a group of one of the job's processes.

    Raises:
        ValueError: it is no member, or the group is not there.
    """
    if group is _world.default:
        return global_rank
    ranks = resolve(group)._ranks
    if global_rank not in ranks:
        raise ValueError(f"Global rank {global_rank} is not part of group {group}")
    return ranks.index(global_rank)


def get_process_group_ranks(group: ProcessGroup | None) -> list[int]:
    """The job's ranks of the members of a group, in the group's order."""
    return list(resolve(group)._ranks)


def get_pg_count() -> int:
    """How many groups have been made."""
    return _world.made


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """This process's number on its machine, from the variable LOCAL_RANK.

    Raises:
        RuntimeError: it is not set, and no ``fallback_rank`` is given.
    """
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is not None:
        return int(fallback_rank)
    raise RuntimeError("LOCAL_RANK is not in the environment. Consider passing fallback_rank to allow "
                       "`get_node_local_rank` to work, assuming you are not running in a multi-device context and want "
                       "the code to run locally instead.")


def new_group(ranks=None, timeout: timedelta | None = None, backend: str | None = None, pg_options=None,
              use_local_synchronization: bool = False, group_desc: str | None = None, device_id=None,
              sort_ranks: bool = True):
    """A group of some of the job's processes. All processes must call it, members or not, in the same order; with
    ``use_local_synchronization`` only the members.

    Args:
        ranks: the job's ranks of the members; None is all.
        sort_ranks: order the members by their ranks; otherwise as given.

    Returns:
        The group, or ``GroupMember.NON_GROUP_MEMBER`` to a process that is no member.

    Raises:
        ValueError: a rank is given twice or is none of the job's.
        RuntimeError: there is no such backend.
    """
    world = default_group()
    _check_backend(backend)
    if ranks is None:
        chosen = list(range(world.size()))
    else:
        chosen = sorted(ranks) if sort_ranks else list(ranks)
        if len(chosen) > world.size():
            raise ValueError("the new group's world size should be less or equal to the world size set by "
                             "init_process_group")
        if len(set(chosen)) != len(chosen):
            raise ValueError(f"ranks list must not contain duplicate entries, got {chosen}")
        if not all(0 <= r < world.size() for r in chosen):
            raise ValueError("The new group's rank should be within the world_size set by init_process_group")
    if use_local_synchronization:
        # Only members count these, so that each set of members has a count of its own.
        start = hashlib.sha256(",".join(map(str, chosen)).encode()).hexdigest()
        name = f"{start}:{sum(g.group_name.startswith(start) for g in _world.groups)}"
    else:
        name = str(_world.made)
        _world.made += 1
    if world.rank() not in chosen:
        return GroupMember.NON_GROUP_MEMBER
    made = ProcessGroup(_world.mesh, chosen, name, timeout or world._timeout, group_desc or "undefined")
    made.bound_device_id = None if device_id is None else Device(device_id)
    _world.groups.append(made)
    return made


def new_subgroups(group_size: int | None = None, group: ProcessGroup | None = None, timeout: timedelta | None = None,
                  backend: str | None = None, pg_options=None, group_desc: str | None = None):
    """Groups of ``group_size`` consecutive members each; returns this process's one, and all of them.

    Raises:
        ValueError: the group's size is no multiple of ``group_size``, or that is missing.
    """
    members = get_process_group_ranks(group)
    if group_size is None:
        raise ValueError("group_size must be given: there are no GPUs whose number it could be")
    if group_size <= 0:
        raise ValueError(f"The arg 'group_size' ({group_size}) must be positive")
    if group_size > len(members):
        raise ValueError(f"The arg 'group_size' ({group_size}) must not exceed the world size ({len(members)})")
    if len(members) % group_size:
        raise ValueError(f"The world size ({len(members)}) must be divisible by 'group_size={group_size}'")
    parts = [members[i:i + group_size] for i in range(0, len(members), group_size)]
    return new_subgroups_by_enumeration(parts, timeout, backend, pg_options, group_desc)


def new_subgroups_by_enumeration(ranks_per_subgroup_list, timeout: timedelta | None = None, backend: str | None = None,
                                 pg_options=None, group_desc: str | None = None):
    """A group for each list of ranks, which may not overlap; returns this process's one (None if it is in none), and all.

    Raises:
        ValueError: the list is missing, or a rank is in two of them.
    """
    if not ranks_per_subgroup_list:
        raise ValueError("The arg 'ranks_per_subgroup_list' cannot be empty")
    seen = {}
    for ranks in ranks_per_subgroup_list:
        for rank in ranks:
            if rank in seen:
                raise ValueError(f"Rank {rank} has appeared in both subgroup {seen[rank]} and {list(ranks)}")
            seen[rank] = list(ranks)
    own, groups = None, []
    for ranks in ranks_per_subgroup_list:
        made = new_group(list(ranks), timeout, backend, pg_options, group_desc=group_desc)
        groups.append(made)
        if get_rank() in ranks:
            own = made
    return own, groups
