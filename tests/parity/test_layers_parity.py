"""Every layer agrees with PyTorch's: printed form, initial values, results, gradients, evaluation mode."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest

import plugtorch
import plugtorch.nn

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore")


def reals(*shape):
    return ("reals", shape)


def unit(*shape):
    return ("unit", shape)


def indices(high, *shape):
    return ("indices", high, shape)


def constant(value):
    return ("constant", value)


def logs(*shape):
    return ("logs", shape)


def layer(name, *args):
    """An argument that is a layer of the same library."""
    return lambda lib: getattr(lib.nn, name)(*args)


def arguments(lib, args):
    return [a(lib) if callable(a) else a for a in args]


def states(cell, *shape):
    return ("pair" if cell.startswith("LSTM") else "reals", shape)


ROWS, LINE, IMAGE, VOLUME = reals(4, 6), reals(2, 4, 6), reals(2, 4, 6, 6), reals(2, 4, 5, 5, 5)
CASES = []


def case(name, *args, inputs=(ROWS,), inplace=False, **kwargs):
    label = f"{name}-{len(CASES)}"
    CASES.append(pytest.param(name, args, kwargs, inputs, inplace, id=label))


for _name in (
    "ReLU", "RReLU", "Hardtanh", "ReLU6", "Sigmoid", "Hardsigmoid", "Tanh", "SiLU", "Mish", "Hardswish",
    "ELU", "CELU", "SELU", "GLU", "GELU", "Hardshrink", "LeakyReLU", "LogSigmoid", "Softplus", "Softshrink",
    "PReLU", "Softsign", "Tanhshrink", "Dropout", "AlphaDropout", "Identity", "Softmin", "Softmax",
    "LogSoftmax", "Flatten",
):
    case(_name)
for _name in (
    "ReLU", "RReLU", "Hardtanh", "ReLU6", "Hardsigmoid", "SiLU", "Mish", "Hardswish", "ELU", "CELU", "SELU",
    "LeakyReLU", "Dropout",
):
    case(_name, inplace=True)
case("GELU", "tanh")
case("PReLU", 6)
case("Threshold", 0.1, 2.0)
case("Softmax", 0)
case("Softmax2d", inputs=(IMAGE,))
case("Unflatten", 1, (2, 2), inputs=(IMAGE,))
case("Linear", 6, 3)
case("Linear", 6, 3, False)
case("LazyLinear", 3)
case("Bilinear", 6, 5, 3, inputs=(ROWS, reals(4, 5)))
case("FeatureAlphaDropout", inputs=(IMAGE,))


def _apart(n):
    """Places of two elements along each of ``n`` axes in twice as many, none twice."""
    rows = np.meshgrid(*[[0, 3]] * n, indexing="ij")
    return np.broadcast_to(np.ravel_multi_index(rows, (4,) * n), (2, 4, *[2] * n)).copy()


for _n, _x in ((1, LINE), (2, IMAGE), (3, VOLUME)):
    _one = (_x,)
    case(f"Conv{_n}d", 4, 8, 3, inputs=_one)
    case(f"Conv{_n}d", 4, 8, 3, stride=2, padding=1, groups=2, bias=False, inputs=_one)
    case(f"Conv{_n}d", 4, 8, 3, padding="same", dilation=2, inputs=_one)
    case(f"Conv{_n}d", 4, 8, 2, padding="same", padding_mode="circular", inputs=_one)
    for _mode in ("reflect", "replicate", "circular"):
        case(f"Conv{_n}d", 4, 8, 3, padding=1, padding_mode=_mode, inputs=_one)
    case(f"ConvTranspose{_n}d", 4, 8, 3, inputs=_one)
    case(f"ConvTranspose{_n}d", 4, 8, 3, stride=2, padding=1, output_padding=1, groups=2, inputs=_one)
    case(f"ConvTranspose{_n}d", 4, 8, 3, stride=2, inputs=(_x, constant([2 * _x[1][-1] + 2] * _n)))
    case(f"LazyConv{_n}d", 8, 3, inputs=_one)
    case(f"LazyConvTranspose{_n}d", 8, 3, stride=2, inputs=_one)
    for _pool in ("MaxPool", "AvgPool"):
        case(f"{_pool}{_n}d", 2, inputs=_one)
        case(f"{_pool}{_n}d", 3, stride=2, padding=1, ceil_mode=True, inputs=_one)
    case(f"MaxPool{_n}d", 2, return_indices=True, inputs=_one)
    case(f"LPPool{_n}d", 2, 2, inputs=_one)
    case(f"AdaptiveAvgPool{_n}d", 3, inputs=_one)
    case(f"AdaptiveMaxPool{_n}d", 3, return_indices=True, inputs=_one)
    case(f"BatchNorm{_n}d", 4, inputs=_one)
    case(f"BatchNorm{_n}d", 4, momentum=None, bias=False, inputs=_one)
    case(f"BatchNorm{_n}d", 4, affine=False, track_running_stats=False, inputs=_one)
    case(f"LazyBatchNorm{_n}d", inputs=_one)
    case(f"InstanceNorm{_n}d", 4, inputs=_one)
    case(f"InstanceNorm{_n}d", 4, affine=True, track_running_stats=True, inputs=_one)
    case(f"InstanceNorm{_n}d", 4, affine=True, inputs=(reals(*_x[1][1:]),))
    case(f"LazyInstanceNorm{_n}d", affine=True, inputs=_one)
    case(f"MaxUnpool{_n}d", 2, inputs=(reals(2, 4, *[2] * _n), constant(_apart(_n))))
    case(f"Dropout{_n}d", 0.3, inputs=_one)
    case(f"ConstantPad{_n}d", 1, 2.0, inputs=_one)
    for _pad in ("ZeroPad", "CircularPad", "ReflectionPad", "ReplicationPad"):
        case(f"{_pad}{_n}d", 1, inputs=_one)
case("Conv2d", 4, 8, (3, 2), inputs=(reals(4, 6, 6),))
case("AvgPool2d", 2, divisor_override=3, inputs=(IMAGE,))
case("FractionalMaxPool2d", 2, output_size=(3, 4), return_indices=True, inputs=(IMAGE,))
case("FractionalMaxPool3d", 2, output_ratio=0.5, return_indices=True, inputs=(VOLUME,))

case("SyncBatchNorm", 4, inputs=(IMAGE,))
case("LayerNorm", 6, inputs=(LINE,))
case("LayerNorm", [4, 6], bias=False, inputs=(LINE,))
case("GroupNorm", 2, 4, inputs=(IMAGE,))
case("GroupNorm", 2, 4, affine=False, inputs=(IMAGE,))
case("RMSNorm", 6, inputs=(LINE,))
case("LocalResponseNorm", 3, inputs=(IMAGE,))
for _size in (2, 3, 5, 9):
    case("CrossMapLRN2d", _size, 0.3, 0.6, 1.3, inputs=(IMAGE,))
case("Embedding", 10, 3, inputs=(indices(10, 4, 2),))
case("Embedding", 10, 3, padding_idx=-1, scale_grad_by_freq=True, inputs=(indices(10, 4, 2),))
case("EmbeddingBag", 10, 3, inputs=(indices(10, 4, 2),))

for _kind in ("RNN", "GRU", "LSTM"):
    case(_kind, 6, 5, inputs=(reals(7, 3, 6),))
    case(_kind, 6, 5, 2, bidirectional=True, batch_first=True, inputs=(reals(3, 7, 6),))
    case(_kind, 6, 5, 2, dropout=0.3, inputs=(reals(7, 3, 6),))
    case(_kind, 6, 5, 2, bias=False, inputs=(reals(7, 6),))
    case(_kind, 6, 5, 2, inputs=(reals(7, 3, 6), states(_kind, 2, 3, 5)))
    case(_kind, 6, 5, 2, inputs=(reals(7, 6), states(_kind, 2, 5)))
    case(_kind + "Cell", 6, 5, inputs=(reals(3, 6),))
    case(_kind + "Cell", 6, 5, False, inputs=(reals(6),))
    case(_kind + "Cell", 6, 5, inputs=(reals(3, 6), states(_kind, 3, 5)))
case("RNN", 6, 5, nonlinearity="relu", inputs=(reals(7, 3, 6),))
case("RNNCell", 6, 5, nonlinearity="relu", inputs=(reals(3, 6),))
case("LSTM", 6, 5, 2, proj_size=3, bidirectional=True, inputs=(reals(7, 3, 6),))

for _loss in (
    "L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss", "PoissonNLLLoss", "KLDivLoss", "BCEWithLogitsLoss",
    "HingeEmbeddingLoss", "CrossEntropyLoss", "MultiLabelSoftMarginLoss",
):
    for _reduction in ("mean", "sum", "none"):
        case(_loss, reduction=_reduction, inputs=(ROWS, unit(4, 6)))
case("SmoothL1Loss", size_average=False, inputs=(ROWS, unit(4, 6)))
case("BCELoss", inputs=(unit(4, 6), unit(4, 6)))
case("SoftMarginLoss", inputs=(ROWS, unit(4, 6)))
case("NLLLoss", inputs=(ROWS, indices(6, 4)))
case("NLLLoss2d", inputs=(IMAGE, indices(4, 2, 6, 6)))
for _reduction in ("mean", "sum", "none"):
    case("CTCLoss", reduction=_reduction, inputs=(
        logs(7, 3, 6), constant(np.array([[1, 2, 2], [2, 1, 4], [5, 2, 1]])), constant(np.array([7, 7, 6])),
        constant(np.array([3, 2, 1]))))
case("LinearCrossEntropyLoss", 6, 3, inputs=(ROWS, indices(3, 4)))
case("LinearCrossEntropyLoss", 6, 3, bias=True, out_features=(2,), label_smoothing=0.1, reduction="sum", inputs=(
    ROWS, indices(3, 4, 2)))
case("CrossEntropyLoss", label_smoothing=0.1, ignore_index=2, inputs=(ROWS, indices(6, 4)))
case("GaussianNLLLoss", full=True, inputs=(ROWS, reals(4, 6), unit(4, 6)))
case("MultiMarginLoss", p=2, inputs=(ROWS, indices(6, 4)))
case("MultiLabelMarginLoss", inputs=(ROWS, indices(6, 4, 6)))
case("CosineEmbeddingLoss", inputs=(ROWS, reals(4, 6), constant(np.array([1, -1, 1, -1]))))
case("MarginRankingLoss", inputs=(ROWS, reals(4, 6), constant(np.ones((4, 6), np.float32))))
case("TripletMarginLoss", swap=True, inputs=(ROWS, reals(4, 6), reals(4, 6)))
case("TripletMarginWithDistanceLoss", inputs=(ROWS, reals(4, 6), reals(4, 6)))
case("AdaptiveLogSoftmaxWithLoss", 16, 20, [4, 9], inputs=(reals(4, 16), indices(20, 4)))
case("PairwiseDistance", inputs=(ROWS, reals(4, 6)))
case("CosineSimilarity", inputs=(ROWS, reals(4, 6)))
case("PixelShuffle", 2, inputs=(IMAGE,))
case("PixelUnshuffle", 2, inputs=(IMAGE,))
case("ChannelShuffle", 2, inputs=(IMAGE,))
case("Unfold", 2, inputs=(IMAGE,))
case("Fold", (3, 3), 2, inputs=(reals(2, 8, 4),))
case("Upsample", scale_factor=2, mode="bilinear", align_corners=True, inputs=(IMAGE,))
case("Upsample", size=(7, 8), inputs=(IMAGE,))
case("UpsamplingNearest2d", 3, inputs=(IMAGE,))
case("UpsamplingBilinear2d", scale_factor=2, inputs=(IMAGE,))
case("MultiheadAttention", 6, 2, inputs=(reals(5, 3, 6), reals(7, 3, 6), reals(7, 3, 6)))
case("MultiheadAttention", 6, 2, batch_first=True, bias=False, inputs=(reals(3, 5, 6),) * 3)
case(
    "MultiheadAttention",
    6,
    2,
    add_bias_kv=True,
    add_zero_attn=True,
    kdim=4,
    vdim=5,
    inputs=(reals(5, 3, 6), reals(7, 3, 4), reals(7, 3, 5)),
)
case("TransformerEncoderLayer", 6, 2, 8, inputs=(reals(5, 3, 6),))
case("TransformerEncoderLayer", 6, 2, 8, norm_first=True, activation="gelu", inputs=(reals(5, 3, 6),))
case("TransformerDecoderLayer", 6, 2, 8, inputs=(reals(5, 3, 6), reals(4, 3, 6)))
_encoder, _decoder = layer("TransformerEncoderLayer", 6, 2, 8), layer("TransformerDecoderLayer", 6, 2, 8)
case("TransformerEncoder", _encoder, 2, layer("LayerNorm", 6), inputs=(reals(5, 3, 6),))
case("TransformerDecoder", _decoder, 2, inputs=(reals(5, 3, 6), reals(4, 3, 6)))
case("Transformer", 6, 2, 2, 2, 8, inputs=(reals(5, 3, 6), reals(4, 3, 6)))
case("Transformer", 6, 2, 1, 1, 8, batch_first=True, inputs=(reals(3, 5, 6), reals(3, 4, 6)))


def make(lib, spec, rng):
    kind = spec[0]
    if kind == "constant":
        return lib.from_numpy(spec[1]) if isinstance(spec[1], np.ndarray) else spec[1]
    if kind == "indices":
        return lib.from_numpy(rng.integers(0, spec[1], spec[2]))
    if kind == "unit":
        return lib.from_numpy(rng.random(spec[1]).astype(np.float32))
    if kind == "pair":
        return tuple(make(lib, ("reals", spec[1]), rng) for _ in range(2))
    values = rng.standard_normal(spec[1]).astype(np.float32)
    if kind == "logs":
        values -= np.log(np.exp(values).sum(-1, keepdims=True))
    return lib.from_numpy(values).requires_grad_()


def tensors(lib, value):
    if isinstance(value, lib.Tensor):
        return [value]
    if isinstance(value, tuple | list):
        return [t for item in value for t in tensors(lib, item)]
    return []


def run(lib, name, args, kwargs, inputs, inplace):
    """The printed form, initial state, and all results and gradients of a layer."""
    lib.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = getattr(lib.nn, name)(*arguments(lib, args), **kwargs, **({"inplace": True} if inplace else {}))
    printed = repr(module)
    results = []
    for training in (True, False):
        module.train(training)
        given = [make(lib, spec, rng) for rng in [np.random.default_rng(5)] for spec in inputs]
        lib.manual_seed(8)
        outputs = tensors(lib, module(*[v.clone() if inplace else v for v in given]))
        results += outputs
        active = [t for t in outputs if t.requires_grad]
        if active:
            module.zero_grad()
            sum((t * t).sum() for t in active).backward()
            results += [t.grad for t in tensors(lib, given) if t.grad is not None]
            results += [p.grad for p in module.parameters() if p.grad is not None]
    return printed, module, [t.detach().numpy() for t in results]


@pytest.mark.parametrize(("name", "args", "kwargs", "inputs", "inplace"), CASES)
def test_layer(name, args, kwargs, inputs, inplace):
    printed, want, want_values = run(torch, name, args, kwargs, inputs, inplace)
    have_printed, have, have_values = run(plugtorch, name, args, kwargs, inputs, inplace)
    assert have_printed == printed
    want_state, have_state = want.state_dict(), have.state_dict()
    assert list(have_state) == list(want_state)
    assert dict(have_state._metadata) == dict(want_state._metadata)
    for key, value in want_state.items():
        np.testing.assert_allclose(have_state[key].numpy(), value.numpy(), rtol=1e-5, atol=1e-6, err_msg=key)
    assert len(have_values) == len(want_values)
    for i, (value, expected) in enumerate(zip(have_values, want_values, strict=True)):
        assert value.dtype == expected.dtype
        np.testing.assert_allclose(value, expected, rtol=2e-4, atol=2e-5, err_msg=f"result {i}")


@pytest.mark.parametrize(("name", "args", "kwargs", "inputs", "inplace"), CASES)
def test_initial_values_are_the_same_draws(name, args, kwargs, inputs, inplace):
    states = []
    for lib in (torch, plugtorch):
        lib.manual_seed(3)
        state = getattr(lib.nn, name)(*arguments(lib, args), **kwargs).state_dict()
        lazy = [k for k, v in state.items() if type(v).__name__.startswith("Uninitialized")]
        values = {k: v.detach().numpy() for k, v in state.items() if k not in lazy}
        states.append((values, lazy, lib.rand(3).numpy()))
    (want, want_lazy, want_next), (have, have_lazy, have_next) = states
    assert have_lazy == want_lazy
    assert list(have) == list(want)
    for key, value in want.items():
        np.testing.assert_array_equal(have[key], value, err_msg=key)
    np.testing.assert_array_equal(have_next, want_next)


@pytest.mark.parametrize("name", ["Linear", "Conv2d", "BatchNorm2d", "LSTM", "MultiheadAttention", "Embedding"])
def test_copies_are_equal_and_apart(name):
    arguments = {"BatchNorm2d": (4,), "Conv2d": (4, 4, 3)}.get(name, (4, 4))
    module = getattr(plugtorch.nn, name)(*arguments)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert repr(other) == repr(module)
        assert list(other.state_dict()) == list(module.state_dict())
        for (key, value), original in zip(other.state_dict().items(), module.state_dict().values(), strict=True):
            np.testing.assert_array_equal(value.numpy(), original.numpy(), err_msg=key)
        for p, q in zip(other.parameters(), module.parameters(), strict=True):
            assert p is not q and type(p) is plugtorch.nn.Parameter and p.requires_grad
        with plugtorch.no_grad():
            for p in other.parameters():
                p.add_(1)
        for p, q in zip(other.parameters(), module.parameters(), strict=True):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy() + 1, rtol=1e-6)


def test_cross_map_normalisation_takes_images():
    messages = []
    for lib in (torch, plugtorch):
        with pytest.raises(ValueError) as error:
            lib.nn.CrossMapLRN2d(3)(lib.ones(2, 3, 4))
        messages.append(str(error.value))
    assert messages[1] == messages[0]


NO_CASE = {
    "Module": "the base class: test_modules_parity.py",
    **dict.fromkeys(("Sequential", "ModuleList", "ModuleDict"), "containers: test_modules_parity.py"),
    **dict.fromkeys(("ParameterList", "ParameterDict"), "no forward: test_modules_parity.py"),
    **dict.fromkeys(("RNNBase", "RNNCellBase"), "abstract; their subclasses are here"),
    "Container": "no forward: test_nn_utils_parity.py",
    "DataParallel": "calls another module: test_nn_utils_parity.py",
}


def layers(lib):
    """The names of the layer classes that ``lib.nn`` has."""
    kinds = {name: getattr(lib.nn, name) for name in dir(lib.nn)}
    return {name for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, lib.nn.Module)}


def test_every_layer_of_torch_is_there():
    assert layers(torch) - layers(plugtorch) == set()
    assert set(torch.nn.modules.__all__) - set(dir(plugtorch.nn)) == set()


def test_every_layer_has_a_case():
    covered = {param.values[0] for param in CASES}
    assert covered.isdisjoint(NO_CASE)
    assert covered | set(NO_CASE) == layers(torch)
