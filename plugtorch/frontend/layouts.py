"""Names of memory layouts and memory formats, as PyTorch has them."""

from __future__ import annotations


class _Named:
    """A constant that prints as ``torch.NAME`` and is pickled by name."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name

    def __repr__(self):
        return f"torch.{self.name}"

    def __reduce__(self):
        return _by_name, (self.name,)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


class layout(_Named):  # noqa: N801
    """How a tensor's elements are stored; every tensor here is ``strided``."""

    __slots__ = ()


class memory_format(_Named):  # noqa: N801
    """The order of a dense tensor's dimensions in memory."""

    __slots__ = ()


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
strided = layout("strided")
sparse_coo, sparse_csr, sparse_csc = layout("sparse_coo"), layout("sparse_csr"), layout("sparse_csc")
sparse_bsr, sparse_bsc, jagged = layout("sparse_bsr"), layout("sparse_bsc"), layout("jagged")

_ALL = {v.name: v for v in (contiguous_format, preserve_format, channels_last, channels_last_3d, strided, sparse_coo,
                            sparse_csr, sparse_csc, sparse_bsr, sparse_bsc, jagged)}
__all__ = ["layout", "memory_format", *sorted(_ALL)]


def _by_name(name):
    return _ALL[name]
