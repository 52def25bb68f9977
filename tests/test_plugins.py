"""The life of plugins: kernels, ops, quarrels, mistakes, and what the user is told about them."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from strict_backend import Strict, StrictPlugin

import plugtorch as torch
from plugtorch.commands.backends import list_backends, measure
from plugtorch.spec import Backend, PluginWarning, load_backend, registry
from plugtorch.spec.hooks import hookimpl
from plugtorch.spec.op import OPS

pytestmark = pytest.mark.one_backend


# A faster kernel.


class FastErf:
    """A kernel for one op of one backend: the series is summed in place, in one pass over blocks."""

    @hookimpl
    def plugtorch_register_kernels(self, backend, register):
        if backend.name == "strict":
            register("square", self.square, example=lambda: ((np.ones((300, 300), np.float32),), {}))

    @staticmethod
    def square(x):
        return np.multiply(x, x)


def test_a_kernel_replaces_one_op_and_is_shown_with_its_measure(plugins):
    plugins(FastErf(), "strict+fast")
    plugins(StrictPlugin(), "strict")
    k = load_backend("strict")
    assert k.square is FastErf.square or k.square.__name__ == "square"
    found = registry.replacements("strict")["square"]
    ratio, operands = measure(k, found)
    assert 0.05 < ratio < 20 and operands == "float32[300, 300]"
    with torch.backend("strict"):
        assert torch.square(torch.tensor([3.0])).item() == 9
    text = list_backends(verbose=True)
    assert "strict: square is computed by plugin strict+fast" in text and "times as fast as the backend's own" in text


def test_a_kernel_that_cannot_be_taken_is_left_out_with_a_warning(plugins):
    class Wrong:
        @hookimpl
        def plugtorch_register_kernels(self, backend, register):
            if backend.name == "strict":
                register("square", FastErf.square)
                register("relu", lambda x, slope: x)

    plugins(Wrong(), "strict+wrong")
    plugins(StrictPlugin(), "strict")
    with pytest.warns(PluginWarning, match=r"'strict\+wrong' is ignored.*kernel for 'relu' has signature \(x, slope\)"):
        k = load_backend("strict")
    assert registry.replacements("strict") == {} and k.square(np.array([2.0])).tolist() == [4]
    assert isinstance(registry.failed_plugins()["strict+wrong"], TypeError)


def test_of_two_kernels_for_one_op_the_first_is_kept(plugins):
    class Second(FastErf):
        pass

    plugins(FastErf(), "strict+first")
    plugins(Second(), "strict+second")
    plugins(StrictPlugin(), "strict")
    with pytest.warns(PluginWarning, match="both bring a kernel for 'square' on backend 'strict'; the first is kept"):
        load_backend("strict")
    assert registry.replacements("strict")["square"].plugin in ("strict+first", "strict+second")


# Ops of a plugin's own.


@pytest.fixture
def extra_ops(plugins):
    """A plugin with two ops: one differentiated by its composition, one by a rule."""
    from plugtorch.autograd import plans

    def swish(k, x, *, beta=1.0):
        """x * sigmoid(beta * x)."""
        return k.mul(x, k.sigmoid(k.mul(x, beta)))

    def clipped(k, x, *, limit):
        """x cut off at ``limit``; the gradient passes as if it were not."""
        return k.minimum(x, limit)

    class OpsPlugin:
        @hookimpl
        def plugtorch_register_ops(self, register):
            register(swish)
            register(clipped, gradients={"x": lambda k, g: g})

    plugins(OpsPlugin(), "ops+demo")
    yield
    registry._op_plugins.discard("ops+demo")
    for name in ("demo_swish", "demo_clipped"):
        OPS.pop(name, None)
        plans._RULES.pop(name, None)
        if hasattr(Backend, name):
            delattr(Backend, name)
    vars(torch.ops).pop("demo", None)


@pytest.mark.parametrize("name", ["numpy", "strict"])
def test_an_op_of_a_plugin_runs_everywhere_with_its_gradient(plugins, extra_ops, name):
    plugins(StrictPlugin(), "strict")
    with torch.backend(name):
        x = torch.tensor([0.5, 3.0], dtype=torch.float64, requires_grad=True)
        y = torch.ops.demo.swish(x, beta=2.0)
        np.testing.assert_allclose(y.tolist(), x.detach().numpy() / (1 + np.exp(-2 * x.detach().numpy())))
        assert torch.autograd.gradcheck(lambda v: torch.ops.demo.swish(v, beta=2.0), x)
        z = torch.ops.demo.clipped(x, limit=1.0)
        z.sum().backward()
        assert z.tolist() == [0.5, 1.0] and x.grad.tolist() == [1, 1]
    assert torch.ops.demo.swish.__doc__ == "x * sigmoid(beta * x)." and dir(torch.ops.demo) == ["clipped", "swish"]


def test_a_backend_may_have_a_kernel_for_a_plugins_op(plugins, extra_ops):
    calls = []

    class Kernel:
        @hookimpl
        def plugtorch_register_kernels(self, backend, register):
            def swish(x, *, beta=1.0):
                calls.append(beta)
                return x / (1 + np.exp(-beta * x))

            if backend.name == "strict":
                register("demo_swish", swish)

    plugins(Kernel(), "strict+swish")
    plugins(StrictPlugin(), "strict")
    with torch.backend("strict"):
        assert torch.ops.demo.swish(torch.zeros(1)).item() == 0
    assert calls == [1.0]


def test_ops_that_are_not_there_are_named(extra_ops):
    with pytest.raises(AttributeError, match=r"no installed plugin brings ops called 'plugtorch.ops.nothing'.*demo"):
        torch.ops.nothing  # noqa: B018
    with pytest.raises(AttributeError, match="plugin namespace 'demo' has no op 'swirl'; it has clipped, swish"):
        torch.ops.demo.swirl  # noqa: B018


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: (lambda k, x: x, {}), "has no docstring"),
        (lambda: (documented("twice"), {"gradients": {"z": None}}), r"has no operands \['z'\]"),
    ],
)
def test_an_op_that_is_declared_wrongly_is_ignored_with_a_warning(plugins, make, message):
    body, options = make()

    class BadOps:
        @hookimpl
        def plugtorch_register_ops(self, register):
            register(body, **options)

    plugins(BadOps(), "ops+bad")
    with pytest.warns(PluginWarning, match=f"'ops\\+bad' is ignored.*{message}"):
        registry.load_op_plugins()
    registry._op_plugins.discard("ops+bad")


def documented(name):
    def body(k, x):
        """Something."""
        return x

    body.__name__ = name
    return body


# Quarrels and mistakes.


def test_two_plugins_of_one_name(plugins):
    class Rival:
        @hookimpl
        def plugtorch_register_backends(self, register):
            register("strict", lambda: None)

    plugins(StrictPlugin(), "strict")
    with pytest.warns(PluginWarning, match="'strict' and 'rival' both offer backend 'strict'; the first is kept: uninstall"):
        plugins(Rival(), "rival")
    assert isinstance(load_backend("strict"), Strict)


def test_a_misspelt_hook_is_refused_with_the_names_of_the_hooks(plugins):
    class Misspelt:
        @hookimpl
        def plugtorch_register_backend(self, register):
            register("never", lambda: None)

    with pytest.raises(TypeError, match=r"unknown hook 'plugtorch_register_backend'.*plugtorch_register_backends"):
        plugins(Misspelt(), "misspelt")
    assert not any(type(p).__name__ == "Misspelt" for p in registry._manager().get_plugins())


def test_a_hook_with_other_arguments_is_refused(plugins):
    class Greedy:
        @hookimpl
        def plugtorch_register_backends(self, register, everything):
            register("never", lambda: None)

    with pytest.raises(Exception, match="everything"):
        plugins(Greedy(), "greedy")


def test_an_old_plugin_against_a_newer_spec(plugins):
    class Old:
        @hookimpl
        def plugtorch_register_backends(self, register):
            register("old", type("OldBackend", (Strict,), {"name": "old", "spec_version": 0}))

    plugins(Old(), "old")
    with pytest.raises(
        torch.BackendUnavailable,
        match="written for version 0 of the op spec; this plugtorch has version 1: update the plugin or plugtorch",
    ):
        torch.set_backend("old")


# Installed plugins, through real entry points in a process of their own.


def installed(folder, name, entry, source):
    """Puts a distribution into a folder: a module and its entry points."""
    (folder / f"{name}.py").write_text(source)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[plugtorch]\n{entry} = {name}\n")


def run(folder, *args):
    """Runs Python with the folder on its path; returns output, errors and status."""
    found = subprocess.run(
        [sys.executable, *args],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])},
    )
    return found.stdout, found.stderr, found.returncode


def test_a_plugin_that_raises_at_import(tmp_path):
    installed(tmp_path, "exploding", "exploding", "raise OSError('libfoo.so.3: cannot open shared object file')\n")
    out, err, _ = run(
        tmp_path,
        "-c",
        "import plugtorch as t\nprint(t.ones(2).sum().item())\ntry:\n    t.set_backend('exploding')"
        "\nexcept t.BackendUnavailable as e:\n    print(e, '|', type(e.__cause__).__name__)",
    )
    assert out.splitlines() == [
        "2.0",
        "the plugin of backend 'exploding' could not be imported: OSError: libfoo.so.3: cannot "
        "open shared object file | OSError",
    ], err
    out, _, status = run(tmp_path, "-m", "plugtorch", "doctor")
    assert status == 1 and "exploding: BROKEN" in out and "libfoo.so.3" in out and "exploding from exploding 1.0" in out
    assert "numpy" in out and "works (loss" in out and "1 problem found" in out


def test_a_kernel_plugin_that_raises_at_import_costs_its_kernels_only(tmp_path):
    installed(tmp_path, "halfbaked", "numpy+halfbaked", "import no_such_module_at_all\n")
    out, err, status = run(tmp_path, "-c", "import plugtorch as t\nprint(t.ones(2).sum().item())")
    assert (out.strip(), status) == ("2.0", 0) and "plugin 'numpy+halfbaked' is ignored: ModuleNotFoundError" in err
    assert "Update or uninstall it" in err
    out, _, status = run(tmp_path, "-m", "plugtorch", "doctor")
    assert status == 1 and "numpy+halfbaked: IGNORED" in out


def test_a_plugin_that_raises_at_first_use(tmp_path):
    installed(
        tmp_path,
        "lateboom",
        "lateboom",
        (
            "from plugtorch.spec.hooks import hookimpl\n\n\ndef make():\n    raise RuntimeError('no licence found')\n\n\n"
            "@hookimpl\ndef plugtorch_register_backends(register):\n    register('lateboom', make)\n"
        ),
    )
    out, err, _ = run(tmp_path, "-m", "plugtorch", "backends")
    assert "lateboom" in out and "could not be loaded: RuntimeError: no licence found" in out, err


def test_two_distributions_with_one_entry_point(tmp_path):
    source = (
        "from plugtorch.spec.hooks import hookimpl\n\n\n@hookimpl\ndef plugtorch_register_backends(register):\n"
        "    register('twin', lambda: None)\n"
    )
    installed(tmp_path, "twin_a", "twin", source)
    installed(tmp_path, "twin_b", "twin", source)
    _, err, _ = run(tmp_path, "-c", "import plugtorch as t\nt.available_backends()")
    assert "two installed plugins offer the plugtorch entry point 'twin'" in err and "uninstall one of them" in err


def test_doctor_finds_nothing_wrong_here():
    out, _, status = run(".", "-m", "plugtorch", "doctor")
    assert status == 0 and "all is well" in out and "Python" in out and "threads" in out


# Ops that a backend lacks.


class Lacking(Strict):
    """Strict without two ops."""

    name = "lacking"
    unsupported = {"eig": "the library has no general eigenvalues", "svd": "nor singular values"}


@pytest.fixture
def lacking(plugins):
    class Plugin:
        @hookimpl
        def plugtorch_register_backends(self, register):
            register("lacking", Lacking)

    plugins(Plugin(), "lacking")
    before = torch.is_host_fallback_enabled()
    yield "lacking"
    torch.set_host_fallback(before)


def test_an_op_that_is_lacking_is_refused_by_name(lacking):
    with (
        torch.backend(lacking),
        pytest.raises(
            NotImplementedError,
            match=(
                r"backend 'lacking' has no op 'svd' \(nor singular values\).*set_host_fallback\(True\)"
                r".*x.to\(backend='numpy'\)"
            ),
        ),
    ):
        torch.linalg.svd(torch.eye(3))


def test_the_host_computes_it_where_that_is_allowed_and_is_counted(lacking):
    torch.set_host_fallback(True)
    with torch.backend(lacking):
        x = torch.tensor([[2.0, 0.0], [0.0, 3.0]], dtype=torch.float64, requires_grad=True)
        before = torch.host_fallback_counts().get("lacking.svd", 0)
        with pytest.warns(
            torch.spec.HostFallbackWarning, match="has no op 'svd'.*computed on the host from now on"
        ) as caught:
            s = torch.linalg.svd(x)[1]
            s.sum().backward()
            torch.linalg.svd(x)
        assert s.backend == "lacking" and s.tolist() == [3, 2]
        assert len([w for w in caught if "svd" in str(w.message)]) == 1
        assert torch.host_fallback_counts()["lacking.svd"] == before + 2
        np.testing.assert_allclose(x.grad.tolist(), np.eye(2))


def test_the_environment_turns_it_on():
    code = "import plugtorch as t; print(t.is_host_fallback_enabled())"
    for value, expected in (("1", "True"), ("0", "False"), ("", "False")):
        out = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PLUGTORCH_HOST_FALLBACK": value},
        ).stdout
        assert out.strip() == expected


def test_only_primitives_can_be_declared_lacking():
    with pytest.raises(TypeError, match="declares 'softmax' as unsupported, which is no primitive op"):
        type("Odd", (Strict,), {"name": "odd", "unsupported": {"softmax": "no"}})()


def test_what_is_lacking_shows_in_the_conformance_report(lacking):
    from plugtorch.conformance import run as conform
    from plugtorch.conformance import table

    report = conform(lacking, select=lambda c: c.subject in ("eig", "svd", "add"))
    assert {o.check.subject for o in report.outcomes if o.state == "unsupported"} == {"eig", "svd"}
    assert report.passed and report.counts["passed"] > 20
    assert "1 unsupported" not in table(load_backend(lacking)) and "2 unsupported" in table(load_backend(lacking))
