"""Choosing, mixing and finding backends; plugins that are broken, absent or wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest
from strict_backend import StrictPlugin

import plugtorch as torch
from plugtorch.spec import registry
from plugtorch.spec.hooks import hookimpl
from plugtorch.spec.op import OPS


@pytest.mark.one_backend
def test_a_third_party_backend_of_a_few_lines_trains(backend, plugins):
    plugins(StrictPlugin(), "strict")
    assert "strict" in torch.available_backends()
    with torch.backend("strict"):
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(8, 2))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        x, y = torch.randn(4, 1, 4, 4), torch.tensor([0, 1, 0, 1])
        losses = []
        for _ in range(5):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert x.backend == "strict" and losses[-1] < losses[0]


@pytest.mark.one_backend
def test_mixing_backends_names_both_and_says_how_to_move(backend, plugins):
    plugins(StrictPlugin(), "strict")
    a = torch.ones(2)
    with torch.backend("strict"):
        b = torch.ones(2)
        assert torch.get_backend() == "strict"
    assert torch.get_backend() == backend and b.backend == "strict"
    with pytest.raises(RuntimeError, match=rf"'{backend}'.*'strict'.*x\.to\(backend='{backend}'\)"):
        a + b
    assert (a + b.to(backend=backend)).tolist() == [2, 2]


@pytest.mark.one_backend
def test_gradients_flow_through_a_move(backend, plugins):
    plugins(StrictPlugin(), "strict")
    a = torch.ones(2, requires_grad=True)
    b = (a * 2).to(backend="strict")
    (b * 3).sum().backward()
    assert a.grad.tolist() == [6, 6] and a.grad.backend == backend


@pytest.mark.one_backend
def test_an_absent_library_says_what_to_install(backend, plugins):
    class Absent:
        @hookimpl
        def plugtorch_register_backends(self, register):
            register("absent", lambda: None, requires=("no_such_array_library",), extra="'plugtorch[absent]'")

    plugins(Absent(), "absent")
    assert "absent" not in torch.available_backends()
    with pytest.raises(torch.BackendUnavailable, match=r"needs no_such_array_library.*pip install 'plugtorch\[absent\]'"):
        torch.set_backend("absent")
    assert torch.get_backend() == backend and torch.ones(1).item() == 1


@pytest.mark.one_backend
def test_a_broken_plugin_hurts_nobody_and_keeps_its_cause(backend, plugins):
    class Broken:
        @hookimpl
        def plugtorch_register_backends(self, register):
            def factory():
                raise OSError("libbroken.so: cannot open shared object file")

            register("broken", factory)

    plugins(Broken(), "broken")
    with pytest.raises(torch.BackendUnavailable, match="libbroken.so") as caught:
        torch.set_backend("broken")
    assert isinstance(caught.value.__cause__, OSError)
    assert isinstance(registry.describe("broken")[2], OSError)
    assert torch.ones(2).sum().item() == 2


@pytest.mark.one_backend
def test_an_incomplete_backend_lists_what_it_lacks(backend, plugins):
    from plugtorch.spec import Backend

    class Incomplete:
        @hookimpl
        def plugtorch_register_backends(self, register):
            register("incomplete", type("Incomplete", (Backend,), {"name": "incomplete"}))

    plugins(Incomplete(), "incomplete")
    count = sum(op.primitive for op in OPS.values())
    with pytest.raises(torch.BackendUnavailable, match=f"lacks {count} required primitive ops: from_host"):
        torch.set_backend("incomplete")


@pytest.mark.one_backend
def test_an_unknown_backend_lists_the_installed_ones(backend):
    with pytest.raises(torch.BackendUnavailable, match="there is no backend 'nope'; installed ones: cupy, jax, .*numpy"):
        torch.set_backend("nope")


def test_the_backend_is_local_to_a_context(backend, plugins):
    import threading

    plugins(StrictPlugin(), "strict")
    seen = []
    with torch.backend("strict"):
        thread = threading.Thread(target=lambda: seen.append(torch.get_backend()))
        thread.start()
        thread.join()
    assert seen == [backend]


PROBE = """
import sys, time
start = time.perf_counter(); import numpy; middle = time.perf_counter(); import plugtorch; end = time.perf_counter()
print([m for m in ("jax", "cupy", "torch", "pluggy", "scipy", "ml_dtypes") if m in sys.modules],
      (end - middle) / (middle - start))
"""


@pytest.mark.one_backend
def test_importing_costs_little_and_imports_no_array_library_but_numpy(backend):
    lines = [subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True).stdout
             for _ in range(3)]
    assert all(line.startswith("[] ") for line in lines), lines
    assert min(float(line.split()[-1]) for line in lines) < 3, lines  # in units of NumPy's own import


FORMS = """
import plugtorch, plugtorch.nn.functional as F, plugtorch.nn as nn
from plugtorch.nn import functional
from plugtorch import nn as nn2, optim
import plugtorch.optim.lr_scheduler
from plugtorch.utils.data import DataLoader
import plugtorch.utils.data as data
from plugtorch.nn.modules.linear import Linear
from plugtorch.nn.parameter import Parameter
assert F is functional is nn.functional is plugtorch.nn.functional is nn2.functional
assert nn.Linear is Linear and nn.Parameter is Parameter and data.DataLoader is DataLoader
assert optim.lr_scheduler is plugtorch.optim.lr_scheduler and plugtorch.utils.data is data
"""


@pytest.mark.one_backend
@pytest.mark.parametrize("alias", [False, True])
def test_every_import_form_gives_one_module_object(backend, alias):
    code = FORMS
    if alias:
        code = "from plugtorch.alias import install\ninstall()\n" + FORMS.replace("plugtorch", "torch")
        code += "import plugtorch\nassert torch is plugtorch and torch.nn is plugtorch.nn\n"
        code += "import torch.nn.functional as F3\nassert F3 is plugtorch.nn.functional\n"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.one_backend
def test_what_is_missing_is_named(backend):
    code = ("from plugtorch.alias import install\ninstall()\nimport torch\n"
            "try:\n    import torch.no_such_part\nexcept ModuleNotFoundError as e:\n    print(e)\n"
            "try:\n    torch.no_such_name\nexcept AttributeError as e:\n    print(e)\n"
            "try:\n    from torch import no_such_name\nexcept ImportError as e:\n    print(e)\n")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert "torch.no_such_part" in out[0] and "no_such_name" in out[1] and "no_such_name" in out[2]


@pytest.mark.one_backend
def test_the_command_lists_backends(backend):
    out = subprocess.run([sys.executable, "-m", "plugtorch", "backends"], capture_output=True, text=True, check=True)
    rows = {line.split()[0]: line for line in out.stdout.splitlines()}
    assert "available" in rows["numpy"] and "cpu" in rows["numpy"] and "cupy" in rows and "jax" in rows


@pytest.mark.one_backend
def test_running_a_missing_script_or_backend_fails_clearly(backend, tmp_path):
    def run(*args):
        return subprocess.run([sys.executable, "-m", "plugtorch", "run", *args], capture_output=True, text=True)

    assert "there is no script 'nowhere.py'" in run("nowhere.py").stderr
    script = tmp_path / "s.py"
    script.write_text("import sys, torch\nprint(sys.argv[1:], torch.initial_seed())\n")
    assert run("--seed", "7", str(script), "--flag", "x").stdout.strip() == "['--flag', 'x'] 7"
    assert "there is no backend 'nope'" in run("--backend", "nope", str(script)).stderr
