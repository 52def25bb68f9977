"""The host random stream against PyTorch: the same values, bit for bit, and the same state afterwards."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from plugtorch.frontend import random as rnd

torch = pytest.importorskip("torch")

HALVES = ["float16", "bfloat16"]
FLOATS = [*HALVES, "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
SIZES = [*range(41), 200, 1003]
LARGE = [65_537, 100_000]


def kind(name):
    return getattr(torch, name)


def pair(seed):
    return rnd.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)


def from_torch(tensor):
    if tensor.dtype == torch.bfloat16:
        import ml_dtypes

        return tensor.contiguous().view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def to_torch(array):
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16)
    return torch.from_numpy(array.copy())


def array(values, name):
    return from_torch(torch.as_tensor(np.asarray(values)).to(kind(name)))


def check(mine, theirs, gen, tgen):
    theirs = from_torch(theirs)
    assert mine.shape == theirs.shape
    assert mine.dtype == theirs.dtype
    assert np.ascontiguousarray(mine).tobytes() == np.ascontiguousarray(theirs).tobytes()
    assert gen.state_bytes() == tgen.get_state().numpy().tobytes()


@pytest.mark.parametrize("name", [*FLOATS, "complex64", "complex128"])
def test_rand_and_randn(name):
    for seed in (0, 2**40 + 3):
        gen, tgen = pair(seed)
        for n in [*SIZES, *LARGE]:  # one stream: the cached normal and odd positions carry over
            check(rnd.uniform(gen, n, dtype=name), torch.rand(n, dtype=kind(name), generator=tgen), gen, tgen)
            check(rnd.normal(gen, n, dtype=name), torch.randn(n, dtype=kind(name), generator=tgen), gen, tgen)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize(
    ("low", "high"), [(-0.03, 0.03), (-1.0, 2.5), (5.0, 5.0), (-3.0, -2.999), (0.0, 6e4)]
)
def test_uniform_bounds(name, low, high):
    gen, tgen = pair(5)
    for n in [*SIZES, LARGE[0]]:
        theirs = torch.empty(n, dtype=kind(name)).uniform_(low, high, generator=tgen)
        check(rnd.uniform(gen, n, low, high, name), theirs, gen, tgen)


@pytest.mark.parametrize("name", [*FLOATS, "complex64", "complex128"])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 0.02), (1.5, 1.0), (-0.7, 0.3), (3.0, 0.0), (1e-8, 1e-9)])
def test_normal_parameters(name, mean, std):
    gen, tgen = pair(6)
    for n in [*SIZES, LARGE[0]]:
        theirs = torch.empty(n, dtype=kind(name)).normal_(mean, std, generator=tgen)
        check(rnd.normal(gen, n, mean, std, name), theirs, gen, tgen)


@pytest.mark.parametrize("name", FLOATS)
def test_normal_into_strided_targets(name):
    gen, tgen = pair(7)
    for n in [*SIZES[2:], 20_000]:
        theirs = torch.empty(n, 2, dtype=kind(name))[:, 0].normal_(0.2, 1.7, generator=tgen)
        check(rnd.normal(gen, n, 0.2, 1.7, name, contiguous=False), theirs.contiguous(), gen, tgen)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("params", [(1.0, 2.0), (0.0, 0.25), (-3.0, 1.1)])
def test_log_normal(name, params):
    gen, tgen = pair(8)
    for n in [*SIZES, 20_001]:
        theirs = torch.empty(n, dtype=kind(name)).log_normal_(*params, generator=tgen)
        check(rnd.log_normal(gen, n, *params, dtype=name), theirs, gen, tgen)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("rate", [1.0, 0.3, 7.7, float("inf")])
def test_exponential(name, rate):
    gen, tgen = pair(9)
    for n in [*SIZES, *LARGE]:
        theirs = torch.empty(n, dtype=kind(name)).exponential_(rate, generator=tgen)
        check(rnd.exponential(gen, n, rate, name), theirs, gen, tgen)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("params", [(0.0, 1.0), (2.5, 0.3), (-1e3, 1e-3)])
def test_cauchy(name, params):
    gen, tgen = pair(10)
    for n in [*SIZES, LARGE[0]]:
        theirs = torch.empty(n, dtype=kind(name)).cauchy_(*params, generator=tgen)
        check(rnd.cauchy(gen, n, *params, name), theirs, gen, tgen)


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS])
@pytest.mark.parametrize("p", [0.5, 0.001, 0.97])
def test_geometric(name, p):
    gen, tgen = pair(11)
    for n in [*SIZES, LARGE[0]]:
        theirs = torch.empty(n, dtype=kind(name)).geometric_(p, generator=tgen)
        check(rnd.geometric(gen, n, p, name), theirs, gen, tgen)


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS, "bool"])
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_bernoulli_scalar(name, p):
    gen, tgen = pair(12)
    for n in [*SIZES, *LARGE]:
        theirs = torch.empty(n, dtype=kind(name)).bernoulli_(p, generator=tgen)
        check(rnd.bernoulli(gen, n, p, name), theirs, gen, tgen)


@pytest.mark.parametrize("name", FLOATS)
def test_bernoulli_tensor(name):
    gen, tgen = pair(13)
    for n in [*SIZES, LARGE[0]]:
        p = array(np.linspace(0, 1, n), name)
        check(rnd.bernoulli_of(gen, p), torch.bernoulli(to_torch(p), generator=tgen), gen, tgen)
        theirs = torch.empty(n, dtype=torch.int32).bernoulli_(to_torch(p), generator=tgen)
        check(rnd.bernoulli_of(gen, p, "int32"), theirs, gen, tgen)


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS, "bool"])
def test_random_without_bounds(name):
    gen, tgen = pair(14)
    for n in [*SIZES, *LARGE]:
        check(
            rnd.random_(gen, n, dtype=name),
            torch.empty(n, dtype=kind(name)).random_(generator=tgen),
            gen,
            tgen,
        )


BOUNDS = [
    (0, 2),
    (-5, 5),
    (0, 100),
    (-(2**15), 2**15),
    (0, 2**28 - 1),
    (0, 2**28),
    (-3, 2**31 - 4),
    (0, 2**33),
    (-(2**62), 2**62 + 12345),
    (-(2**63), 2**63 - 1),
    (2**25 + 1, 2**25 + 77),
    (-(2**25) - 77, -(2**25) + 3),
    (2049, 4099),
    (5, 5),
    (5, 3),
    (3, None),
    (-1, None),
    (-(2**63), None),
    (2**40, None),
    (70, None),
    (-(2**63) + 1, None),
    (2**24, None),
    (2**24 + 1, None),
    (255, None),
    (257, None),
    (3000, None),
    (-(2**40), 2**40),
]


@pytest.mark.filterwarnings("ignore:.*is out of bounds:UserWarning")
@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS, "bool"])
@pytest.mark.parametrize("bounds", BOUNDS)
def test_random_between(name, bounds):
    gen, tgen = pair(15)
    for n in (1, 5, 16, 333):
        target = torch.empty(n, dtype=kind(name))
        try:
            theirs = target.random_(*bounds, generator=tgen)
        except RuntimeError as error:  # NotImplementedError too
            with pytest.raises(type(error)) as mine:
                rnd.random_(gen, n, *bounds, dtype=name)
            assert str(mine.value) == str(error)
        else:
            check(rnd.random_(gen, n, *bounds, dtype=name), theirs, gen, tgen)


@pytest.mark.parametrize(
    "name", ["uint8", "int32", "int64", "uint16", "uint64", "float32", "bfloat16", "bool"]
)
def test_randint(name):
    gen, tgen = pair(16)
    for n in [*SIZES, *LARGE]:
        theirs = torch.randint(0, 2, (n,), dtype=kind(name), generator=tgen)
        check(rnd.randint(gen, 0, 2, n, name), theirs, gen, tgen)
        if name != "bool":
            theirs = torch.randint(3, 200, (n,), dtype=kind(name), generator=tgen)
            check(rnd.randint(gen, 3, 200, n, name), theirs, gen, tgen)


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS])
def test_randperm(name):
    gen, tgen = pair(17)
    sizes = [*range(41), 100, 128]
    sizes += [*LARGE, 16_384, 16_385, 16_386, 32_769, 50_000] if name in ("int64", "int32", "float32") else []
    for n in sizes:
        check(rnd.randperm(gen, n, name), torch.randperm(n, dtype=kind(name), generator=tgen), gen, tgen)


@pytest.mark.parametrize("name", FLOATS)
def test_poisson(name):
    gen, tgen = pair(18)
    rates = array(
        np.concatenate([np.linspace(0, 12, 100), [10.0, 9.99, 50.0, 999.0, 3e4], np.full(500, 30.0)]), name
    )
    for _ in range(4):
        check(rnd.poisson(gen, rates), torch.poisson(to_torch(rates), generator=tgen), gen, tgen)


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_binomial(name):
    gen, tgen = pair(19)
    rng = np.random.default_rng(0)
    count = array(
        np.concatenate([rng.integers(0, 60, 400), rng.integers(50, 100_000, 400), [-3, 5, 5, 5]]), name
    )
    prob = array(np.concatenate([rng.random(800), [0.5, -0.5, 1.5, np.nan]]), name)
    for _ in range(3):
        theirs = torch.binomial(to_torch(count), to_torch(prob), generator=tgen)
        check(rnd.binomial(gen, count, prob), theirs, gen, tgen)


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_standard_gamma(name):
    gen, tgen = pair(20)
    alpha = array(np.concatenate([np.linspace(0.01, 3, 300), np.geomspace(1e-3, 1e4, 300), [0.0]]), name)
    for n in (1, 2, 7, 601):
        theirs = torch._standard_gamma(to_torch(alpha[:n]), generator=tgen)
        check(rnd.standard_gamma(gen, alpha[:n]), theirs, gen, tgen)


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_dirichlet(name):
    gen, tgen = pair(21)
    for k in [*range(1, 40), 64, 100, 257, 1030]:
        alpha = array(np.random.default_rng(k).gamma(1.0, size=(7, k)), name)
        theirs = torch._sample_dirichlet(to_torch(alpha), generator=tgen)
        check(rnd.dirichlet(gen, alpha), theirs, gen, tgen)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("replacement", [False, True])
def test_multinomial(name, replacement):
    gen, tgen = pair(22)
    # Half types repeat quotients, and PyTorch's order of equal quotients is not fixed.
    several = 1 if name in HALVES and not replacement else 4
    for k in range(4, 41):
        for shape in ((k,), (3, k)):
            weights = array(np.random.default_rng(k).random(shape), name)
            for n in (1, several):
                theirs = torch.multinomial(to_torch(weights), n, replacement, generator=tgen)
                check(rnd.multinomial(gen, weights, n, replacement), theirs, gen, tgen)
    weights = array(np.linspace(0.5, 1, 5000), name)
    theirs = torch.multinomial(to_torch(weights), 1000 if replacement else 1, replacement, generator=tgen)
    check(rnd.multinomial(gen, weights, len(theirs), replacement), theirs, gen, tgen)


@pytest.mark.parametrize("name", ["bfloat16", "float32", "float64"])
@pytest.mark.parametrize("bounds", [(1 / 8, 1 / 3), (0.1, 0.7)])
def test_rrelu(name, bounds):
    for n in SIZES:
        torch.manual_seed(23)
        gen = rnd.Generator().manual_seed(23)
        x = torch.linspace(-3, 3, n).to(kind(name))
        theirs = torch.nn.functional.rrelu(x, *bounds, training=True)
        values = from_torch(x)
        slopes = rnd.rrelu_noise(gen, values, *bounds)
        wide = np.float64 if name == "float64" else np.float32
        check((values.astype(wide) * slopes).astype(values.dtype), theirs, gen, torch.default_generator)


@pytest.mark.filterwarnings("ignore:mean is more than 2 std:UserWarning")
@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize(
    "params",
    [
        (0, 1, -2, 2),
        (0, 0.02, -2, 2),
        (1, 2, 0, 5),
        (0, 1, 5, 6),
        (0, 1, -0.2, 0.1),
        (3, 0.5, -1, 2.9),
        (-1, 1, 0, 9),
    ],
)
def test_trunc_normal(name, params):
    gen, tgen = pair(24)
    for n in (1, 5, 16, 23, 1000):
        theirs = torch.nn.init.trunc_normal_(torch.empty(n, dtype=kind(name)), *params, generator=tgen)
        check(rnd.trunc_normal(gen, n, *params, dtype=name), theirs, gen, tgen)


def test_shapes():
    gen, tgen = pair(25)
    check(rnd.normal(gen, (3, 4, 5)), torch.randn(3, 4, 5, generator=tgen), gen, tgen)
    check(rnd.uniform(gen, ()), torch.rand((), generator=tgen), gen, tgen)
    check(rnd.randint(gen, 0, 9, (2, 0, 3)), torch.randint(0, 9, (2, 0, 3), generator=tgen), gen, tgen)


@pytest.mark.parametrize("seed", [0, 1, -1, 2**40 + 3, 2**64 - 1, -(2**63)])
@pytest.mark.parametrize("drawn", [0, 1, 2, 623, 624, 625, 1248, 2001])
def test_states_travel_both_ways(seed, drawn):
    gen, tgen = pair(seed)
    assert gen.initial_seed() == tgen.initial_seed()
    gen.words(drawn)
    torch.rand(drawn, generator=tgen)
    check(rnd.normal(gen, 3), torch.randn(3, generator=tgen), gen, tgen)
    here, there = pair(99)
    here.load_state_bytes(tgen.get_state().numpy().tobytes())
    there.set_state(torch.frombuffer(bytearray(gen.state_bytes()), dtype=torch.uint8))
    assert here.initial_seed() == tgen.initial_seed()
    check(rnd.normal(here, 5), torch.randn(5, generator=there), here, there)
    check(rnd.normal(here, 50), torch.randn(50, generator=there), here, there)


def test_bad_states_and_seeds_as_in_pytorch():
    gen, tgen = pair(3)
    good = gen.state_bytes()
    cases = [bytes(5056), b"", bytes(5048)]
    for at, value in ((8, 0), (8, 625), (9, 255), (12, 0), (16, 113), (17, 3)):
        broken = bytearray(good)
        broken[at : at + 2] = value.to_bytes(2, "little")
        cases.append(bytes(broken))
    for case in cases:
        tensor = torch.tensor(list(case), dtype=torch.uint8)
        try:
            tgen.clone_state().set_state(tensor)
        except RuntimeError as error:
            with pytest.raises(RuntimeError) as mine:
                gen.load_state_bytes(case)
            assert str(mine.value) == str(error).splitlines()[0]
        else:
            gen.load_state_bytes(case)
            gen.manual_seed(3)
        assert gen.state_bytes() == good
    for seed in (2**64, -(2**63) - 1, 1.5, "3", None):
        with pytest.raises((ValueError, RuntimeError)) as theirs:
            tgen.manual_seed(seed)
        with pytest.raises(theirs.type) as mine:
            gen.manual_seed(seed)
        assert str(mine.value) == str(theirs.value)


def test_copies_go_on_alone():
    gen, tgen = pair(31)
    check(rnd.normal(gen, 3), torch.randn(3, generator=tgen), gen, tgen)
    copies = [copy.copy(gen), copy.deepcopy(gen), pickle.loads(pickle.dumps(gen)), gen.clone_state()]
    theirs = torch.randn(4, generator=tgen)
    for each in copies:
        check(rnd.normal(each, 4), theirs, each, tgen)
    check(rnd.normal(gen, 4), theirs, gen, tgen)


ERRORS = [
    (lambda g: rnd.uniform(g, 4, 2, 1), lambda t: t.uniform_(2, 1)),
    (lambda g: rnd.uniform(g, 4, 0, float("inf")), lambda t: t.uniform_(0, float("inf"))),
    (lambda g: rnd.uniform(g, 4, float("nan")), lambda t: t.uniform_(float("nan"), 1)),
    (lambda g: rnd.uniform(g, 4, -3e38, 3e38), lambda t: t.uniform_(-3e38, 3e38)),
    (lambda g: rnd.uniform(g, 4, 0, 1e6, "float16"), lambda t: t.half().uniform_(0, 1e6)),
    (lambda g: rnd.uniform(g, 4, dtype="int32"), lambda t: t.int().uniform_()),
    (lambda g: rnd.normal(g, 4, 0, -1), lambda t: t.normal_(0, -1)),
    (lambda g: rnd.normal(g, 4, dtype="int64"), lambda t: t.long().normal_()),
    (lambda g: rnd.log_normal(g, 4, 0, 0), lambda t: t.log_normal_(0, 0)),
    (lambda g: rnd.log_normal(g, 4, dtype="int32"), lambda t: t.int().log_normal_()),
    (lambda g: rnd.exponential(g, 4, 0), lambda t: t.exponential_(0)),
    (lambda g: rnd.exponential(g, 4, dtype="int32"), lambda t: t.int().exponential_()),
    (lambda g: rnd.cauchy(g, 4, 0, -1.5), lambda t: t.cauchy_(0, -1.5)),
    (lambda g: rnd.geometric(g, 4, 1), lambda t: t.geometric_(1)),
    (lambda g: rnd.geometric(g, 4, 0.5, "bool"), lambda t: t.bool().geometric_(0.5)),
    (lambda g: rnd.bernoulli(g, 4, 1.5), lambda t: t.bernoulli_(1.5)),
    (lambda g: rnd.bernoulli(g, 4, 0.5, "complex64"), lambda t: t.cfloat().bernoulli_()),
    (lambda g: rnd.bernoulli_of(g, np.ones(4, np.int64)), lambda t: torch.bernoulli(t.long())),
    (lambda g: rnd.random_(g, 4, dtype="complex64"), lambda t: t.cfloat().random_()),
    (lambda g: rnd.randint(g, 0, 5, 4, "complex64"), lambda t: torch.randint(0, 5, (4,), dtype=torch.cfloat)),
    (lambda g: rnd.randint(g, 0, 3, 4, "bool"), lambda t: torch.randint(0, 3, (4,), dtype=torch.bool)),
    (
        lambda g: rnd.randint(g, 0, 70000, 4, "uint16"),
        lambda t: torch.randint(0, 70000, (4,), dtype=torch.uint16),
    ),
    (lambda g: rnd.randperm(g, -1), lambda t: torch.randperm(-1)),
    (lambda g: rnd.randperm(g, 300, "uint8"), lambda t: torch.randperm(300, dtype=torch.uint8)),
    (lambda g: rnd.randperm(g, 70000, "int16"), lambda t: torch.randperm(70000, dtype=torch.int16)),
    (lambda g: rnd.randperm(g, 3000, "float16"), lambda t: torch.randperm(3000, dtype=torch.half)),
    (lambda g: rnd.randperm(g, 3, "bool"), lambda t: torch.randperm(3, dtype=torch.bool)),
    (lambda g: rnd.poisson(g, np.float32([-1])), lambda t: torch.poisson(torch.tensor([-1.0]))),
    (lambda g: rnd.poisson(g, np.int64([1])), lambda t: torch.poisson(torch.tensor([1]))),
    (lambda g: rnd.binomial(g, np.int64([1]), np.float32([1])), lambda t: torch.binomial(t.long(), t)),
    (lambda g: rnd.binomial(g, np.float64([1]), np.float32([1])), lambda t: torch.binomial(t.double(), t)),
    (
        lambda g: rnd.binomial(g, np.float16([1]), np.float16([1])),
        lambda t: torch.binomial(t.half(), t.half()),
    ),
    (lambda g: rnd.standard_gamma(g, np.float16([1])), lambda t: torch._standard_gamma(t.half())),
    (lambda g: rnd.dirichlet(g, np.float16([1])), lambda t: torch._sample_dirichlet(t.half())),
    (lambda g: rnd.rrelu_noise(g, np.float32([1]), 0.5, 0.1), lambda t: torch.rrelu(t, 0.5, 0.1, True)),
    (
        lambda g: rnd.rrelu_noise(g, np.float16([1]), 0.1, 0.5),
        lambda t: torch.rrelu(t.half(), 0.1, 0.5, True),
    ),
    *(
        (
            lambda g, w=w, n=n, r=r: rnd.multinomial(g, np.array(w), n, r),
            lambda t, w=w, n=n, r=r: torch.multinomial(torch.from_numpy(np.array(w)), n, r),
        )
        for w, n, r in [
            ([1.0, -1.0], 1, False),
            ([0.0, 0.0], 1, False),
            ([0.0, 0.0], 2, True),
            ([1.0, float("inf")], 1, False),
            ([1.0, float("inf")], 2, True),
            ([1.0, float("nan")], 2, True),
            ([1.0, 1.0], 3, False),
            ([1.0, 1.0], 0, False),
            ([1, 1], 1, False),
            ([[[1.0]]], 1, False),
        ]
    ),
]


@pytest.mark.parametrize("index", range(len(ERRORS)))
def test_errors_as_in_pytorch(index):
    mine, theirs = ERRORS[index]
    with pytest.raises((RuntimeError, ValueError, NotImplementedError)) as expected:
        theirs(torch.ones(4))
    gen = rnd.Generator()
    before = gen.state_bytes()
    with pytest.raises(expected.type) as found:
        mine(gen)
    assert str(found.value) == str(expected.value).splitlines()[0]
    assert gen.state_bytes() == before
