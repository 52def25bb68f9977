"""Module, containers, initialisation and gradient clipping behave as PyTorch's, messages included."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict

import numpy as np
import pytest

import plugtorch
import plugtorch.nn

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore")


def net(lib):
    """A model with everything that can be registered: nested, shared, missing and hidden members."""
    nn = lib.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(3, 4)
            self.b = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))
            self.w = nn.Parameter(lib.ones(2))
            self.register_buffer("buf", lib.zeros(3))
            self.register_buffer("hidden", lib.zeros(1), persistent=False)
            self.shared = self.a
            self.register_parameter("missing", None)

        def forward(self, x, k=1):
            return self.b(self.a(x)) * self.w * k

    lib.manual_seed(0)
    return Net()


def outcome(function, lib):
    """What ``function(lib)`` gives, or the type and text of what it raises."""
    try:
        result = function(lib)
    except Exception as error:
        return type(error).__name__, named(str(error))
    return named(repr(result)) if isinstance(result, str | int | float | list | tuple | dict) else None


def named(text):
    return text.replace("plugtorch.frontend.nn.modules.", "torch.nn.modules.").replace("plugtorch.", "torch.")


def dtypes(tensors):
    return [str(t.dtype) for t in tensors]


def parameter_list(lib, *values):
    return lib.nn.ParameterList(values or [lib.ones(2), lib.nn.Parameter(lib.ones(2, 3)), 3])


def parameter_dict(lib):
    return lib.nn.ParameterDict({"b": lib.ones(2), "a": lib.nn.Parameter(lib.ones(2, 3)), "c": 3})


QUESTIONS = {
    "unexpected argument": lambda L: L.nn.Module(1),
    "unexpected keyword": lambda L: L.nn.Module(a=1),
    "no forward": lambda L: L.nn.Module()(1),
    "no attribute": lambda L: L.nn.Module().foo,
    "module from number": lambda L: setattr(net(L), "a", 3),
    "parameter from tensor": lambda L: setattr(net(L), "w", L.ones(2)),
    "buffer from string": lambda L: setattr(net(L), "buf", "x"),
    "missing parameter from number": lambda L: setattr(net(L), "missing", 1),
    "buffer name with dot": lambda L: net(L).register_buffer("x.y", L.ones(1)),
    "buffer name empty": lambda L: net(L).register_buffer("", L.ones(1)),
    "buffer name number": lambda L: net(L).register_buffer(1, L.ones(1)),
    "buffer name taken": lambda L: net(L).register_buffer("a", L.ones(1)),
    "buffer from number": lambda L: net(L).register_buffer("z", 3),
    "parameter name with dot": lambda L: net(L).register_parameter("x.y", None),
    "parameter name empty": lambda L: net(L).register_parameter("", None),
    "parameter name number": lambda L: net(L).register_parameter(1, None),
    "parameter name taken": lambda L: net(L).register_parameter("a", None),
    "register tensor as parameter": lambda L: net(L).register_parameter("z", L.ones(1)),
    "module name with dot": lambda L: net(L).add_module("x.y", None),
    "module name empty": lambda L: net(L).add_module("", None),
    "module name number": lambda L: net(L).add_module(1, None),
    "module name taken": lambda L: net(L).add_module("w", None),
    "add number as module": lambda L: net(L).add_module("z", 3),
    "submodule": lambda L: repr(net(L).get_submodule("b.0")),
    "no submodule": lambda L: net(L).get_submodule("b.7"),
    "submodule is none": lambda L: net(L).get_submodule("w"),
    "get parameter": lambda L: tuple(net(L).get_parameter("b.1.weight").shape),
    "no parameter": lambda L: net(L).get_parameter("b.1.foo"),
    "parameter is none": lambda L: net(L).get_parameter("buf"),
    "get buffer": lambda L: tuple(net(L).get_buffer("b.0.running_mean").shape),
    "buffer is none": lambda L: net(L).get_buffer("w"),
    "set submodule without name": lambda L: net(L).set_submodule("", L.nn.ReLU()),
    "set new submodule": lambda L: net(L).set_submodule("b.x", L.nn.ReLU()),
    "set new submodule strictly": lambda L: net(L).set_submodule("b.x", L.nn.ReLU(), strict=True),
    "set number as submodule": lambda L: net(L).set_submodule("b.0", 1),
    "set submodule over parameter": lambda L: net(L).set_submodule("w", L.nn.ReLU()),
    "delete nothing": lambda L: delattr(net(L), "zz"),
    "train to what": lambda L: net(L).train(1),
    "to integers": lambda L: net(L).to(L.int32),
    "load number": lambda L: net(L).load_state_dict(3),
    "load nothing": lambda L: net(L).load_state_dict({}),
    "load wrong things": lambda L: net(L).load_state_dict({"a.weight": L.ones(1), "zz": 1, "b.0.foo": L.ones(2)}),
    "load number as tensor": lambda L: net(L).load_state_dict({"w": 3}, strict=False),
    "load loosely": lambda L: repr(net(L).load_state_dict({}, strict=False)),
    "load all": lambda L: repr(net(L).load_state_dict(net(L).state_dict())),
    "load wrong shape": lambda L: net(L).load_state_dict({**net(L).state_dict(), "w": L.ones(3)}),
    "load too much": lambda L: net(L).load_state_dict({**net(L).state_dict(), "a.x.y": L.ones(3)}),
    "parameter names": lambda L: [n for n, _ in net(L).named_parameters()],
    "all parameter names": lambda L: [n for n, _ in net(L).named_parameters(remove_duplicate=False)],
    "own parameter names": lambda L: [n for n, _ in net(L).named_parameters("p", recurse=False)],
    "module names": lambda L: [n for n, _ in net(L).named_modules()],
    "all module names": lambda L: [n for n, _ in net(L).named_modules(prefix="q", remove_duplicate=False)],
    "buffer names": lambda L: [n for n, _ in net(L).named_buffers()],
    "child names": lambda L: [n for n, _ in net(L).named_children()],
    "number of modules": lambda L: len(list(net(L).modules())),
    "state keys": lambda L: list(net(L).state_dict(prefix="k.")),
    "state keys, old call": lambda L: list(net(L).state_dict(OrderedDict(), "k.")),
    "state versions": lambda L: dict(net(L).state_dict()._metadata),
    "printed": lambda L: repr(net(L)),
    "printed parameter": lambda L: repr(L.nn.Parameter(L.ones(2))),
    "dir": lambda L: [d for d in dir(net(L)) if d in ("a", "b", "w", "buf", "hidden", "training", "0")],
    "double": lambda L: dtypes(net(L).double().state_dict().values()),
    "half": lambda L: dtypes(net(L).to(L.float16).state_dict().values()),
    "to like": lambda L: dtypes(net(L).to(L.ones(1, dtype=L.float64)).state_dict().values()),
    "integer parameter": lambda L: L.nn.Parameter(L.tensor([1])),
    "sequential index": lambda L: L.nn.Sequential(L.nn.ReLU())[3],
    "sequential slice": lambda L: repr(L.nn.Sequential(L.nn.ReLU(), L.nn.Tanh(), L.nn.ReLU())[1:]),
    "sequential names": lambda L: repr(L.nn.Sequential(OrderedDict(x=L.nn.ReLU(), y=L.nn.Tanh()))[-1:]),
    "sequential sum": lambda L: repr(L.nn.Sequential(L.nn.ReLU()) + L.nn.Sequential(L.nn.Tanh())),
    "sequential plus number": lambda L: L.nn.Sequential(L.nn.ReLU()) + 1,
    "sequential times string": lambda L: L.nn.Sequential(L.nn.ReLU()) * "a",
    "sequential times 0": lambda L: L.nn.Sequential(L.nn.ReLU()) * 0,
    "sequential times 2": lambda L: repr(2 * L.nn.Sequential(L.nn.ReLU(), L.nn.Tanh())),
    "sequential insert": lambda L: repr(L.nn.Sequential(L.nn.ReLU()).insert(0, L.nn.Tanh())),
    "sequential insert far": lambda L: L.nn.Sequential(L.nn.ReLU()).insert(5, L.nn.Tanh()),
    "sequential extend": lambda L: repr(L.nn.Sequential(L.nn.ReLU()).extend([L.nn.Tanh(), L.nn.ReLU()])),
    "sequential of number": lambda L: L.nn.Sequential(1),
    "list printed": lambda L: repr(L.nn.ModuleList([L.nn.ReLU(), L.nn.ReLU(), *[L.nn.Linear(2, 2)] * 3])),
    "list reversed": lambda L: repr(L.nn.ModuleList([L.nn.ReLU(), L.nn.Tanh()])[::-1]),
    "list index": lambda L: L.nn.ModuleList([L.nn.ReLU()])[-2],
    "list extend": lambda L: L.nn.ModuleList().extend(3),
    "list sum": lambda L: repr(L.nn.ModuleList([L.nn.ReLU()]) + [L.nn.Tanh()]),
    "list called": lambda L: L.nn.ModuleList()(1),
    "list pop": lambda L: repr(L.nn.ModuleList([L.nn.ReLU(), L.nn.Tanh()]).pop(0)),
    "dict printed": lambda L: repr(L.nn.ModuleDict({"a": L.nn.ReLU(), "b": L.nn.Tanh()})),
    "dict of number": lambda L: L.nn.ModuleDict(3),
    "dict of triples": lambda L: L.nn.ModuleDict([(1, 2, 3)]),
    "dict order": lambda L: list(L.nn.ModuleDict([("b", L.nn.ReLU()), ("a", L.nn.Tanh())])),
    "dict key": lambda L: L.nn.ModuleDict()["x"],
    "parameter list printed": lambda L: repr(parameter_list(L)),
    "parameter list index": lambda L: parameter_list(L)[3],
    "parameter list slice": lambda L: len(parameter_list(L)[1:]),
    "parameter list called": lambda L: parameter_list(L)(1),
    "parameter list keys": lambda L: list(parameter_list(L).state_dict()),
    "parameter dict printed": lambda L: repr(parameter_dict(L)),
    "parameter dict called": lambda L: parameter_dict(L)(1),
    "parameter dict order": lambda L: list(parameter_dict(L)),
    "parameter dict union": lambda L: list(parameter_dict(L) | L.nn.ParameterDict({"z": L.ones(1)})),
    "parameter dict popitem": lambda L: parameter_dict(L).popitem(),
    "parameter dict key": lambda L: parameter_dict(L)["z"],
    "gain of what": lambda L: L.nn.init.calculate_gain("foo"),
    "gains": lambda L: [L.nn.init.calculate_gain(n) for n in ("linear", "tanh", "relu", "leaky_relu", "selu")],
    "fan of vector": lambda L: L.nn.init.xavier_uniform_(L.ones(2)),
    "fan mode": lambda L: L.nn.init.kaiming_uniform_(L.ones(2, 2), mode="x"),
    "eye of vector": lambda L: L.nn.init.eye_(L.ones(2)),
    "dirac of matrix": lambda L: L.nn.init.dirac_(L.ones(2, 2)),
    "dirac groups": lambda L: L.nn.init.dirac_(L.ones(3, 2, 2), 2),
    "orthogonal vector": lambda L: L.nn.init.orthogonal_(L.ones(2)),
    "conv same stride": lambda L: L.nn.Conv2d(3, 4, 3, padding="same", stride=2),
    "conv groups": lambda L: L.nn.Conv2d(3, 4, 3, groups=2),
    "transposed size": lambda L: L.nn.ConvTranspose2d(3, 4, 3)(L.zeros(1, 3, 4, 4), output_size=(30, 30)),
    "batch norm dims": lambda L: L.nn.BatchNorm2d(3)(L.zeros(3, 3)),
    "instance norm channels": lambda L: L.nn.InstanceNorm2d(3, affine=True)(L.zeros(2, 4, 3, 3)),
    "group norm": lambda L: L.nn.GroupNorm(3, 4),
    "padding index": lambda L: L.nn.Embedding(3, 4, padding_idx=5),
    "dropout p": lambda L: L.nn.Dropout(1.5),
    "heads": lambda L: L.nn.MultiheadAttention(5, 2),
    "lstm input": lambda L: L.nn.LSTM(3, 4, 2)(L.zeros(2, 3, 5)),
    "lstm dims": lambda L: L.nn.LSTM(3, 4, 2)(L.zeros(2)),
    "lstm state": lambda L: L.nn.LSTM(3, 4, 2)(L.zeros(2, 2, 3), (L.zeros(2, 1, 4), L.zeros(2, 1, 4))),
    "lstm state dims": lambda L: L.nn.LSTM(3, 4, 2)(L.zeros(2, 2, 3), (L.zeros(2, 4), L.zeros(2, 4))),
    "gru projection": lambda L: L.nn.GRU(3, 4, proj_size=2),
    "rnn nonlinearity": lambda L: L.nn.RNN(3, 4, nonlinearity="x"),
    "cell dims": lambda L: L.nn.GRUCell(3, 4)(L.zeros(1, 2, 3)),
    "clip what": lambda L: L.nn.utils.vector_to_parameters(3, []),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_same_answer(question):
    assert outcome(QUESTIONS[question], plugtorch) == outcome(QUESTIONS[question], torch)


class Log(list):
    """Collects what hooks were called with, numbers rounded."""

    def hook(self, tag, result=None):
        def call(*args):
            self.append((tag, len(args)))
            return None if result is None else result(*args)

        return call

    def grads(self, tag, result=None):
        def call(module, grad_input, grad_output):
            sums = [[None if g is None else round(float(g.sum()), 3) for g in gs] for gs in (grad_input, grad_output)]
            self.append((tag, type(module).__name__, *sums))
            return None if result is None else result(grad_input)

        return call


def batch(lib):
    values = np.random.default_rng(0).standard_normal((3, 3)).astype(np.float32)
    return lib.from_numpy(values).requires_grad_()


def forward_hooks(lib, log):
    m, x = net(lib).eval(), batch(lib)
    handles = [
        m.register_forward_pre_hook(log.hook("second")),
        m.register_forward_pre_hook(log.hook("first", lambda m, a: a[0] * 2), prepend=True),
        m.register_forward_pre_hook(log.hook("kwargs", lambda m, a, k: (a, {"k": 3})), with_kwargs=True),
        m.register_forward_hook(log.hook("after")),
        m.register_forward_hook(log.hook("ahead", lambda m, a, k, o: o + k["k"]), with_kwargs=True, prepend=True),
    ]
    log.append(round(float(m(x, k=2).sum()), 3))
    for handle in handles:
        handle.remove()
    log.append(round(float(m(x, k=2).sum()), 3))
    m.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)
    log.append(outcome(lambda L: m(x), lib))


def always_called_hooks(lib, log):
    def fail(*args):
        raise ValueError("failed")

    m = net(lib).eval()
    m.register_forward_hook(log.hook("always"), always_call=True)
    m.register_forward_hook(log.hook("sometimes"))
    m.register_forward_hook(fail)
    m.register_forward_hook(log.hook("always too"), always_call=True)
    m.register_forward_hook(fail, always_call=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        log.append(outcome(lambda L: m(batch(L)), lib))
        log.extend(str(w.message) for w in caught)
    log.append(outcome(lambda L: m(batch(L)[:, :1]), lib)[0])


def backward_hooks(lib, log):
    m, x = net(lib).eval(), batch(lib)
    m.register_full_backward_hook(log.grads("model"))
    m.a.register_full_backward_hook(log.grads("a", lambda gs: tuple(None if g is None else g * 2 for g in gs)))
    m.a.register_full_backward_hook(log.grads("a first"), prepend=True)
    m.b.register_full_backward_pre_hook(lambda module, grads: (grads[0] * 3,))
    m.b[0].register_full_backward_hook(log.grads("norm"))
    m(x, k=2).sum().backward()
    log.append(round(float(x.grad.sum()), 3))
    log.append([round(float(p.grad.sum()), 3) for p in m.parameters()])
    m(lib.ones(3, 3)).sum().backward()
    (grad,) = lib.autograd.grad((m(x) ** 2).sum(), x, create_graph=True)
    grad.sum().backward()
    log.append((round(float(grad.sum()), 3), round(float(x.grad.sum()), 3)))
    with lib.no_grad():
        m(x)


def backward_hooks_on_tuples(lib, log):
    class Three(lib.nn.Module):
        def forward(self, a, b):
            return a * 2, b * 3, 7

    m = Three()
    m.register_full_backward_hook(log.grads("three"))
    a, b = lib.ones(1, requires_grad=True), lib.ones(1, requires_grad=True)
    m(a, lib.ones(1))[0].sum().backward()
    m(a, 5)[0].sum().backward()
    m(a, b)[1].sum().backward()
    log.append((a.grad.tolist(), b.grad.tolist()))


def backward_hook_errors(lib, log):
    for register, result in (
        ("register_full_backward_hook", (1, 2)),
        ("register_full_backward_pre_hook", (1, 2)),
    ):
        m = net(lib)
        getattr(m.a, register)(lambda *args, result=result: result)
        log.append(outcome(lambda L, m=m: m(batch(L)).sum().backward(), lib))
    m = net(lib)
    m.a.register_full_backward_hook(lambda *args: (lib.ones(3, 3),))
    log.append(outcome(lambda L: m(lib.ones(3, 3)).sum().backward(), lib))
    log.append(outcome(lambda L: m.a.register_backward_hook(print), lib))


def global_hooks(lib, log):
    module = lib.nn.modules.module
    m, x = net(lib), batch(lib)
    handles = [
        module.register_module_forward_pre_hook(lambda m, a: log.append(("before", type(m).__name__))),
        module.register_module_forward_hook(lambda m, a, o: log.append(("after", type(m).__name__))),
        module.register_module_full_backward_hook(lambda m, i, o: log.append(("backward", type(m).__name__))),
        module.register_module_full_backward_pre_hook(lambda m, o: log.append(("grads", type(m).__name__))),
    ]
    m(x).sum().backward()
    for handle in handles:
        handle.remove()
    log.append(len(log))
    m(x)
    handles = [
        module.register_module_parameter_registration_hook(lambda m, n, p: log.append(("parameter", n))),
        module.register_module_buffer_registration_hook(lambda m, n, p: log.append(("buffer", n))),
        module.register_module_module_registration_hook(lambda m, n, p: log.append(("module", n))),
    ]
    net(lib)
    for handle in handles:
        handle.remove()
    net(lib)


def state_hooks(lib, log):
    m = net(lib)
    m.register_state_dict_pre_hook(lambda m, prefix, keep: log.append((prefix, keep)))
    m.b.register_state_dict_post_hook(lambda m, state, prefix, meta: log.append((prefix, meta, len(state))))
    m._register_state_dict_hook(lambda m, state, prefix, meta: OrderedDict(only=1))
    log.append(list(m.state_dict()))
    m = net(lib)
    m.a.register_state_dict_post_hook(lambda *args: 1)
    log.append(outcome(lambda L: m.state_dict(), lib))
    m = net(lib)
    m.b.register_load_state_dict_pre_hook(lambda m, state, prefix, *rest: log.append((sorted(state), prefix)))
    m._register_load_state_dict_pre_hook(lambda state, *rest: state.pop("w", None))
    m.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    log.append(outcome(lambda L: str(m.load_state_dict(net(L).state_dict())), lib))

    class Extra(lib.nn.Module):
        def get_extra_state(self):
            return {"e": 1}

        def set_extra_state(self, state):
            log.append(state)

    m = lib.nn.Sequential(Extra(), lib.nn.ReLU())
    log.append(dict(m.state_dict()))
    log.append(str(m.load_state_dict(m.state_dict())))
    log.append(outcome(lambda L: m.load_state_dict({}), lib))
    log.append(outcome(lambda L: L.nn.Sequential(L.nn.ReLU()).load_state_dict({"0._extra_state": 1}), lib))


def assigned_state(lib, log):
    m = net(lib)
    state = {k: v.double() if v.is_floating_point() else v for k, v in net(lib).state_dict().items()}
    m.a.weight.requires_grad_(False)
    log.append(str(m.load_state_dict(state, assign=True)))
    log.extend((n, str(p.dtype), p.requires_grad, type(p).__name__) for n, p in m.named_parameters())
    log.extend((n, str(b.dtype)) for n, b in m.named_buffers())
    m = net(lib)
    m.load_state_dict(state)
    log.append(dtypes(m.state_dict().values()))


def changes(lib, log):
    m, x = net(lib), batch(lib)
    m.requires_grad_(False)
    log.append([p.requires_grad for p in m.parameters()])
    m.requires_grad_().eval()
    log.append([child.training for child in m.modules()])
    m(x).sum().backward()
    before = [id(p) for p in m.parameters()]
    m.double()
    log.append(before == [id(p) for p in m.parameters()])
    log.append(dtypes(p.grad for p in m.parameters() if p.grad is not None))
    m.zero_grad(set_to_none=False)
    log.append([None if p.grad is None else float(p.grad.sum()) for p in m.parameters()])
    m.zero_grad()
    log.append([p.grad is None for p in m.parameters()])
    twin = copy.deepcopy(m)
    log.append((twin.a is twin.shared, twin.a.weight is m.a.weight))
    m.apply(lambda child: log.append(type(child).__name__))
    m.kept = lib.nn.Buffer(lib.ones(2))
    m.forgotten = lib.nn.Buffer(lib.ones(2), persistent=False)
    log.append((type(m.kept) is lib.Tensor, isinstance(m.kept, lib.nn.Buffer), list(m.state_dict()), list(m._buffers)))
    m.kept, m.buf, m.w, m.plain = lib.zeros(1), None, None, 5
    m.plain = lib.nn.Parameter(lib.ones(1))
    log.append((list(m.state_dict()), list(m._buffers), list(m._parameters), "plain" in m.__dict__))
    m.a = None
    log.append(repr(m))
    del m.buf, m.b, m.plain
    log.append((list(m._parameters), list(m._modules), list(m._buffers)))


def parameters(lib, log):
    fixed = lib.nn.Parameter(lib.ones(2), requires_grad=False)
    for twin in (copy.deepcopy(fixed), pickle.loads(pickle.dumps(fixed))):
        log.append((type(twin).__name__, twin.requires_grad, twin.tolist()))
    log.append((tuple(lib.nn.Parameter().shape), type(fixed + 1).__name__, isinstance(lib.ones(1), lib.nn.Parameter)))

    class Mine(lib.Tensor):
        pass

    mine = lib.nn.Parameter(lib.ones(2).as_subclass(Mine))
    owner = lib.nn.Module()
    owner.mine = mine
    log.append((type(mine).__name__, isinstance(mine, lib.nn.Parameter), list(owner._parameters)))


def before_init(lib, log):
    def trial(assign):
        class Early(lib.nn.Module):
            def __init__(self):
                assign(self)

        return outcome(lambda L: Early(), lib)

    log.append(trial(lambda self: setattr(self, "w", lib.nn.Parameter(lib.ones(1)))))
    log.append(trial(lambda self: setattr(self, "w", lib.nn.ReLU())))
    log.append(trial(lambda self: self.register_buffer("x", None)))
    log.append(trial(lambda self: self.register_parameter("x", None)))


@pytest.mark.parametrize(
    "scenario",
    [
        forward_hooks,
        always_called_hooks,
        backward_hooks,
        backward_hooks_on_tuples,
        backward_hook_errors,
        global_hooks,
        state_hooks,
        assigned_state,
        changes,
        parameters,
        before_init,
    ],
    ids=lambda f: f.__name__,
)
def test_same_events(scenario):
    want, have = Log(), Log()
    scenario(torch, want)
    scenario(plugtorch, have)
    assert [named(str(e)) for e in have] == [named(str(e)) for e in want]


INITS = [
    ("uniform_", (-1, 2)),
    ("normal_", (1, 2)),
    ("trunc_normal_", ()),
    ("trunc_normal_", (0, 1, 2, 3)),
    ("trunc_normal_", (5, 1, -2, 2)),
    ("xavier_uniform_", (2,)),
    ("xavier_normal_", ()),
    ("kaiming_uniform_", (0.1, "fan_out")),
    ("kaiming_normal_", (0, "fan_in", "relu")),
    ("orthogonal_", (1.5,)),
    ("constant_", (3,)),
    ("ones_", ()),
    ("zeros_", ()),
    ("sparse_", (0.3,)),
    ("eye_", ()),
    ("dirac_", ()),
]


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (4, 2, 3, 3), (20, 30)], ids=str)
@pytest.mark.parametrize(("name", "args"), INITS)
def test_initialisation(name, args, shape):
    results = []
    for lib in (torch, plugtorch):
        lib.manual_seed(1)
        tensor = lib.empty(shape)
        raised = outcome(lambda L, t=tensor: getattr(L.nn.init, name)(t, *args) is t, lib)
        results.append((raised, tensor.numpy(), lib.rand(2).numpy()))
    (want_raised, want, want_next), (have_raised, have, have_next) = results
    assert have_raised == want_raised
    if want_raised == "True":
        exact = name not in ("orthogonal_", "trunc_normal_")
        np.testing.assert_allclose(have, want, rtol=0 if exact else 1e-5, atol=0 if exact else 1e-6)
        np.testing.assert_array_equal(have_next, want_next)


@pytest.mark.parametrize("norm_type", [2.0, 1.0, float("inf")])
def test_gradient_clipping(norm_type):
    results = []
    for lib in (torch, plugtorch):
        rng = np.random.default_rng(0)
        params = [lib.nn.Parameter(lib.from_numpy(rng.standard_normal(3))) for _ in range(3)]
        for p in params[:2]:
            p.grad = lib.from_numpy(rng.standard_normal(3) * 5)
        utils = lib.nn.utils
        seen = [utils.clip_grad_norm_(params, 1.0, norm_type), *[p.grad.clone() for p in params[:2]]]
        seen.append(utils.clip_grad_norm_(iter(params), 100.0))
        utils.clip_grad_value_(params, 0.1)
        seen += [p.grad for p in params[:2]]
        seen += [utils.get_total_norm([p.grad for p in params[:2]], norm_type), utils.clip_grad_norm_([], 1.0)]
        vector = utils.parameters_to_vector(params)
        utils.vector_to_parameters(vector * 2, params)
        results.append([t.detach().numpy() for t in (*seen, vector, *params)])
    for have, want in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-6)
