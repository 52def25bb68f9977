"""Compiled training steps: the state that they find, read and write, against the same steps run eagerly."""

from __future__ import annotations

import copy

import pytest
from compiling import assert_alike, batches, check_alike, flat, network, recordings, state_of

import plugtorch as torch
import plugtorch.nn.functional as F
from plugtorch import nn, optim
from plugtorch.optim import lr_scheduler, swa_utils
from plugtorch.transforms.tracing.recorder import TraceError


def training(make, zero="before", schedule=None, body=None, count=5):
    """A program for ``check_alike``: steps on a small network with the optimizer ``make(parameters)``."""
    def program(compiled):
        model = network()
        optimizer = make(list(model.parameters()))
        scheduler = schedule(optimizer) if schedule else None

        def step(x):
            if zero == "before":
                optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            if body:
                body(model)
            optimizer.step()
            if zero == "after":
                optimizer.zero_grad()
            elif zero == "fill":
                optimizer.zero_grad(set_to_none=False)
            return loss

        step, seen = compiled(step), []
        for x in batches(count):
            seen.append(step(x).detach())
            if scheduler:
                scheduler.step()
        return [*seen, *state_of(model, optimizer)]

    return program


# How often a step is recorded: once, and again where a rule changes its form with the number of steps.
OPTIMIZERS = {
    "sgd": (lambda p: optim.SGD(p, lr=0.1), 1),
    "momentum": (lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True), 1),
    "adam": (lambda p: optim.Adam(p, lr=0.01), 1),
    "amsgrad": (lambda p: optim.Adam(p, lr=0.01, amsgrad=True, maximize=True), 1),
    "adam of a tensor": (lambda p: optim.Adam(p, lr=torch.tensor(0.01), capturable=True), 1),
    "adamw": (lambda p: optim.AdamW(p, lr=0.01), 1),
    "adam foreach": (lambda p: optim.Adam(p, lr=0.01, foreach=True), 1),
    "adam one by one": (lambda p: optim.Adam(p, lr=0.01, foreach=False), 1),
    "adam fused": (lambda p: optim.Adam(p, lr=0.01, fused=True), 1),
    "adamax": (lambda p: optim.Adamax(p), 1),
    "nadam": (lambda p: optim.NAdam(p), 1),
    "radam": (lambda p: optim.RAdam(p), 2),
    "adagrad": (lambda p: optim.Adagrad(p, lr_decay=0.1), 1),
    "adadelta": (lambda p: optim.Adadelta(p), 1),
    "rmsprop": (lambda p: optim.RMSprop(p, centered=True, momentum=0.9), 1),
    "rprop": (lambda p: optim.Rprop(p), 2),
    "asgd": (lambda p: optim.ASGD(p, t0=1e6), 1),
    "muon": (lambda p: optim.Muon([q for q in p if q.ndim == 2]), 2),
    "two groups": (lambda p: optim.Adam([{"params": p[:2], "lr": 0.1}, {"params": p[2:], "betas": (0.5, 0.9)}]), 1),
}


EVERYWHERE = ("sgd", "adam", "adam of a tensor", "radam", "rprop")


@pytest.mark.one_backend
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name, backend):
    make, expected = OPTIMIZERS[name]
    assert check_alike(training(make)) <= [expected]


@pytest.mark.parametrize("name", EVERYWHERE)
def test_optimizers_everywhere(name, backend):
    make, expected = OPTIMIZERS[name]
    assert check_alike(training(make, "after")) <= [expected]


SCHEDULERS = {
    "step": lambda o: lr_scheduler.StepLR(o, 2),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 5),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.5, total_steps=8),  # changes the momentum too
    "sequence": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o, 0.1, 2), lr_scheduler.ExponentialLR(o, 0.9)], [2]),
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda n: 0.5 ** n),
}


@pytest.mark.one_backend
@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_between_steps(name, backend):
    assert check_alike(training(lambda p: optim.SGD(p, lr=0.1, momentum=0.9), schedule=SCHEDULERS[name])) == [1]


@pytest.mark.parametrize("zero, expected", [("before", 1), ("after", 1), ("fill", 2), ("never", 2)])
def test_when_gradients_are_dropped(zero, expected, backend):
    assert check_alike(training(lambda p: optim.SGD(p, lr=0.1, momentum=0.9), zero)) == [expected]


@pytest.mark.parametrize("clip", [lambda model: nn.utils.clip_grad_norm_(model.parameters(), 0.1),
                                  lambda model: nn.utils.clip_grad_value_(model.parameters(), 0.01)])
def test_gradients_are_clipped(clip, backend):
    assert check_alike(training(lambda p: optim.SGD(p, lr=0.5), body=clip)) == [1]


def test_a_scheduler_inside_runs_eagerly(backend):
    def steps(compiled):
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)

        def step(x):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            scheduler.step()
            return loss

        step = compiled(step)
        return [[step(x).detach() for x in batches(3)], state_of(model), optimizer.param_groups[0]["lr"],
                scheduler.last_epoch, scheduler.get_last_lr()]

    expected = (torch.manual_seed(0), steps(lambda f: f))[1]
    torch.manual_seed(0)
    with pytest.warns(UserWarning, match="hyper-parameter of an optimizer"):
        assert_alike(steps(lambda f: torch.compile(f, fullgraph=False)), expected)
    with pytest.raises(TraceError, match="hyper-parameter of an optimizer"):
        steps(torch.compile)


@pytest.mark.one_backend
def test_steps_that_read_values_run_eagerly(backend):
    """LBFGS searches, GradScaler looks for infinities: neither is a straight program."""
    def steps(compiled, kind):
        model, scaler = network(), torch.amp.GradScaler("cpu", init_scale=4.0)
        optimizer = optim.LBFGS(model.parameters(), lr=0.1) if kind == "lbfgs" else optim.SGD(model.parameters(), lr=0.1)

        def step(x):
            def loss():
                optimizer.zero_grad()
                value = model(x).square().mean()
                (value if kind == "lbfgs" else scaler.scale(value)).backward()
                return value

            if kind == "lbfgs":
                return optimizer.step(loss)
            value = loss()
            scaler.step(optimizer)
            scaler.update()
            return value

        step = compiled(step)
        return [[step(x).detach() for x in batches(3)], state_of(model), scaler.get_scale()]

    for kind in ("lbfgs", "scaler"):
        expected = (torch.manual_seed(0), steps(lambda f: f, kind))[1]
        torch.manual_seed(0)
        with pytest.warns(UserWarning, match="reads a value of a tensor"):
            assert_alike(steps(lambda f: torch.compile(f, fullgraph=False), kind), expected)


def test_a_closure_is_run_inside(backend):
    def program(compiled):
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(x):
            def loss():
                optimizer.zero_grad()
                value = model(x).square().mean()
                value.backward()
                return value

            return optimizer.step(loss)

        step = compiled(step)
        return [[step(x).detach() for x in batches(3)], state_of(model)]

    assert check_alike(program) == [1]


def test_gradients_are_accumulated(backend):
    def program(compiled):
        model = network()
        optimizer = optim.Adam(model.parameters(), lr=0.05)

        def add(x):
            loss = model(x).square().mean() / 2
            loss.backward()
            return loss

        def update():
            optimizer.step()
            optimizer.zero_grad()

        def both(x, y):
            add(x), update(), add(x), add(y), update()

        one, two, all_at_once, seen = compiled(add), compiled(update), compiled(both), []
        for i, x in enumerate(batches(4)):
            seen += [one(x).detach(), [p.grad.clone() for p in model.parameters()]]
            if i % 2:
                two()
        for x in batches(2):
            all_at_once(x, x + 1)
        return [*seen, *state_of(model, optimizer)]

    assert check_alike(program) == [2, 1, 1]


def test_gradients_that_are_kept_outside(backend):
    """A gradient that a step replaces stays with who holds it; one that is added to is written in place."""
    def program(compiled):
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(x):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()

        def add(x):
            model(x).square().sum().backward()
            return [p.grad for p in model.parameters()]

        step, add, kept, seen = compiled(step), compiled(add), [], []
        for x in batches(3):
            step(x)
            kept.append(model[0].weight.grad)
            seen.append(kept[-1].clone())
        for x in batches(3):
            found = add(x)
            kept.append(model[0].weight.grad)
            seen += [found[0] is kept[-1], kept[-1].clone()]
        return [*seen, kept, kept[-1] is kept[-2]]

    assert check_alike(program) == [1, 1]


def test_parameters_seen_through_views_and_arrays(backend):
    def program(compiled):
        model = nn.Linear(4, 3)
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        view, row = model.weight.detach(), model.weight.detach()[1]

        def step(x):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()

        step, seen = compiled(step), []
        for x in batches(3):
            step(x)
            seen += [view.clone(), row.clone()]
        return seen

    assert check_alike(program) == [1]


def test_two_optimizers_and_a_detached_result(backend):
    def program(compiled):
        first, second = network(), nn.Linear(3, 1)
        optimizers = optim.Adam(first.parameters(), lr=0.01), optim.SGD(second.parameters(), lr=0.1)

        def step(x):
            y = first(x)
            optimizers[1].zero_grad()
            loss = second(y.detach()).square().mean()
            loss.backward()
            optimizers[1].step()
            optimizers[0].zero_grad()
            other = -second(y).mean()
            other.backward()
            optimizers[0].step()
            return loss, other

        step = compiled(step)
        return [[[t.detach() for t in step(x)] for x in batches()], state_of(first, second, *optimizers)]

    assert check_alike(program) == [1]


def test_averaged_parameters(backend):
    def program(compiled):
        model = network()
        optimizer, average = optim.SGD(model.parameters(), lr=0.1), swa_utils.AveragedModel(model)
        own = [p.detach().clone() for p in model.parameters()]

        def step(x):
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()
            with torch.no_grad():
                for a, p in zip(own, model.parameters(), strict=True):
                    a.lerp_(p, 0.1)

        step = compiled(step)
        for x in batches(3):
            step(x)
            average.update_parameters(model)
        return [own, state_of(average)]

    assert check_alike(program) == [1]


def test_a_gradient_penalty(backend):
    def program(compiled):
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=0.05)

        def step(x):
            optimizer.zero_grad()
            x = x.clone().requires_grad_()
            y = model(x).square().sum()
            g, = torch.autograd.grad(y, x, create_graph=True)
            loss = y + (g.norm(dim=1) - 1).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        step = compiled(step)
        return [[step(x).detach() for x in batches(3)], state_of(model)]

    assert check_alike(program) == [1]


def test_two_passes_over_one_graph(backend):
    def program(compiled):
        model = network()

        def step(x):
            model.zero_grad()
            loss = model(x).square().sum()
            loss.backward(retain_graph=True)
            loss.backward()
            return loss

        step = compiled(step)
        return [[step(x).detach() for x in batches(3)], state_of(model)]

    assert check_alike(program) == [2]


@pytest.mark.one_backend
def test_half_precision_double_precision_and_complex(backend):
    def program(compiled):
        seen = []
        for dtype, make in ((torch.float64, optim.Adam), (torch.bfloat16, optim.SGD), (torch.complex64, optim.Adam)):
            w = torch.ones(4, dtype=dtype, requires_grad=True)
            optimizer = make([w], lr=0.125)

            def step(x, w=w, optimizer=optimizer):
                optimizer.zero_grad()
                loss = (x * w).abs().square().mean()
                loss.backward()
                optimizer.step()
                return loss

            step = compiled(step)
            seen += [[step(x.to(dtype)).detach() for x in batches(2)], w.detach().abs()]

        model = network()

        def mixed(x):
            model.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                y = model(x)
            loss = y.float().square().mean()
            loss.backward()
            return y, loss

        mixed = compiled(mixed)
        return [*seen, *(tuple(t.detach() for t in mixed(x)) for x in batches(2))]

    assert max(check_alike(program)) <= 2


def test_tied_weights_and_parameters_on_one_memory(backend):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside, self.outside = nn.Embedding(7, 5), nn.Linear(5, 7, bias=False)
            self.outside.weight = self.inside.weight

        def forward(self, words):
            return self.outside(self.inside(words))

    def program(compiled):
        model, memory = Tied(), torch.full((8,), 0.5)
        halves = [nn.Parameter(memory[:4]), nn.Parameter(memory[4:])]
        optimizer = optim.SGD([*model.parameters(), *halves], lr=0.1)

        def step(words):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(words), words) + (halves[0] - 2 * halves[1]).square().sum()
            loss.backward()
            optimizer.step()
            return loss

        step = compiled(step)
        return [[step(torch.tensor([i, 2, 6])).detach() for i in range(4)], state_of(model), halves, memory]

    assert check_alike(program) == [1]
    memory = torch.full((6,), 0.5)
    crossing = [nn.Parameter(memory[:4]), nn.Parameter(memory[2:])]
    optimizer = optim.SGD(crossing, lr=0.1)

    def step():
        optimizer.zero_grad()
        (crossing[0] - 2 * crossing[1]).square().sum().backward()
        optimizer.step()

    with pytest.raises(TraceError, match="whose memory another tensor"):
        torch.compile(step)()
    assert memory.tolist() == [0.5] * 6 and crossing[0].grad is None


# What changes between calls.

def test_hyper_parameters_that_change(backend):
    def program(compiled):
        model = network()
        optimizer, other = optim.SGD(model.parameters(), lr=0.05, momentum=0.9), optim.Adam(model.parameters(), lr=0.01)

        def step(x, optimizer):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        first, second = compiled(lambda x: step(x, optimizer)), compiled(lambda x: step(x, other))
        seen = []
        for i, x in enumerate(batches(6)):
            optimizer.param_groups[0].update(lr=0.05 / (i + 1), momentum=[0.9, 0.5, 0, 0.0, 0.3, 0.2][i],
                                             nesterov=i == 4, weight_decay=[0, 0.1][i % 2])
            other.param_groups[0].update(betas=(0.9 - 0.01 * i, 0.99), eps=1e-8 * (i + 1))
            seen += [first(x).detach(), second(x).detach()]
        optimizer.param_groups[0]["lr"] = 1
        return [*seen, first(x).detach(), *state_of(model, optimizer, other)]

    found = check_alike(program)
    assert found[0] <= 8 and found[1] == 1


def test_states_that_are_loaded(backend):
    def program(compiled):
        model = network()
        optimizer = optim.Adam(model.parameters(), lr=0.05)

        def step(x):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        step, xs = compiled(step), batches(4)
        seen = [step(x).detach() for x in xs[:2]]
        kept = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
        seen += [step(x).detach() for x in xs[2:]]
        model.load_state_dict(kept[0])
        optimizer.load_state_dict(kept[1])
        seen += [step(x).detach() for x in xs[2:]]
        model.load_state_dict(kept[0], assign=True)
        return [*seen, step(xs[0]).detach(), *state_of(model, optimizer)]

    assert check_alike(program)[0] <= 3


def test_parameters_and_groups_that_are_replaced(backend):
    def program(compiled):
        model, more = network(), nn.Linear(3, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

        def step(x):
            optimizer.zero_grad()
            more.zero_grad()
            loss = more(model(x)).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        step, xs = compiled(step), batches(5)
        seen = [step(x).detach() for x in xs[:2]]
        optimizer.add_param_group({"params": list(more.parameters()), "lr": 0.2})
        seen += [step(x).detach() for x in xs[2:]]
        call, x = compiled(model), xs[0]
        seen += [call(x), call(x)]
        old = model[0].weight  # is held, so that it does not go
        model[0].weight = nn.Parameter(torch.ones(8, 4))
        seen.append(call(x))
        model[0] = nn.Linear(4, 8)
        seen.append(call(x))
        model[2].bias = None
        seen += [call(x), call(x)]
        model[0].weight.data = torch.zeros(8, 4)
        seen.append(call(x))
        model[0].requires_grad_(False)
        return [*seen, call(x), old]

    assert check_alike(program) == [3, 5]


def test_a_learning_rate_needs_no_other_program(backend):
    w = nn.Parameter(torch.ones(2))
    optimizer = optim.SGD([w], lr=1.0)

    def step():
        optimizer.zero_grad()
        w.sum().backward()
        optimizer.step()

    step = torch.compile(step)
    for lr, expected in ((1.0, 0.0), (0.5, -0.5), (0.25, -0.75)):
        optimizer.param_groups[0]["lr"] = lr
        step()
        assert w.tolist() == [expected] * 2
    assert recordings(step) == 1 and type(optimizer.param_groups[0]["lr"]) is float


def test_a_loss_has_no_graph(backend):
    model = network()

    def step(x):
        loss = model(x).sum()
        loss.backward()
        return loss

    step = torch.compile(step)
    for x in batches(2):
        loss = step(x)
        assert loss.requires_grad
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            loss.backward()


# Errors leave everything as it was.

class Keeper(nn.Module):
    def __init__(self):
        super().__init__()
        self.h, self.count = torch.zeros(4), 0
        self.register_buffer("b", torch.ones(4))


@pytest.mark.parametrize("how", ["shape", "value", "raise"])
@pytest.mark.parametrize("when", ["first", "later"])
def test_an_error_leaves_all_state(how, when, backend):
    model, keeper = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)), Keeper()
    optimizer, calls, names = optim.Adam(model.parameters(), lr=0.01), 0, ["a"]

    def step(x, how=None):
        nonlocal calls
        calls += 1
        names.append("b")
        optimizer.zero_grad()
        keeper.h = keeper.h + x.mean(0)
        keeper.count += 1
        keeper.b.add_(1)
        keeper.new = 3
        loss = model(x).square().sum()
        loss.backward()
        optimizer.step()
        if how is not None:
            for p in model.parameters():
                p.requires_grad_(False)
        if how == "shape":
            x @ torch.ones(9, 2)
        elif how == "value":
            loss.item()
        elif how == "raise":
            raise KeyError("x")
        return loss

    def snapshot():
        group = optimizer.param_groups[0]
        return flat([state_of(model, optimizer), [(p.requires_grad, p._version) for p in model.parameters()], keeper.h,
                     keeper.b, keeper.count, sorted(keeper.__dict__), calls, names, torch.get_rng_state(),
                     type(group["lr"]).__name__, group["betas"], len(optimizer.state)])

    compiled, x = torch.compile(step), batches(1)[0]
    if when == "later":
        compiled(x), compiled(x)
    before = snapshot()
    with pytest.raises({"shape": RuntimeError, "value": TraceError, "raise": KeyError}[how]):
        compiled(x, how)
    assert_alike(snapshot(), before)
    done = calls
    compiled(x)
    assert calls == done + 1 and keeper.count == done + 1 and keeper.new == 3
    assert next(iter(optimizer.state.values()))["step"].item() == done + 1


def test_an_error_of_the_program_leaves_all_state(backend):
    """Values are known when a program runs: an index out of range is found then, where the library looks for it."""
    w, table = nn.Parameter(torch.ones(5)), nn.Embedding(5, 3)
    optimizer = optim.Adam([w], lr=0.1)

    def step(i):
        optimizer.zero_grad()
        w.square().sum().backward()
        optimizer.step()
        return table(i).sum() + torch.rand(1)

    step, bad, good = torch.compile(step), torch.tensor([7]), torch.tensor([1])
    for _ in range(2):
        before = flat([w, w.grad, torch.get_rng_state(), state_of(optimizer)])
        with pytest.raises(IndexError):
            step(bad)
        assert_alike(flat([w, w.grad, torch.get_rng_state(), state_of(optimizer)]), before)
        step(good)
        step(good)
