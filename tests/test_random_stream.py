"""The host random stream against values recorded from PyTorch 2.13 (CPU, AVX2 or AVX-512), seed 2024."""

from __future__ import annotations

import copy
import hashlib
import pickle

import numpy as np
import pytest

from plugtorch.frontend import random as rnd
from plugtorch.frontend.random import box_muller, rounding
from plugtorch.frontend.random.permutation import inside_out

# call, values in the order drawn, first digits of the SHA-256 of the state afterwards
RECORDED = [
    (
        lambda g: rnd.uniform(g, 4),
        [0.5317158699035645, 0.8312679529190063, 0.9718379974365234, 0.11930084228515625],
        "d78164d92c246d7f",
    ),
    (
        lambda g: rnd.uniform(g, 3, -0.1, 0.3, "float64"),
        [0.0014909281069546588, 0.20988173270173435, 0.03408729460050086],
        "da764e21a6a2372f",
    ),
    (
        lambda g: rnd.uniform(g, 3, dtype="bfloat16"),
        [0.53125, 0.83203125, 0.97265625],
        "2da44843e2413a36",
    ),
    (
        lambda g: rnd.normal(g, 3),
        [-0.040429167449474335, 1.7259920835494995, -0.8140387535095215],
        "5f28ea71c36e0cdd",
    ),
    (
        lambda g: rnd.normal(g, 18),
        [
            -1.2262355089187622,
            -0.009314819239079952,
            0.3699551522731781,
            0.4143979847431183,
            1.856718897819519,
            1.977582573890686,
            -0.4321559965610504,
            1.3667176961898804,
            0.7130761742591858,
            -0.3869437277317047,
            1.6579234600067139,
            -1.3084688186645508,
            0.9961832761764526,
            0.9390771389007568,
            1.4147526025772095,
            0.6343358159065247,
            -0.07764512300491333,
            -1.1175426244735718,
        ],
        "07db1aa6d543d812",
    ),
    (
        lambda g: rnd.normal(g, 17, 0.5, 0.02),
        [
            0.4754752814769745,
            0.4563862979412079,
            0.5073990821838379,
            0.5082879662513733,
            0.5371343493461609,
            0.5395516753196716,
            0.49135687947273254,
            0.5273343324661255,
            0.5142615437507629,
            0.4991576075553894,
            0.5331584811210632,
            0.47383061051368713,
            0.5199236869812012,
            0.5187815427780151,
            0.5282950401306152,
            0.5126867294311523,
            0.49844709038734436,
        ],
        "f62dbf3a467ba09a",
    ),
    (
        lambda g: rnd.normal(g, 16, -1.0, 0.3, "float64"),
        [
            -1.211207422611342,
            -0.6006223808948339,
            -0.8157099701846545,
            -1.207557719350137,
            -0.7565750788371562,
            -1.038694180527721,
            -1.2074975670716521,
            -1.2220712787531127,
            -0.9101613401797938,
            -0.6702136815176365,
            -0.8011770912631277,
            -0.5687056370735226,
            -1.566221620594834,
            -1.2061097670771965,
            -1.2127703968557015,
            -0.7847093889901344,
        ],
        "0913ab487525165a",
    ),
    (
        lambda g: rnd.normal(g, 19, dtype="float16"),
        [
            -1.2265625,
            -0.00931549072265625,
            1.5419921875,
            0.1236572265625,
            -2.181640625,
            0.369873046875,
            0.414306640625,
            1.8564453125,
            1.9775390625,
            -0.43212890625,
            1.3671875,
            0.84326171875,
            -0.0421142578125,
            1.658203125,
            -1.30859375,
            0.99609375,
            0.93896484375,
            1.4150390625,
            0.63427734375,
        ],
        "0913ab487525165a",
    ),
    (
        lambda g: rnd.normal(g, 3, dtype="complex64"),
        [
            -0.028587738052010536,
            1.2204607725143433,
            -0.5756123065948486,
            0.9702683091163635,
            0.3577711284160614,
            -0.3410640358924866,
        ],
        "4d67851dac0b69c5",
    ),
    (
        lambda g: rnd.normal(g, 17, contiguous=False),
        [
            -0.040429167449474335,
            1.7259920835494995,
            -0.8140387535095215,
            1.372166633605957,
            0.5059648156166077,
            -0.4823373854160309,
            -0.785252571105957,
            0.6680797934532166,
            -0.44394350051879883,
            0.18883469700813293,
            0.5986074209213257,
            0.6458128690719604,
            0.6306062340736389,
            -1.4668296575546265,
            -0.6797558665275574,
            -0.6970294713973999,
            0.7893269062042236,
        ],
        "a3f917749f5d696e",
    ),
    (
        lambda g: rnd.log_normal(g, 3),
        [2.5071375370025635, 85.7970199584961, 0.5336166620254517],
        "5f28ea71c36e0cdd",
    ),
    (
        lambda g: rnd.exponential(g, 3, 0.5),
        [0.5853284597396851, 2.9806833267211914, 0.8165929317474365],
        "da764e21a6a2372f",
    ),
    (
        lambda g: rnd.cauchy(g, 3, 1.0, 2.0),
        [-0.9537011384963989, 3.337299346923828, -0.1389632225036621],
        "da764e21a6a2372f",
    ),
    (
        lambda g: rnd.geometric(g, 5, 0.2, "int64"),
        [7, 2, 5, 2, 1],
        "db58a3802a4165d6",
    ),
    (
        lambda g: rnd.bernoulli(g, 8, 0.4, "int64"),
        [1, 0, 1, 0, 0, 1, 1, 0],
        "3ceb8ca714959074",
    ),
    (
        lambda g: rnd.bernoulli_of(g, np.linspace(0, 1, 8, dtype="float32")),
        [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        "0e0f888ddbeca047",
    ),
    (
        lambda g: rnd.random_(g, 3, dtype="int64"),
        [1623581238383398394, 3672908012959206016, 3470791090525271588],
        "da764e21a6a2372f",
    ),
    (
        lambda g: rnd.random_(g, 4, dtype="float16"),
        [2015.0, 1640.0, 1555.0, 419.0],
        "d78164d92c246d7f",
    ),
    (
        lambda g: rnd.randint(g, -5, 100, 5),
        [57, 30, 89, 0, 58],
        "3f8cc0b3490df389",
    ),
    (
        lambda g: rnd.randint(g, 0, 2**31, 3),
        [1104465402, 1025411712, 408516132],
        "da764e21a6a2372f",
    ),
    (
        lambda g: rnd.randperm(g, 12),
        [8, 10, 6, 11, 7, 1, 5, 0, 9, 4, 3, 2],
        "d4836db299e9f9cc",
    ),
    (
        lambda g: rnd.poisson(g, np.array([0.0, 3.0, 9.9, 10.0, 50.0])),
        [0.0, 3.0, 8.0, 12.0, 47.0],
        "07db1aa6d543d812",
    ),
    (
        lambda g: rnd.binomial(g, np.array([5.0, 100.0, 1000.0]), np.array([0.5, 0.3, 0.9])),
        [3.0, 36.0, 903.0],
        "3ceb8ca714959074",
    ),
    (
        lambda g: rnd.standard_gamma(g, np.array([0.3, 1.0, 7.5])),
        [0.41869245656762316, 0.17111798738538045, 7.730604544770042],
        "784932e5b34a2285",
    ),
    (
        lambda g: rnd.dirichlet(g, np.array([0.3, 1.0, 7.5, 2.0, 1.0])),
        [
            0.033133448318118396,
            0.01354151215862237,
            0.6117654668339596,
            0.2577454267807211,
            0.08381414590857852,
        ],
        "b172d93050c13e4f",
    ),
    (
        lambda g: rnd.multinomial(g, np.float32([0.1, 0.4, 0.2, 0.3]), 3),
        [2, 0, 1],
        "0e0f888ddbeca047",
    ),
    (
        lambda g: rnd.multinomial(g, np.float32([0.1, 0.4, 0.2, 0.3]), 6, True),
        [1, 3, 1, 3, 3, 1],
        "4d67851dac0b69c5",
    ),
    (
        lambda g: rnd.trunc_normal(g, 4),
        [-0.040429167449474335, 1.7259920835494995, -0.8140387535095215, 1.372166633605957],
        "0e0f888ddbeca047",
    ),
    (
        lambda g: rnd.trunc_normal(g, 4, 0.0, 1.0, 3.0, 5.0),
        [3.453655242919922, 3.5362162590026855, 3.113511562347412, 3.354875087738037],
        "fae283f338ef0244",
    ),
]


@pytest.mark.parametrize("case", range(len(RECORDED)))
def test_recorded_values(case):
    draw, expected, digest = RECORDED[case]
    gen = rnd.Generator().manual_seed(2024)
    values = draw(gen)
    if values.dtype.kind == "c":
        values = values.view(values.real.dtype)
    assert values.ravel().tolist() == expected
    assert hashlib.sha256(gen.state_bytes()).hexdigest()[:16] == digest


def test_large_draws_recorded():
    gen = rnd.Generator().manual_seed(2024)
    for values, digest in (
        (rnd.normal(gen, 100_003), "e22ae61395d7e0b9"),
        (rnd.uniform(gen, 100_003), "eafc9c6abefc7b55"),
        (rnd.bernoulli(gen, 100_003, 0.3), "f8200089b92789c2"),
        (rnd.exponential(gen, 100_003), "db555effca2f6ba9"),
        (rnd.randint(gen, 0, 1000, 100_003), "71543b8a1c1293fd"),
        (rnd.randperm(gen, 100_003), "a007dbe5ca2e0c41"),
    ):
        assert hashlib.sha256(values.tobytes()).hexdigest()[:16] == digest


def test_state_layout():
    gen = rnd.Generator().manual_seed(2**40 + 3)
    fresh = gen.state_bytes()
    assert len(fresh) == 5056
    assert fresh[:24] == (2**40 + 3).to_bytes(8, "little") + b"\1\0\0\0" + b"\1\0\0\0" + bytes(8)
    assert int.from_bytes(fresh[24:32], "little") == 3  # the first key word is the low half of the seed
    gen.words(3)
    used = gen.state_bytes()
    assert int.from_bytes(used[8:12], "little") == 625 - 3
    assert int.from_bytes(used[16:24], "little") == 3
    rnd.normal(gen, 1)
    assert gen.state_bytes()[5040] == 1
    rnd.normal(gen, 1)
    assert gen.state_bytes()[5016:] == bytes(40)


def test_failed_load_leaves_the_generator():
    gen = rnd.Generator().manual_seed(5)
    rnd.normal(gen, 3)
    before = gen.state_bytes()
    with pytest.raises(RuntimeError, match="Invalid mt19937 state"):
        gen.load_state_bytes(bytes(5056))
    with pytest.raises(RuntimeError, match="of size 5056 but found the input RNG state size to be 5048"):
        gen.load_state_bytes(before[:5048])
    assert gen.state_bytes() == before


def test_seeds():
    gen = rnd.Generator()
    assert gen.initial_seed() == 67280421310721
    assert gen.manual_seed(-1) is gen
    assert gen.initial_seed() == 2**64 - 1
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match="Overflow when unpacking long long"):
            gen.manual_seed(seed)
    with pytest.raises(RuntimeError, match="expected a long, but got float"):
        gen.manual_seed(1.0)
    assert gen.initial_seed() == 2**64 - 1
    assert gen.seed() == gen.initial_seed()
    low, high = (rnd.uniform(rnd.Generator().manual_seed(s), 5) for s in (7, 7 + 2**32))
    assert low.tolist() == high.tolist()  # only the low 32 bits choose the stream


def test_copies_and_pickles_are_independent():
    gen = rnd.Generator().manual_seed(11)
    rnd.normal(gen, 5)
    copies = [gen.clone_state(), copy.copy(gen), copy.deepcopy(gen), pickle.loads(pickle.dumps(gen))]
    expected = rnd.normal(gen, 5).tolist()
    assert all(rnd.normal(each, 5).tolist() == expected for each in copies)


def test_readers_leave_no_gap():
    # Poisson takes a number of words that depends on the values: the next draw starts right behind them.
    one, other = (rnd.Generator().manual_seed(12) for _ in range(2))
    for rate in np.full(700, 3.5):
        rnd.poisson(one, np.array([rate]))
    rnd.poisson(other, np.full(700, 3.5))
    assert one.state_bytes() == other.state_bytes()


def test_log_of_draws_replays():
    gen = rnd.Generator().manual_seed(13)
    start = gen.state_bytes()
    with gen.log_draws() as log:
        first = rnd.normal(gen, (2, 3), std=0.1)
        with gen.log_draws() as inner:
            second = rnd.multinomial(gen, np.ones(5), 2)
        with pytest.raises(RuntimeError):
            rnd.bernoulli(gen, 3, 2.0)
    rnd.uniform(gen, 2)
    assert len(inner) == 1  # the exponential draw inside multinomial is not another entry
    assert [draw.sampler for draw in log] == [rnd.normal, rnd.multinomial]
    gen.load_state_bytes(start)
    again = [draw.replay(gen) for draw in log]
    assert (again[0] == first).all() and (again[1] == second).all()


def test_importing_keys_no_twister():
    assert rnd.Generator()._twister is None
    assert 0 <= rnd.default_generator.initial_seed() < 2**64


def _fma32(a, b, c):
    """One rounding: the exact product, its sum with c rounded to odd, then to float32."""
    product = np.multiply(a, b, dtype=np.float64)
    total, error = rounding._two_sum(product, np.asarray(c, np.float64) + np.zeros_like(product))
    return rounding._odd(total, error).astype(np.float32)


def test_single_precision_functions_round_once():
    f32 = np.float32
    ticks = np.arange(0, 1 << 24, 61, dtype=np.int32)
    work = box_muller.Workspace(ticks.size)
    m, e = np.frexp(((1 << 24) - ticks).astype(f32) * f32(2.0**-24))
    small = m < f32(0.70710678)
    e = np.where(small, e - 1, e).astype(f32)
    x = np.where(small, (m - f32(1)) + m, m - f32(1))
    z = x * x
    y = np.full_like(x, box_muller._LOG[0])
    for coefficient in box_muller._LOG[1:]:
        y = _fma32(y, x, coefficient)
    y = _fma32(y * x, z, e * box_muller._LN2_LOW)
    y = _fma32(-z, 0.5, y)
    log = _fma32(e, box_muller._LN2_HIGH, x + y)
    assert (work.radius(ticks) == np.sqrt(f32(-2) * log)).all()
    angle = 2 * np.pi * (ticks / 2.0**24)
    cos, sin = work.circle(ticks)
    assert np.abs(cos - np.cos(angle)).max() < 5e-7
    assert np.abs(sin - np.sin(angle)).max() < 5e-7


def test_fused_multiply_add_float64():
    from fractions import Fraction

    rng = np.random.default_rng(0)
    a = np.concatenate([rng.normal(size=2000), rng.random(2000), [0.0, 1.0, -1.0, 2.0**-53]])
    for b, c in (
        (0.3, -0.7),
        (1e-9, 1.0),
        (3.0, 1e-8),
        (0.1, -0.1),
        (1 / 3, -1 / 3),
        (2.0**-450, 1.0),
        (7.0, 1e300),
    ):
        exact = [float(Fraction(x) * Fraction(b) + Fraction(c)) for x in a.tolist()]
        assert rounding.fma64(a, b, c).tolist() == exact


@pytest.mark.parametrize("n", [2, 3, 50, 16_385, 40_000])
def test_exchanges_in_chunks_are_exchanges_one_by_one(n):
    gen = rnd.Generator().manual_seed(n)
    words = gen.clone_state().words(n - 1).tolist()
    order = list(range(n))
    for i, word in enumerate(words):
        j = i + word % (n - i)
        order[i], order[j] = order[j], order[i]
    assert rnd.randperm(gen, n).tolist() == order


def test_inside_out_permutes():
    gen = rnd.Generator().manual_seed(1)
    words = gen.clone_state().words64(20_000).tolist()
    order = []
    for i, word in enumerate(words):
        z = word % (i + 1)
        order.append(order[z] if z < i else i)
        order[z] = i
    assert inside_out(gen, 20_000).tolist() == order
    assert sorted(order) == list(range(20_000))
