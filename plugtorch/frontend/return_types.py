"""Named results of functions that return several tensors, printed as PyTorch prints them."""

from __future__ import annotations

import collections

KINDS: dict[str, type] = {}  # by the name of the function, as ``torch.return_types`` shows them


def struct(name: str, fields: list[str]):
    """A named tuple that also takes its fields as one sequence, and prints a field a line."""

    base = collections.namedtuple(name, fields)

    def new(cls, *args, **kwargs):
        if len(args) == 1 and not kwargs and len(fields) > 1 and isinstance(args[0], (tuple, list)):
            args = args[0]
        return base.__new__(cls, *args, **kwargs)

    def represent(self):
        inner = ",\n".join(f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
        return f"torch.return_types.{name}(\n{inner})"

    made = type(name, (base,), {"__slots__": (), "__new__": new, "__repr__": represent, "__module__": __name__})
    return KINDS.setdefault(name, made)
