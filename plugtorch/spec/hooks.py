"""The hooks a plugin can implement. pluggy is used to find plugins, never while an op runs.

A plugin is a module (or object) behind an entry point of the group ``plugtorch``:

* the entry point ``NAME`` brings the backend called NAME;
* an entry point ``NAME+ANYTHING`` extends that backend, and is loaded with it;
* an entry point ``ops+NAMESPACE`` brings ops of its own, ``plugtorch.ops.NAMESPACE.OP``.

Nothing is imported until the backend, or the namespace, is asked for by name.
"""

from __future__ import annotations

import pluggy

GROUP = "plugtorch"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


class Hooks:
    """Hook specifications."""

    @hookspec
    def plugtorch_register_backends(self, register):
        """Offers backends.

        Args:
            register: ``register(name, factory, requires=(), extra=None)``. ``factory`` takes nothing and returns a
                :class:`plugtorch.spec.backend.Backend`; it alone imports the array library. ``requires`` names the
                modules that must be importable, ``extra`` the pip extra or requirement that brings them.
        """

    @hookspec
    def plugtorch_register_kernels(self, backend, register):
        """Replaces kernels of a backend that has just been loaded.

        Args:
            backend: the :class:`~plugtorch.spec.backend.Backend` object.
            register: ``register(op_name, kernel, example=None)``; the kernel has the op's signature, without a leading
                ``self``. ``example()`` returns host operands (a tuple) and parameters (a dict) of a typical call, by
                which ``plugtorch backends -v`` measures the kernel against the backend's own.
        """

    @hookspec
    def plugtorch_register_ops(self, register):
        """Adds ops, which are then callable as ``plugtorch.ops.NAMESPACE.NAME`` on every backend.

        Args:
            register: ``register(body, gradients=None, outputs=("y",))``. ``body(k, *operands, **params)`` is the op's
                name, signature, docstring and default composition over the ops of ``k``; ``gradients`` maps operands
                to rules ``rule(k, g, *names)`` as in ``plugtorch/autograd/rules``, or is None, and the composition is
                differentiated. A backend may get a kernel for ``NAMESPACE_NAME`` by ``plugtorch_register_kernels``.
        """
