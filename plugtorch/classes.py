"""Classes that C++ libraries register with PyTorch, in ``torch.classes``: there are none."""

from __future__ import annotations

from .frontend.not_offered import REFUSED, message

_WHY = "classes of C++ libraries are not loaded: write a backend or an op plugin in Python"
REFUSED["classes.load_library"] = _WHY

loaded_libraries: set[str] = set()


def load_library(path):
    """Would load a C++ library.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError(message("classes.load_library", _WHY))


__all__ = ["load_library", "loaded_libraries"]
