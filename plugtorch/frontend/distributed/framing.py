"""Messages of the stores' protocol: a code and byte strings, each with its length before it.

Nothing is ever unpickled here. A message says how long it is before its contents come; what is longer than a limit ends
the connection, and memory is taken only as bytes arrive, so that a false length costs nothing.
"""

from __future__ import annotations

import struct

from .errors import DistNetworkError

_HEAD = struct.Struct("<BI")
_LENGTH = struct.Struct("<I")
_PARTS_LIMIT = 1 << 16
_BYTES_LIMIT = 1 << 28
_PIECE = 1 << 20


def read_exactly(sock, n: int) -> bytes:
    """The next ``n`` bytes of a socket.

    Raises:
        ConnectionError: the other side has closed.
    """
    data = bytearray()
    while len(data) < n:
        piece = sock.recv(min(n - len(data), _PIECE))
        if not piece:
            raise ConnectionResetError("Failed to recv, got 0 bytes. Connection was likely closed. Did the remote server "
                                       "shutdown or crash?")
        data += piece
    return bytes(data)


def send_message(sock, code: int, parts=()) -> None:
    """Sends a message.

    Raises:
        DistNetworkError: it is longer than what may be sent: 256 MiB, or 65536 byte strings.
        OSError: the connection broke.
    """
    total = sum(map(len, parts))
    if total > _BYTES_LIMIT or len(parts) > _PARTS_LIMIT:
        raise DistNetworkError(f"a message to a store may have {_PARTS_LIMIT} parts and {_BYTES_LIMIT} bytes, this one has "
                               f"{len(parts)} and {total}; send tensors with collectives instead")
    pieces = [_HEAD.pack(code, len(parts))]
    for part in parts:
        pieces += (_LENGTH.pack(len(part)), part)
    sock.sendall(b"".join(pieces))


def receive_message(sock) -> tuple[int, list[bytes]]:
    """The next message: its code and byte strings.

    Raises:
        DistNetworkError: it claims to be longer than the limits.
        OSError: the connection broke or was closed.
    """
    code, count = _HEAD.unpack(read_exactly(sock, _HEAD.size))
    if count > _PARTS_LIMIT:
        raise DistNetworkError(f"a message claims {count} parts; at most {_PARTS_LIMIT} are read")
    parts, total = [], 0
    for _ in range(count):
        (length,) = _LENGTH.unpack(read_exactly(sock, _LENGTH.size))
        total += length
        if total > _BYTES_LIMIT:
            raise DistNetworkError(f"a message claims more than {total} bytes; at most {_BYTES_LIMIT} are read")
        parts.append(read_exactly(sock, length))
    return code, parts
