"""``repr`` of tensors, graph nodes and small objects, character by character."""

from __future__ import annotations

import pytest
from compare import agree

DTYPES = (
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)
VALUES = ("1", "[]", "[[]]", "[0, 1]", "[[1, 0], [100, 3]]", "[[[1], [2]], [[3], [4]]]", "[[[[1, 2]]], [[[3, 4]]]]")
TENSORS = (
    "torch.tensor([1.5, math.nan, math.inf, -math.inf])",
    "torch.tensor(math.nan)",
    "torch.tensor([math.inf, 1.])",
    "torch.tensor([1e-5, 1.])",
    "torch.tensor([1e9, 1.5])",
    "torch.tensor([1e8, 1.])",
    "torch.tensor(1e10)",
    "torch.tensor([0.1, 1000.5])",
    "torch.tensor([0.001, 0.5])",
    "torch.tensor([1., 2.5, 1000.])",
    "torch.tensor([-0., 0.])",
    "torch.tensor([1e-10])",
    "torch.tensor([123456789])",
    "torch.tensor([1., 2000.])",
    "torch.tensor([0.1, -100.25])",
    "torch.arange(1001)",
    "torch.arange(1000)",
    "torch.arange(2000.).reshape(40, 50)",
    "torch.zeros(20, 20, 20)",
    "torch.arange(1200.).reshape(2, 600)",
    "torch.arange(1200.).reshape(600, 2)",
    "torch.ones(2, 3, 4, 5)",
    "torch.arange(30.)",
    "torch.arange(40)",
    "torch.arange(60.).reshape(2, 30)",
    "torch.arange(40.) / 7",
    "torch.zeros(0, 3)",
    "torch.zeros(2, 0, dtype=torch.int64)",
    "torch.zeros(0, dtype=torch.float64)",
    "torch.tensor([True, False])",
    "torch.tensor([1 + 2j, 3.5 - 1j])",
    "torch.tensor(1j)",
    "torch.tensor([1 - 0.5j] * 9)",
    "torch.tensor([1., 2.]).requires_grad_()",
    "torch.tensor([1., 2.], dtype=torch.float64, requires_grad=True)",
    "torch.zeros(30, requires_grad=True)",
    "torch.zeros(13, dtype=torch.float64) * torch.ones(13).double().requires_grad_()",
    "torch.nn.Parameter(torch.ones(2, 2))",
    "torch.nn.Parameter(torch.ones(2), requires_grad=False)",
    "torch.nn.ParameterList([torch.nn.Parameter(torch.ones(2))])[0]",
    "torch.Size([2, 3])",
    "torch.Size([])",
    "torch.float32",
    "torch.device('cpu')",
    "torch.device('cuda', 1)",
    "torch.tensor([3, 1]).max(0)",
    "torch.tensor([3., 1.]).sort()",
    "torch.tensor([3., 1.]).topk(1)",
    "torch.tensor([[1.]]).median(0)",
    "torch.tensor([2., 1.]).requires_grad_().max(0)",
    "torch.tensor([1., 2.]).shape",
)


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("values", VALUES)
def test_dtypes(name, values):
    agree(f"repr(torch.tensor({values}).to(torch.{name}))")
    agree(f"repr(torch.tensor({values}, dtype=torch.{name}))")


@pytest.mark.parametrize("form", TENSORS)
def test_repr(form, backend):
    agree(f"repr({form})")
    agree(f"str({form})")


FORMATS = (
    "f'{torch.tensor(1.23456):.2f}'",
    "f'{torch.tensor(3)}'",
    "f'{torch.tensor([1.5])}'",
    "'%.3f' % torch.tensor(1.5)",
    "f'{torch.tensor(7):>5}'",
    "str(torch.tensor(2.5).item())",
    "format(torch.tensor([1.]), 's')",
)
OPTIONS = (
    "precision=2",
    "sci_mode=True",
    "sci_mode=False",
    "linewidth=40",
    "threshold=5",
    "edgeitems=1, threshold=5",
    "profile='short'",
    "profile='full'",
)


@pytest.mark.parametrize("form", FORMATS)
def test_format(form):
    agree(form)


@pytest.mark.parametrize("options", OPTIONS)
def test_print_options(options):
    for values in ("torch.arange(20.) / 3", "torch.tensor([1e-6, 12345.678])", "torch.arange(64).reshape(8, 8)"):
        agree(
            f"torch.set_printoptions({options}); text = repr({values}); torch.set_printoptions(profile='default'); text"
        )


X = (
    "x = torch.arange(1., 7.).reshape(2, 3).requires_grad_(); F = torch.nn.functional; v = torch.ones(3); "
    "i = torch.tensor([0, 1])"
)
NODES = (
    "x + 1",
    "1 + x",
    "x + x",
    "x - x",
    "x * 2",
    "x * x",
    "x / 2",
    "x / x",
    "x ** 2",
    "-x",
    "x @ x.t()",
    "x.mm(x.t())",
    "x.sum()",
    "x.mean()",
    "x.prod()",
    "x.max(1)[0]",
    "x.amax(1)",
    "x.norm()",
    "x.cumsum(0)",
    "x.logsumexp(0)",
    "x.view(3, 2)",
    "x.reshape(-1)",
    "x.T",
    "x.permute(1, 0)",
    "x.expand(2, 2, 3)",
    "x[1:]",
    "x[:, ::2]",
    "x[i]",
    "x[x > 2]",
    "x.narrow(1, 0, 2)",
    "x.diagonal()",
    "x.flatten()",
    "x.clone()",
    "x.double()",
    "x.relu()",
    "x.sigmoid()",
    "x.tanh()",
    "x.exp()",
    "x.log()",
    "x.sqrt()",
    "x.abs()",
    "x.sin()",
    "x.softmax(1)",
    "x.log_softmax(1)",
    "F.gelu(x)",
    "F.silu(x)",
    "F.elu(x)",
    "F.leaky_relu(x)",
    "F.softplus(x)",
    "F.linear(x, torch.ones(2, 3), torch.ones(2))",
    "F.l1_loss(x, x.detach())",
    "F.conv2d(x[None, None], torch.ones(1, 1, 2, 2))",
    "F.conv1d(x[None], torch.ones(1, 2, 2))",
    "F.layer_norm(x, (3,))",
    "F.embedding(i, x)",
    "F.pad(x, (1, 1))",
    "torch.cat([x, x])",
    "torch.where(x > 2, x, x)",
    "torch.maximum(x, x)",
    "x.gather(1, i[:, None])",
    "x.index_select(0, i)",
    "x.topk(1)[0]",
    "x.sort()[0]",
    "x.flip(0)",
    "x.tril()",
    "x.clone().add_(1)",
    "torch.outer(v.requires_grad_(), v)",
    "x.as_strided((2,), (1,))",
    "x.pow(3)",
    "x.rsqrt()",
    "x.reciprocal()",
    "x.minimum(x)",
    "x.bmm(x) if 0 else x.cumprod(0)",
)


@pytest.mark.parametrize("form", NODES)
def test_grad_fn(form):
    agree(f"{X}; ({form}).grad_fn.name()")
