"""Compiled modules: their layers, buffers, hooks, and what a module around a compiled one keeps."""

from __future__ import annotations

import copy
import pickle
import warnings

import pytest
from compiling import assert_alike, batches, check_alike, network, recordings, state_of

import plugtorch as torch
import plugtorch.nn.functional as F
from plugtorch import nn, optim
from plugtorch.frontend.compiled.function import RecompileWarning
from plugtorch.nn.utils import parametrizations
from plugtorch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from plugtorch.transforms.tracing.recorder import TraceError
from plugtorch.utils.checkpoint import checkpoint


def steps(make, shape=(6, 4), count=3):
    """A program for ``check_alike``: training steps on the module that ``make()`` gives, and calls of it in evaluation."""
    def program(compiled):
        model = make()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(x):
            optimizer.zero_grad()
            y = model(x)
            loss = (y[0] if isinstance(y, tuple) else y).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        step, call = compiled(step), compiled(model)
        seen = [step(x).detach() for x in batches(count, shape)]
        model.eval()
        return [*seen, *(call(x) for x in batches(2, shape)), *state_of(model)]

    return program


class Masked(nn.Module):
    """A transformer with a mask among its targets and one for padding."""

    def __init__(self):
        super().__init__()
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, batch_first=True), 2)
        self.mask = nn.Transformer.generate_square_subsequent_mask(6)
        padding = torch.zeros(2, 6)
        padding[0, 4:] = float("-inf")
        self.padding = padding

    def forward(self, x):
        return self.layers(x, mask=self.mask, src_key_padding_mask=self.padding)


class Attention(nn.MultiheadAttention):
    def forward(self, x):
        return super().forward(x, x, x, average_attn_weights=False)


MODULES = {
    "perceptron": (network, (6, 4)),
    "batch norm": (lambda: nn.Sequential(nn.Linear(4, 5, bias=False), nn.BatchNorm1d(5), nn.ReLU()), (6, 4)),
    "rnn": (lambda: nn.RNN(4, 5, nonlinearity="relu"), (3, 2, 4)),
}
# Many kernels, which a library that compiles each takes long for.
LARGER_MODULES = {
    "norms": (lambda: nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.GroupNorm(2, 6), nn.RMSNorm(6),
                                    nn.BatchNorm1d(6, track_running_stats=False, affine=False), nn.Linear(6, 2)), (6, 4)),
    "convolutions": (lambda: nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.MaxPool2d(2), nn.Dropout2d(0.2),
                                           nn.ConvTranspose2d(3, 2, 2), nn.AdaptiveAvgPool2d(2), nn.Flatten()),
                     (2, 1, 6, 6)),
    "lstm": (lambda: nn.LSTM(4, 5, 2, batch_first=True, dropout=0.3, bidirectional=True), (2, 5, 4)),
    "gru": (lambda: nn.GRU(4, 5), (5, 2, 4)),
    "attention": (lambda: Attention(4, 2, dropout=0.2, batch_first=True), (2, 6, 4)),
    "transformer": (Masked, (2, 6, 4)),
    "weight norm": (lambda: parametrizations.weight_norm(nn.Linear(4, 3)), (6, 4)),
    "spectral norm": (lambda: parametrizations.spectral_norm(nn.Linear(4, 3)), (6, 4)),
    "orthogonal": (lambda: parametrizations.orthogonal(nn.Linear(4, 4)), (6, 4)),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(name, backend):
    assert check_alike(steps(*MODULES[name])) == [1, 1]


@pytest.mark.one_backend
@pytest.mark.parametrize("name", LARGER_MODULES)
def test_larger_modules(name, backend):
    assert check_alike(steps(*LARGER_MODULES[name])) == [1, 1]


@pytest.mark.one_backend
def test_recurrent_states_go_from_call_to_call(backend):
    def program(compiled):
        model = nn.LSTM(4, 5, batch_first=True)
        f, state, seen = compiled(model), None, []
        for x in batches(3, (2, 3, 4)):
            y, state = f(x, state)
            y.sum().backward()
            state = tuple(t.detach() for t in state)
            seen += [y, state]
        return [*seen, state_of(model)]

    assert check_alike(program) == [2]


@pytest.mark.one_backend
def test_packed_sequences_run_eagerly(backend):
    def program(compiled):
        model = nn.GRU(4, 5, batch_first=True)

        def f(x, lengths):
            y, _ = model(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
            return pad_packed_sequence(y, batch_first=True)[0]

        f = compiled(f, fullgraph=False)
        return [f(x, torch.tensor([3, 6])) for x in batches(2, (2, 6, 4))]

    torch.manual_seed(0)
    expected = program(lambda f, **_: f)
    torch.manual_seed(0)
    with pytest.warns(UserWarning, match="reads a value of a tensor"):
        assert_alike(program(torch.compile), expected)


@pytest.mark.one_backend
def test_masks_of_attention(backend):
    def program(compiled):
        model = nn.MultiheadAttention(4, 2, batch_first=True)
        f, seen = compiled(model), []
        padding = torch.tensor([[False] * 5 + [True]] * 2)
        for x in batches(2, (2, 6, 4)):
            seen += [f(x, x, x, key_padding_mask=padding), f(x, x[:, :3], x[:, :3], need_weights=False)]
        return seen

    assert check_alike(program) == [2]


@pytest.mark.one_backend
def test_losses(backend):
    def program(compiled):
        model, weight, seen = nn.Linear(4, 3), torch.tensor([1.0, 2.0, 0.5]), []
        kinds = [{}, {"weight": weight, "label_smoothing": 0.1, "reduction": "sum"}, {"ignore_index": 1}]
        for kind in kinds:
            def step(x, target, kind=kind):
                model.zero_grad()
                loss = F.cross_entropy(model(x), target, **kind)
                loss.backward()
                return loss

            step = compiled(step)
            for i, x in enumerate(batches(2)):
                seen += [step(x, torch.tensor([0, 1, 2, 1, 1, i])).detach(), *(p.grad.clone() for p in model.parameters())]
        return seen

    assert check_alike(program) == [2, 1, 1]


def test_embeddings(backend):
    def program(compiled):
        model = nn.Embedding(7, 3, padding_idx=0)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(i):
            optimizer.zero_grad()
            loss = model(i).square().sum()
            loss.backward()
            optimizer.step()
            return loss

        step = compiled(step)
        return [[step(torch.tensor([0, 1, i])).detach() for i in (1, 2, 6)], state_of(model)]

    assert check_alike(program) == [1]


def test_training_and_evaluation(backend):
    def program(compiled):
        model, seen = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)), []
        f = compiled(model)
        for i, x in enumerate(batches(6)):
            (f if i < 3 else model).train(i % 3 != 2)
            seen += [f.training, f(x)]
        return [*seen, list(model.buffers())]

    assert check_alike(program) == [2]


class Running(nn.Module):
    """Keeps a mean in a buffer and a sum in an attribute, both assigned anew at each call."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(4))
        self.total, self.scale, self.last = torch.zeros(4), nn.Parameter(torch.ones(4)), None

    def forward(self, x):
        self.mean = self.mean * 0.9 + x.detach().mean(0)
        self.total = self.total + x.sum(0)
        self.last = x.mean() if self.last is None else self.last + x.mean()
        return x * self.scale + self.mean + self.total


def test_attributes_that_are_assigned(backend):
    def program(compiled):
        model = Running()
        f, seen = compiled(model), []
        for x in batches():
            seen += [f(x), model.mean.clone(), model.total.clone(), model.last]
        model.mean, model.total = torch.ones(4), torch.ones(4)
        return [*seen, f(batches(1)[0]), model.mean, model.total, list(model.state_dict())]

    assert check_alike(program) == [2]


def test_a_module_that_keeps_its_activations(backend):
    """Each call makes a tensor that stays: it is recorded each time, and right. One in the graph is refused."""
    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.graph = nn.Linear(4, 4), False

        def forward(self, x):
            y = self.layer(x)
            self.activation = y if self.graph else y.detach()
            return y.sum()

    def program(compiled):
        model = Keeping()
        f, kept = compiled(model), []
        for x in batches(3):
            kept += [f(x), model.activation]
        return kept

    assert check_alike(program) == [3]
    model = Keeping()
    f = torch.compile(model, recompile_limit=1)
    f(torch.ones(2, 4))
    with pytest.warns(RecompileWarning, match=r"stays in use after it \(shape \[2, 4\]\)"):
        f(torch.ones(2, 4))
    model.graph = True
    with pytest.raises(TraceError, match="keeps a tensor that requires grad"):
        torch.compile(model, fullgraph=True)(torch.ones(2, 4))
    with pytest.warns(UserWarning, match="is run eagerly"):
        loss = torch.compile(model, fullgraph=False)(torch.ones(2, 4))
    (loss + model.activation.sum()).backward()
    assert model.layer.bias.grad.tolist() == [4] * 4


def test_attributes_that_change_between_calls(backend):
    class Layers(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
            self.settings, self.sizes, self.slope = {"scale": 2.0, "count": 2}, [1, 2], 0.5

        def forward(self, x):
            for layer in self.layers[:self.settings["count"]]:
                x = F.leaky_relu(layer(x) * self.settings["scale"], self.slope) * self.sizes[0]
            return x

    def program(compiled):
        model, x = Layers(), batches(1)[0]
        f = compiled(model)
        seen = [f(x), f(x)]
        model.settings["count"] = 3
        seen.append(f(x))
        model.slope = 0.25
        seen.append(f(x))
        model.sizes[0] = 5
        seen.append(f(x))
        del model.layers[0]
        return [*seen, f(x), f(x)]

    assert check_alike(program) == [5]


def test_hooks_of_modules(backend):
    def program(compiled):
        model, seen = network(), []
        model[0].register_forward_hook(lambda module, args, result: result * 2)
        model[2].register_forward_pre_hook(lambda module, args: (args[0] + 1,))
        model[2].register_full_backward_hook(lambda module, into, out: (into[0] * 2,))

        def step(x):
            model.zero_grad()
            loss = model(x).square().sum()
            loss.backward()
            return loss

        step, call = compiled(step), compiled(model)
        for i, x in enumerate(batches(5)):
            if i == 2:
                handle = model[1].register_forward_hook(lambda module, args, result: result * 2)
            if i == 4:
                handle.remove()
            seen += [step(x).detach(), model[0].weight.grad.clone(), call(x)]
        return seen

    assert check_alike(program) == [3, 2]


def test_hooks_of_tensors(backend):
    def program(compiled):
        model, seen = network(), []
        model[0].weight.register_hook(lambda g: g * 3)
        model[2].weight.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(0.5))

        def step(x):
            model.zero_grad()
            y = model[0](x)
            y.register_hook(lambda g: g * 2)
            loss = model[1:](y).square().sum()
            loss.backward()
            return loss

        step, call = compiled(step), compiled(model)
        for i, x in enumerate(batches(5)):
            if i == 2:
                handle = model[2].bias.register_hook(lambda g: g * 5)
            if i == 4:
                handle.remove()
            seen += [step(x).detach(), [p.grad.clone() for p in model.parameters()]]
            model.zero_grad()
            call(x).square().sum().backward()
            seen.append([p.grad.clone() for p in model.parameters()])
        return seen

    found = check_alike(program)
    assert 3 <= found[0] <= 5 and found[1] == 1


def test_functions_with_a_backward_of_their_own(backend):
    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, k):
            y = x.exp()
            ctx.save_for_backward(x, y)
            ctx.k = k
            return y * k

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * y * ctx.k + 0 * x, None

    def program(compiled):
        w = torch.randn(4, requires_grad=True)

        def call(x):
            return Scaled.apply(x * w, 3.0).sum()

        def step(x):
            w.grad = None
            loss = call(x)
            loss.backward()
            return loss

        f, g, seen = compiled(call), compiled(step), []
        for x in batches(2):
            w.grad = None
            y = f(x)
            y.backward()
            seen += [y, w.grad.clone(), g(x).detach(), w.grad.clone()]
        return seen

    assert check_alike(program) == [1, 1]


@pytest.mark.one_backend
def test_checkpointed_parts(backend):
    def program(compiled):
        model, drop = network(), nn.Dropout(0.3)

        def step(x):
            model.zero_grad()
            loss = checkpoint(lambda y: drop(model(y)), x, use_reentrant=False).square().mean()
            loss.backward()
            return loss

        step = compiled(step)
        return [[step(x).detach() for x in batches(3)], state_of(model)]

    assert check_alike(program) == [2]


def test_compiled_parts_of_compiled_wholes(backend):
    def program(compiled):
        model = compiled(nn.Sequential(compiled(nn.Linear(4, 4)), nn.ReLU(), nn.Linear(4, 3)))
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        def step(x):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        outside, inside = step, compiled(step)
        return [[outside(x).detach() for x in batches(2)], [inside(x).detach() for x in batches(2)], state_of(model)]

    assert check_alike(program) == [0, 1, 1]


def test_copies_and_pickles(backend):
    model, x = nn.Linear(4, 3), torch.ones(2, 4)
    compiled = torch.compile(model)
    expected = compiled(x)
    for other in (copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))):
        assert_alike(other(x), expected)
        assert_alike(other(x), expected)
        with torch.no_grad():
            other.weight.zero_()
            other.bias.zero_()
        assert_alike(other(x).detach(), torch.zeros(2, 3))
        assert_alike(compiled(x), expected)
        assert recordings(other) >= 1
    assert list(compiled.state_dict()) == ["_orig_mod.weight", "_orig_mod.bias"]
    assert compiled.weight is model.weight and compiled.in_features == 4


def test_module_compile(backend):
    def program(compiled):
        model = network()
        if compiled is not plain:
            model.compile()
        return [model(x) for x in batches(2)]

    def plain(function, **_):
        return function

    torch.manual_seed(0)
    expected = program(plain)
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_alike(program(torch.compile), expected)
