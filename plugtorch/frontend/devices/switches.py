"""Switches of libraries that programs set and read back, and what is known of the libraries that are loaded."""

from __future__ import annotations

from contextlib import contextmanager


def switch(module: dict, **values) -> tuple:
    """Sets a module's switches where a value is given; returns what all of them were."""
    before = tuple(module[name] for name in values)
    module.update({name: value for name, value in values.items() if value is not None})
    return before


@contextmanager
def switched(module: dict, **values):
    """Switches for a block."""
    before = switch(module, **values)
    try:
        yield
    finally:
        module.update(zip(values, before, strict=True))


class verbose_block:  # noqa: N801
    """A block in which a library would report its calls: there is nothing to report."""

    def __init__(self, enable=0):
        self.enable = enable

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False


def libraries():
    import threadpoolctl

    return threadpoolctl.threadpool_info()


def blas_names() -> set[str]:
    """The libraries of linear algebra in this process."""
    return {info["internal_api"] for info in libraries() if info["user_api"] == "blas"}


def has_openmp() -> bool:
    """Whether a library of this process brings OpenMP's threads."""
    return any(info["user_api"] == "openmp" or info.get("threading_layer") == "openmp" for info in libraries())
