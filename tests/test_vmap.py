"""``vmap``: results, gradients through and inside it, writes, randomness, errors."""

from __future__ import annotations

import pytest

import plugtorch as torch
from plugtorch import nn
from plugtorch.func import debug_unwrap, functional_call, grad, jacrev, stack_module_state, vmap


def grid():
    return torch.arange(6.0).reshape(2, 3)


def close(a, b, tolerance=1e-5):
    assert tuple(a.shape) == tuple(b.shape)
    assert float((a - b).abs().max()) <= tolerance


# Results.

def test_dims_follow_the_structure_of_arguments_and_results():
    x, y = grid(), torch.tensor([10.0, 20.0, 30.0])
    out = vmap(lambda d, t: {"sum": d["a"] + t[0], "both": (d["a"], d["b"])}, in_dims=({"a": 1, "b": 0}, (None,)),
               out_dims={"sum": 1, "both": (0, -1)})({"a": x, "b": y}, (torch.ones(2),))
    close(out["sum"], x + 1)
    close(out["both"][0], x.t())
    close(out["both"][1], y)


def test_what_is_the_same_for_all_samples_is_repeated():
    close(vmap(lambda a: torch.ones(2))(grid()), torch.ones(2, 2))
    constant = torch.ones(2)
    mapped, same = vmap(lambda a: (a, constant), out_dims=(0, None))(grid())
    assert same is constant
    close(mapped, grid())


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 7])
def test_chunks(chunk_size):
    x = torch.arange(15.0).reshape(3, 5)
    got = vmap(lambda a, b: (a * b, a.sum()), in_dims=(1, None), out_dims=(1, 0), chunk_size=chunk_size)(x, torch.ones(3))
    close(got[0], x)
    close(got[1], x.sum(0))


def test_a_mapped_axis_of_size_zero():
    assert vmap(lambda a: (a @ a.t()).sum(0))(torch.ones(0, 2, 3)).shape == (0, 2)


def test_levels_nest():
    x, y = torch.arange(3.0), torch.arange(4.0)
    close(vmap(vmap(torch.mul, in_dims=(None, 0)), in_dims=(0, None))(x, y), torch.outer(x, y))
    inner = vmap(lambda a: vmap(lambda b: debug_unwrap(a * b, recurse=False).dim() + 0 * b)(y))(x)
    close(inner, torch.full((3, 4), 1.0))


def test_index_by_mapped_tensors():
    x, i = grid(), torch.tensor([2, 0])
    close(vmap(lambda a, n: a[n])(x, i), torch.tensor([2.0, 3.0]))
    close(vmap(lambda n: x[:, n], out_dims=1)(i), x[:, i])
    with pytest.raises(IndexError, match="out of bounds"):
        vmap(lambda a, n: a[n])(x, torch.tensor([0, 3]))


# Writes.

def test_writes_inside():
    def f(a, v, i):
        b = a * 1
        part = b[1:]
        part.mul_(2)
        b.view(3, 1).add_(1)
        b[0] = v
        b[i] += 5
        return b, part

    rows = [f(a, v, i) for a, v, i in zip(grid(), torch.tensor([7.0, 8.0]), torch.tensor([1, 2]), strict=True)]
    got = vmap(f)(grid(), torch.tensor([7.0, 8.0]), torch.tensor([1, 2]))
    for n in range(2):
        close(got[n], torch.stack([r[n] for r in rows]))


def test_an_argument_written_in_place_is_written_outside():
    x = grid()
    y = vmap(lambda a: a.add_(1))(x)
    close(x, grid() + 1)
    close(y, grid() + 1)
    t = grid()
    vmap(lambda a: a.zero_(), in_dims=1)(t)
    close(t, torch.zeros(2, 3))


@pytest.mark.parametrize("write", [
    lambda z, a: z.add_(a), lambda z, a: z.copy_(a), lambda z, a: z.__setitem__(0, a[0]),
    lambda z, a: z.index_put_((torch.tensor([0]),), a[:1]),
])
def test_mapped_values_do_not_fit_into_a_tensor_from_outside(write):
    z = torch.zeros(3)
    with pytest.raises(RuntimeError, match="vmap: inplace arithmetic"):
        vmap(lambda a: write(z, a))(grid())
    close(z, torch.zeros(3))


def test_a_tensor_from_outside_takes_values_that_are_not_mapped():
    z = torch.zeros(3)
    close(vmap(lambda a: z.add_(1) + a)(grid()), grid() + 1)
    close(z, torch.ones(3))


# Gradients.

def test_gradients_through():
    x = grid().requires_grad_()
    vmap(lambda a: (a**3).sum())(x).sum().backward()
    close(x.grad, 3 * grid() ** 2)


def test_gradients_of_a_value_from_the_closure():
    w = torch.ones(3, requires_grad=True)
    vmap(lambda a: (a * w).sum())(grid()).sum().backward()
    close(w.grad, grid().sum(0))


def test_no_grad_outside_and_inside():
    x = grid().requires_grad_()
    with torch.no_grad():
        y = vmap(grad(lambda a: (a * a).sum()))(x)
    assert not y.requires_grad
    close(y, 2 * grid())

    def half(a):
        with torch.no_grad():
            b = a * 2
        return a * b

    vmap(half)(x).sum().backward()
    close(x.grad, 2 * grid())


def per_sample(model, loss, params, x, y):
    def one(p, a, b):
        return loss(functional_call(model, p, (a[None],)), b[None])

    got = vmap(grad(one), in_dims=(None, 0, 0))(params, x, y)
    for n in range(x.shape[0]):
        model.zero_grad()
        loss(model(x[n:n + 1]), y[n:n + 1]).backward()
        for name, p in model.named_parameters():
            close(got[name][n], p.grad, 2e-5)


def test_per_sample_gradients_of_a_cnn():
    model = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Conv2d(4, 6, 3, groups=2, stride=2), nn.GELU(), nn.AvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
    params = {k: v.detach() for k, v in model.named_parameters()}
    per_sample(model, nn.functional.cross_entropy, params, torch.randn(4, 2, 8, 8), torch.tensor([0, 2, 1, 1]))


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.lstm = nn.LSTM(4, 5, num_layers=2, batch_first=True, bidirectional=True)
        self.out = nn.Linear(10, 3)

    def forward(self, x):
        return self.out(self.lstm(self.embedding(x))[0][:, -1])


def test_per_sample_gradients_of_an_lstm():
    model = Tagger()
    params = {k: v.detach() for k, v in model.named_parameters()}
    per_sample(model, nn.functional.cross_entropy, params, torch.randint(0, 7, (3, 6)), torch.tensor([0, 2, 1]))


def test_a_transformer_layer():
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, dropout=0.0)
    x = torch.randn(3, 5, 4)
    close(vmap(layer)(x), layer(x), 1e-5)


def test_an_ensemble():
    models = [nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)) for _ in range(3)]
    params, buffers = stack_module_state(models)
    got = vmap(lambda p, b, x: functional_call(models[0], (p, b), (x,)), in_dims=(0, 0, None))(params, buffers, grid())
    close(got, torch.stack([m(grid()) for m in models]))
    got.sum().backward()
    assert params["0.weight"].grad.shape == (3, 4, 3)


def test_gradients_of_mapped_cotangents():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x**2
    close(vmap(lambda v: torch.autograd.grad(y, x, v, retain_graph=True)[0])(torch.eye(3)), torch.diag(2 * x.detach()))


# User functions.

class Cube(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(a):
        return a**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, g):
        return g * 5 * ctx.saved_tensors[0]  # not the derivative, so that it is seen whether this is called


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(a, b):
        return a * b

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return g * b, g * a

    @staticmethod
    def vmap(info, in_dims, a, b):
        assert in_dims == (0, None)
        return a * b * info.batch_size, 0


def test_generated_rule():
    x = grid()
    close(vmap(Cube.apply)(x), x**3)
    close(vmap(grad(lambda a: Cube.apply(a).sum()))(x), 5 * x)
    close(grad(lambda a: vmap(Cube.apply)(a).sum())(x), 5 * x)
    close(grad(lambda a: grad(lambda b: vmap(Cube.apply)(b).sum())(a).sum())(x), torch.full((2, 3), 5.0))
    close(jacrev(Cube.apply)(x[0]), torch.diag(5 * x[0]))
    close(grad(lambda w: vmap(lambda a: Cube.apply(a * w))(x).sum())(torch.tensor(2.0)), (5 * x * 2 * x).sum())


def test_own_rule():
    close(vmap(Scaled.apply, in_dims=(0, None))(grid(), torch.tensor(2.0)), grid() * 4)


def test_functions_that_cannot_be_mapped():
    class Plain(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a * 2

    class Bare(Cube):
        generate_vmap_rule = False

    class Both(Scaled):
        generate_vmap_rule = True

    with pytest.raises(RuntimeError, match="must override the setup_context"):
        vmap(Plain.apply)(grid())
    with pytest.raises(RuntimeError, match="does not have vmap support"):
        vmap(Bare.apply)(grid())
    with pytest.raises(RuntimeError, match="avoid ambiguity"):
        vmap(Both.apply, in_dims=(0, None))(grid(), torch.tensor(1.0))


# Randomness.

def seeded(f, *args):
    torch.manual_seed(0)
    return f(*args)


def test_different_values_are_those_of_one_call():
    zeros = torch.zeros(3, 20)
    for inside, whole in (
        (lambda a: a + torch.randn(20), lambda: torch.randn(3, 20)),
        (lambda a: torch.rand_like(a), lambda: torch.rand(3, 20)),
        (lambda a: nn.functional.dropout(a + 1, 0.5), lambda: nn.functional.dropout(zeros + 1, 0.5)),
        (lambda a: a.clone().exponential_(), lambda: zeros.clone().exponential_()),
        (lambda a: torch.bernoulli(a + 0.5), lambda: torch.bernoulli(zeros + 0.5)),
    ):
        close(seeded(vmap(inside, randomness="different"), zeros), seeded(whole), 0)


def test_the_same_values_for_all():
    got = seeded(vmap(lambda a: a + torch.rand(4), randomness="same"), torch.zeros(3, 4))
    close(got, seeded(torch.rand, 4).expand(3, 4), 0)
    chunks = seeded(vmap(lambda a: a + torch.rand(4), randomness="same", chunk_size=1), torch.zeros(3, 4))
    close(chunks, got, 0)


def test_dropout_gradients_use_the_mask():
    got = seeded(vmap(grad(lambda a: nn.functional.dropout(a, 0.5).sum()), randomness="different"), torch.ones(2, 8))
    close(got, seeded(nn.functional.dropout, torch.ones(2, 8), 0.5), 0)


def test_nested_randomness():
    got = seeded(vmap(vmap(lambda a: a + torch.rand(2), randomness="same"), randomness="different"), torch.zeros(3, 4, 2))
    close(got, seeded(torch.rand, 3, 2)[:, None].expand(3, 4, 2), 0)


@pytest.mark.parametrize("draw", [
    lambda a: torch.rand(3), lambda a: torch.randn_like(a), lambda a: torch.randperm(3), lambda a: a.clone().normal_(),
    lambda a: nn.functional.dropout(a), lambda a: torch.bernoulli(a), lambda a: torch.multinomial(a + 1, 1),
])
def test_random_functions_are_refused_by_default(draw):
    with pytest.raises(RuntimeError, match="randomness error mode"):
        vmap(draw)(torch.zeros(2, 3))


def test_randomness_that_cannot_be():
    with pytest.raises(RuntimeError, match="inplace randomness on an unbatched tensor"):
        vmap(lambda a: torch.zeros(3).uniform_(), randomness="different")(grid())
    with pytest.raises(RuntimeError, match="same randomness with a batched tensor"):
        vmap(lambda a: torch.bernoulli(a), randomness="same")(torch.zeros(2, 3))


# Errors.

ERRORS = [
    (lambda x: vmap(torch.add)(x, torch.ones(3, 3)), ValueError, r"same size in the mapped dimension, got sizes \[2, 3\]"),
    (lambda x: vmap(torch.sum)(torch.tensor(1.0)), ValueError, "dimensionality 0"),
    (lambda x: vmap(torch.add, in_dims=(None, None))(x, x), ValueError, "at least one Tensor to vmap over"),
    (lambda x: vmap(torch.add, in_dims=[0, 0])(x, x), ValueError, "expected `in_dims` to be int or a"),
    (lambda x: vmap(torch.add, in_dims=(0,))(x, x), ValueError, r"structure TreeSpec\(tuple, None, \[\*\]\) but inputs"),
    (lambda x: vmap(torch.add, in_dims=(0, "a"))(x, x), ValueError, "Got in_dim=a"),
    (lambda x: vmap(torch.add, in_dims=(0, 5))(x, x), ValueError, "-2 <= in_dim < 2"),
    (lambda x: vmap(lambda a, b: a)(x, 1), ValueError, "cannot vmap over non-Tensor"),
    (lambda x: vmap(torch.add)(), ValueError, "got no inputs"),
    (lambda x: vmap(lambda a: 1)(x), ValueError, "must only return Tensors, got type <class 'int'>"),
    (lambda x: vmap(lambda a: a, out_dims=5)(x), IndexError, "Dimension out of range"),
    (lambda x: vmap(lambda a: a, out_dims=(0, 0))(x), ValueError, "out_dims is not compatible"),
    (lambda x: vmap(lambda a: a, out_dims=None)(x), ValueError, "can not return a BatchedTensor"),
    (lambda x: vmap(lambda a: a, out_dims="a")(x), ValueError, "must be an int, None or a python collection"),
    (lambda x: vmap(lambda a: a, randomness="some")(x), RuntimeError, "Only allowed values for randomness"),
    (lambda x: vmap(lambda a: a, chunk_size=0)(x), ValueError, "chunk_size should be None or greater than 0"),
    (lambda x: vmap(lambda a: a.sum().item())(x), RuntimeError, r"calling .item\(\)"),
    (lambda x: vmap(lambda a: a.tolist())(x), RuntimeError, r"calling .item\(\)"),
    (lambda x: vmap(lambda a: a if a.sum() > 1 else -a)(x), RuntimeError, "data-dependent control flow"),
    (lambda x: vmap(lambda a: a.nonzero())(x), RuntimeError, "dynamic shape"),
    (lambda x: vmap(lambda a: a[a > 0])(x), RuntimeError, "indexing with a boolean mask"),
    (lambda x: vmap(lambda a: a @ torch.ones(2, 2))(x), RuntimeError, "size|shape"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS)
def test_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call(grid())


def test_a_tensor_that_left_its_vmap():
    kept = []
    vmap(vmap(lambda a: kept.append(a) or a))(grid())
    with pytest.raises(RuntimeError, match="after that vmap, or in another one"):
        vmap(lambda a: a + kept[0])(grid())
    with pytest.raises(RuntimeError, match="after that vmap, or in another one"):
        vmap(lambda a: kept[0])(grid())


def test_masks():
    x = torch.arange(6.0).reshape(2, 3)
    keep = torch.tensor([True, False, True])
    close(vmap(lambda a: a[keep])(x), x[:, keep])
    source = torch.tensor([[10.0, 20.0, 30.0]] * 2)
    close(vmap(lambda a, s: a.masked_scatter(a > 1, s))(x, source), torch.tensor([[0.0, 1.0, 10.0], [10.0, 20.0, 30.0]]))
    close(vmap(lambda a: a.masked_fill(a > 1, 0.0))(x), torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))


def test_how_it_prints():
    shown = []
    vmap(lambda a: shown.append(repr(a)) or a)(torch.zeros(2))
    assert shown == ["BatchedTensor(lvl=1, bdim=0, value=\n    tensor([0., 0.])\n)"]


def test_new_tensors_beside_a_mapped_one_can_be_written():
    close(vmap(lambda a: a.new_zeros(3).add_(a))(grid()), grid())
    close(vmap(lambda a: torch.add(a, 1, out=torch.empty_like(a)))(grid()), grid() + 1)


def test_training_inside():
    """Three steps of gradient descent for each sample."""

    def descend(a):
        w = torch.zeros_like(a).requires_grad_()
        for _ in range(3):
            ((w - a) ** 2).sum().backward()
            with torch.no_grad():
                w -= 0.1 * w.grad
            w.grad = None
        return w.detach()

    close(vmap(descend)(grid()), grid() * (1 - 0.8**3))


def test_many_cotangents_in_one_pass():
    x = torch.arange(3.0).requires_grad_()
    y, z = x**3, (x * 3).sum()
    g, = torch.autograd.grad((y, z), x, (torch.eye(3), torch.ones(3)), is_grads_batched=True, create_graph=True)
    close(g, torch.diag(3 * x.detach() ** 2) + 3)
    g.sum().backward()
    close(x.grad, 6 * x.detach())
