"""Packed sequences, parametrisations, older hooks, fusion and data parallelism agree with PyTorch."""

from __future__ import annotations

import copy
import importlib
import itertools
import pickle

import numpy as np
import pytest

import plugtorch
import plugtorch.nn
import plugtorch.nn.utils.parametrizations

torch = pytest.importorskip("torch")
importlib.import_module("torch.nn.utils.parametrizations")

pytestmark = pytest.mark.filterwarnings("ignore")
LIBRARIES = (torch, plugtorch)


def ours(x, grad=False):
    return plugtorch.tensor(x.detach().numpy()).requires_grad_(grad)


def agree(got, want, tolerance=1e-5):
    assert tuple(got.shape) == tuple(want.shape)
    np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=tolerance, atol=tolerance)


def both(make, seed=0):
    made = []
    for lib in LIBRARIES:
        lib.manual_seed(seed)
        made.append(make(lib))
    return made


def same_errors(action):
    raised = []
    for lib in LIBRARIES:
        with pytest.raises(Exception) as error:
            action(lib)
        raised.append((error.type.__name__, str(error.value)))
    assert raised[1] == raised[0]


# Sequences.

LAYERS = [(kind, layers, two, first, ordered, size) for kind, layers, two, first, ordered, size in itertools.product(
    ("LSTM", "GRU", "RNN"), (1, 2), (False, True), (False, True), (True, False), (0, 3)) if not size or kind == "LSTM"]


@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_recurrent_layers_on_packed_input(case):
    kind, layers, two, first, ordered, size = case
    options = {"num_layers": layers, "bidirectional": two, "batch_first": first, **({"proj_size": size} if size else {})}
    theirs, mine = both(lambda lib: getattr(lib.nn, kind)(5, 4, **options))
    x = torch.randn(*((3, 6) if first else (6, 3)), 5, requires_grad=True)
    y = ours(x, True)
    lengths = [6, 3, 3] if ordered else [3, 6, 1]
    packed = [lib.nn.utils.rnn.pack_padded_sequence(t, lengths, first, ordered)
              for lib, t in zip(LIBRARIES, (x, y), strict=True)]
    (want, state), (got, own) = theirs(packed[0]), mine(packed[1])
    agree(got.data, want.data)
    for a, b in zip(own if kind == "LSTM" else [own], state if kind == "LSTM" else [state], strict=True):
        agree(a, b)
    want, got = (lib.nn.utils.rnn.pad_packed_sequence(p, first, total_length=7)
                 for lib, p in zip(LIBRARIES, (want, got), strict=True))
    agree(got[0], want[0])
    assert got[1].tolist() == want[1].tolist()
    weight = torch.randn_like(want[0])
    want[0].backward(weight)
    got[0].backward(ours(weight))
    agree(y.grad, x.grad)
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        agree(a.grad, b.grad, 1e-4)


def test_packing():
    sequences = [torch.randn(n, 2) for n in (2, 5, 3)]
    want, got = (lib.nn.utils.rnn.pack_sequence(list(map(f, sequences)), False)
                 for lib, f in zip(LIBRARIES, (lambda t: t, ours), strict=True))
    for a, b in zip(got, want, strict=True):
        agree(a, b)
    assert repr(got.batch_sizes) == repr(want.batch_sizes)
    assert {n for n in dir(want) if not n.startswith("__")} <= set(dir(got))
    for first, side in itertools.product((True, False), ("left", "right")):
        agree(plugtorch.nn.utils.rnn.pad_sequence(list(map(ours, sequences)), first, 3.0, side),
              torch.nn.utils.rnn.pad_sequence(sequences, first, 3.0, side))
    with torch.no_grad():
        assert plugtorch.nn.utils.rnn.invert_permutation(plugtorch.tensor([2, 0, 1])).tolist() == [1, 2, 0]


@pytest.mark.parametrize("wrong", [
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(4, 3, 2), [2, 4, 1]),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(4, 3, 2), [4, 2, 0]),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(4, 3, 2), [4, 2]),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(4, 3, 2), lib.tensor([[4, 2, 1]])),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(0, 3, 2), [4, 2, 1]),
    lambda lib: lib.nn.utils.rnn.pack_sequence([]),
    lambda lib: lib.nn.utils.rnn.pack_sequence([lib.ones(2), lib.ones(3)]),
    lambda lib: lib.nn.utils.rnn.pad_sequence([lib.ones(2)], padding_side="x"),
    lambda lib: lib.nn.utils.rnn.pad_sequence(3),
    lambda lib: lib.nn.utils.rnn.pad_sequence([lib.ones(2, 3), lib.ones(3, 4)]),
    lambda lib: lib.nn.utils.rnn.pad_packed_sequence(lib.nn.utils.rnn.pack_sequence([lib.ones(3)]), total_length=2),
    lambda lib: lib.nn.utils.rnn.PackedSequence(lib.ones(3)),
    lambda lib: lib.nn.utils.parametrize.register_parametrization(lib.nn.Linear(2, 2), "foo", lib.nn.Tanh()),
    lambda lib: lib.nn.utils.parametrize.register_parametrization(lib.nn.Linear(2, 2), "weight", lib.nn.Flatten(0)),
    lambda lib: lib.nn.utils.parametrize.remove_parametrizations(lib.nn.Linear(2, 2), "weight"),
    lambda lib: lib.nn.utils.parametrize.ParametrizationList([], lib.ones(2)),
    lambda lib: setattr(lib.nn.utils.parametrize.register_parametrization(lib.nn.Linear(2, 2), "weight", lib.nn.Tanh()),
                        "weight", lib.ones(2, 2)),
    lambda lib: lib.nn.utils.parametrizations.orthogonal(lib.nn.Linear(2, 2), "bias"),
    lambda lib: lib.nn.utils.parametrizations.orthogonal(lib.nn.Linear(2, 2), orthogonal_map="x"),
    lambda lib: lib.nn.utils.parametrizations.spectral_norm(lib.nn.Linear(2, 2), "x"),
    lambda lib: lib.nn.utils.remove_weight_norm(lib.nn.Linear(2, 2)),
    lambda lib: lib.nn.utils.weight_norm(lib.nn.utils.weight_norm(lib.nn.Linear(2, 2))),
    lambda lib: lib.nn.utils.skip_init(int),
    lambda lib: pickle.dumps(lib.nn.utils.parametrizations.weight_norm(lib.nn.Linear(2, 2))),
    lambda lib: lib.nn.attention.sdpa_kernel(3).__enter__(),
])
def test_errors(wrong):
    same_errors(wrong)


# Parametrisations.

def orthogonal(name, trivialized, out):
    return lambda lib: lib.nn.utils.parametrizations.orthogonal(
        lib.nn.Linear(5, out), orthogonal_map=name, use_trivialization=trivialized)


def symmetric(lib):
    class Symmetric(lib.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).transpose(-1, -2)

        def right_inverse(self, a):
            return a.triu()

    layer = lib.nn.Linear(5, 5)
    for name, parametrization in (("weight", Symmetric()), ("weight", Symmetric()), ("bias", lib.nn.Tanh())):
        lib.nn.utils.parametrize.register_parametrization(layer, name, parametrization)
    layer.weight = lib.ones(5, 5)
    return layer


def taken_off(leave):
    def make(lib):
        layer = symmetric(lib)
        for name in ("weight", "bias"):
            lib.nn.utils.parametrize.remove_parametrizations(layer, name, leave)
        assert type(layer) is lib.nn.Linear
        return layer

    return make


MAKERS = {
    **{f"weight_norm-{dim}": lambda lib, dim=dim: lib.nn.utils.parametrizations.weight_norm(lib.nn.Linear(5, 3), dim=dim)
       for dim in (0, 1, None)},
    "spectral_norm": lambda lib: lib.nn.utils.parametrizations.spectral_norm(lib.nn.Linear(5, 3), n_power_iterations=2),
    "old weight_norm": lambda lib: lib.nn.utils.weight_norm(lib.nn.Linear(5, 3)),
    "old spectral_norm": lambda lib: lib.nn.utils.spectral_norm(lib.nn.Linear(5, 3)),
    **{f"orthogonal-{name}-{trivialized}-{out}": orthogonal(name, trivialized, out) for name, trivialized, out in
       itertools.product((None, "matrix_exp", "cayley", "householder"), (True, False), (5, 3, 7))},
    "symmetric": symmetric, "taken off": taken_off(True), "taken off, original": taken_off(False),
    "removed weight_norm": lambda lib: lib.nn.utils.remove_weight_norm(lib.nn.utils.weight_norm(lib.nn.Linear(5, 3))),
    "removed spectral_norm": lambda lib: lib.nn.utils.remove_spectral_norm(lib.nn.utils.spectral_norm(lib.nn.Linear(5, 3))),
}


@pytest.mark.parametrize("name", MAKERS)
def test_parametrized_layers(name):
    theirs, mine = both(MAKERS[name])
    assert repr(mine) == repr(theirs) and list(mine.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        agree(mine.state_dict()[key], value)
    x = torch.randn(4, 5)
    want, got = theirs(x), mine(ours(x))
    agree(got, want)
    want.pow(2).sum().backward()
    got.pow(2).sum().backward()
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        agree(a.grad, b.grad, 1e-4)
    if not name.startswith("old"):
        agree(copy.deepcopy(mine).eval()(ours(x)), copy.deepcopy(theirs).eval()(x))


def test_a_state_of_the_older_weight_norm_loads():
    old = plugtorch.nn.utils.weight_norm(plugtorch.nn.Linear(5, 3))
    new = plugtorch.nn.utils.parametrizations.weight_norm(plugtorch.nn.Linear(5, 3))
    new.load_state_dict(old.state_dict())
    x = plugtorch.randn(2, 5)
    agree(new(x), old(x))


# Whole modules.

def test_fusion():
    def make(lib):
        conv, norm = lib.nn.Conv2d(3, 4, 2), lib.nn.BatchNorm2d(4)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        dense, line = lib.nn.Linear(5, 4), lib.nn.BatchNorm1d(4)
        return (lib.nn.utils.fuse_conv_bn_eval(conv.eval(), norm.eval()),
                lib.nn.utils.fuse_linear_bn_eval(dense.eval(), line.eval()))

    theirs, mine = both(make)
    for a, b, x in zip(mine, theirs, (torch.randn(2, 3, 5, 5), torch.randn(3, 5)), strict=True):
        agree(a(ours(x)), b(x))


def test_containers_and_parallel_modules():
    theirs, mine = both(lambda lib: lib.nn.DataParallel(lib.nn.Linear(2, 2)))
    assert repr(mine) == repr(theirs) and list(mine.state_dict()) == list(theirs.state_dict())
    x = torch.randn(3, 2)
    agree(mine(ours(x)), theirs(x))
    assert repr(both(lambda lib: lib.nn.Container(a=lib.nn.ReLU()))[1]) == repr(torch.nn.Container(a=torch.nn.ReLU()))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_of_convolutions(n):
    x, w = torch.randn(2, 4, *[6] * n), torch.randn(6, 2, *[3] * n)
    g = torch.randn_like(getattr(torch.nn.functional, f"conv{n}d")(x, w, None, 2, 1, 1, 2))
    for what, first, size in (("input", x.shape, w), ("weight", x, w.shape)):
        name = f"conv{n}d_{what}"
        want = getattr(torch.nn.grad, name)(first, size, g, 2, 1, 1, 2)
        args = [ours(a) if isinstance(a, torch.Tensor) else tuple(a) for a in (first, size, g)]
        agree(getattr(plugtorch.nn.grad, name)(*args, 2, 1, 1, 2), want, 1e-4)


# Pruning.

def pruned(*steps):
    def make(lib):
        layer = lib.nn.Linear(4, 3)
        prune = importlib.import_module(lib.__name__ + ".nn.utils.prune")
        lib.manual_seed(1)
        for name, *arguments in steps:
            getattr(prune, name)(layer, *arguments)
        return layer

    return make


PRUNED = [
    pruned(("l1_unstructured", "weight", 3)), pruned(("l1_unstructured", "weight", 0.4), ("l1_unstructured", "weight", 2)),
    pruned(("random_unstructured", "weight", 5)), pruned(("random_structured", "weight", 1, 0)),
    pruned(("ln_structured", "weight", 1, 2, 1), ("ln_structured", "weight", 1, 2, 0)),
    pruned(("identity", "bias")), pruned(("l1_unstructured", "weight", 3), ("remove", "weight")),
]


@pytest.mark.parametrize("make", PRUNED)
def test_pruned_layers(make):
    theirs, mine = both(make)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        agree(mine.state_dict()[key], value)
    x = torch.randn(2, 4)
    want, got = theirs(x), mine(ours(x))
    agree(got, want)
    want.sum().backward()
    got.sum().backward()
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        agree(a.grad, b.grad)


def test_pruning_several_layers_as_one():
    def make(lib):
        prune = importlib.import_module(lib.__name__ + ".nn.utils.prune")
        model = lib.nn.Sequential(lib.nn.Linear(4, 3), lib.nn.Linear(3, 5))
        prune.global_unstructured([(layer, "weight") for layer in model], prune.L1Unstructured, amount=11)
        assert prune.is_pruned(model)
        return model

    theirs, mine = both(make)
    for key, value in theirs.state_dict().items():
        agree(mine.state_dict()[key], value)


@pytest.mark.parametrize("step", [
    ("l1_unstructured", "weight", 20), ("l1_unstructured", "weight", 1.5), ("l1_unstructured", "weight", "a"),
    ("l1_unstructured", "weight", -1), ("random_structured", "bias", 1, 0), ("ln_structured", "weight", 1, 2, 5),
    ("ln_structured", "weight", 9, 2, 0), ("remove", "weight"),
])
def test_errors_of_pruning(step):
    same_errors(pruned(step))
