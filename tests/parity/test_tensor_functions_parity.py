"""Functions and methods of tensors: values, dtypes, shapes, ``out=``, in-place twins, errors."""

from __future__ import annotations

import pytest
from compare import agree

X = (
    "x = torch.tensor([[0.5, -1.5, 2.], [3., 0.25, -0.75]]); y = torch.tensor([[2., 1., -1.], [0.5, 4., 3.]]); "
    "n = torch.tensor([[1, -2, 3], [0, 5, 6]]); b = n > 0; v = torch.tensor([1., 2., 3.])"
)
UNARY = [
    "abs",
    "neg",
    "sign",
    "floor",
    "ceil",
    "trunc",
    "round",
    "frac",
    "square",
    "exp",
    "expm1",
    "sin",
    "cos",
    "tan",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "sigmoid",
    "erf",
    "sinc",
    "exp2",
    "reciprocal",
    "relu",
]
DOMAIN = ["sqrt", "log", "log2", "log10", "log1p", "rsqrt", "asin", "acos", "acosh", "atanh"]
BINARY = [
    "add",
    "sub",
    "mul",
    "div",
    "pow",
    "floor_divide",
    "remainder",
    "fmod",
    "atan2",
    "copysign",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "logical_and",
    "logical_or",
    "logical_xor",
]
BITS = ["bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"]
REDUCTIONS = [
    "sum",
    "mean",
    "prod",
    "max",
    "min",
    "amax",
    "amin",
    "argmax",
    "argmin",
    "any",
    "all",
    "std",
    "var",
    "logsumexp",
    "norm",
    "nansum",
    "count_nonzero",
    "median",
]


@pytest.mark.parametrize("name", UNARY + DOMAIN)
def test_unary(name, backend):
    agree(f"{X}; torch.{name}(x)")
    if name != "frac":
        agree(f"{X}; n.{name}()")
    agree(f"{X}; x.{name}_(); x")
    if name not in ("relu",):
        agree(f"{X}; o = torch.empty(0); torch.{name}(x, out=o); o")


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    for left in ("x", "n"):
        for right in ("y", "v", "n", "torch.tensor(2.)"):
            agree(
                f"{X}; torch.{name}({left}.abs() + 1, {right} + 0)"
                if name in ("pow", "remainder", "fmod", "floor_divide") and right != "n"
                else f"{X}; torch.{name}({left}, {right} + 0 * 1)"
                if right != "n"
                else f"{X}; torch.{name}({left}, n.abs() + 1)"
            )
    agree(f"{X}; x.{name}_(y); x")
    agree(f"{X}; o = torch.empty(2, 3, dtype=torch.{name}(x, y).dtype); torch.{name}(x, y, out=o); o")


@pytest.mark.parametrize("name", BITS)
def test_bits(name):
    agree(f"{X}; torch.{name}(n.abs(), 2)")
    agree(f"{X}; n.abs().{name}_(torch.tensor([1, 2, 3]))")
    agree(f"{X}; torch.{name}(x, y)")


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name):
    for source in ("x", "n", "b") if name not in ("median",) else ("x", "n"):
        for arguments in ("", "0", "1, keepdim=True", "-1", "5", "dim=0, keepdim=True"):
            if (name, source) not in (("max", "b"), ("min", "b"), ("argmax", "b"), ("argmin", "b"), ("logsumexp", "b")):
                agree(
                    f"{X}; {source}.{name}({arguments})"
                    if name != "norm" or not arguments
                    else f"{X}; {source}.norm(2, {arguments})"
                )


FUNCTIONS = (
    # creation
    "torch.tensor(3)",
    "torch.tensor([1, 2.5])",
    "torch.tensor([True])",
    "torch.tensor([[1, 2], [3, 4]], dtype=torch.float64)",
    "torch.tensor([[1], [2, 3]])",
    "torch.tensor('a')",
    "torch.tensor(np.float32(2))",
    "torch.tensor(np.arange(3))",
    "torch.as_tensor([1, 2])",
    "torch.from_numpy(np.ones(3, np.float32))",
    "torch.zeros(2, 3)",
    "torch.ones((2,), dtype=torch.int8)",
    "torch.full((2, 2), 7)",
    "torch.full((2,), 1.5)",
    "torch.full((2,), True)",
    "torch.arange(5)",
    "torch.arange(1, 2, 0.25)",
    "torch.arange(5, 0, -2)",
    "torch.arange(0, 5, -1)",
    "torch.linspace(0, 1, 5)",
    "torch.logspace(0, 2, 3)",
    "torch.eye(2, 3)",
    "torch.zeros_like(n)",
    "torch.ones_like(n, dtype=torch.float16)",
    "torch.full_like(x, 3)",
    "x.new_zeros(2)",
    "x.new_full((2,), 3)",
    "x.new_tensor([1, 2])",
    "n.new_ones(2, 2)",
    "torch.empty(2, 3).shape",
    "torch.zeros(-1)",
    "torch.Tensor([1, 2])",
    "torch.Tensor(2, 3).shape",
    "torch.complex(v, v)",
    "torch.zeros(2, requires_grad=True)",
    "torch.tensor([1], requires_grad=True)",
    "torch.scalar_tensor(2)",
    # shapes
    "torch.cat([x, y], 1)",
    "torch.cat([x, n])",
    "torch.cat([x, v])",
    "torch.stack([x, y], -1)",
    "torch.stack([x, v])",
    "torch.hstack([v, v])",
    "torch.vstack([v, v])",
    "torch.dstack([v, v])",
    "torch.split(v, 2)",
    "torch.chunk(v, 2)",
    "x.tile((2, 1))",
    "torch.broadcast_tensors(x, v)",
    "torch.broadcast_shapes((2, 1), (3,))",
    "torch.atleast_2d(v)",
    "torch.block_diag(x, y)",
    "x.repeat(2, 1, 2)",
    "torch.movedim(x, 0, 1)",
    "torch.flatten(x)",
    "torch.unflatten(v, 0, (3, 1))",
    "x.size()",
    "x.size(0)",
    "x.numel()",
    "x.dim()",
    "x.shape[1:]",
    "x.nelement()",
    "x.element_size()",
    "x.nbytes",
    "x.ndim",
    "len(x)",
    "len(torch.tensor(1))",
    # products
    "x @ y.t()",
    "x @ v",
    "v @ v",
    "x @ y",
    "v @ x",
    "torch.matmul(x[None], y.t())",
    "torch.mm(x, v)",
    "torch.mm(x, y)",
    "torch.mv(x, v)",
    "torch.dot(v, v)",
    "torch.dot(x, y)",
    "torch.dot(v, v[:2])",
    "torch.bmm(x[None], y.t()[None])",
    "torch.bmm(x, y)",
    "n @ n.t()",
    "x @ n.t()",
    "torch.outer(v, v)",
    "torch.addmm(torch.ones(2), x, y.t(), beta=2, alpha=3)",
    "torch.addmv(torch.ones(2), x, v)",
    "torch.inner(x, y)",
    "torch.baddbmm(torch.ones(1, 2, 2), x[None], y.t()[None])",
    "torch.tensordot(x, y, 2)",
    "torch.tensordot(x, y, ([1], [1]))",
    "torch.einsum('ij,kj->ik', x, y)",
    "torch.einsum('ij->ji', x)",
    "torch.einsum('ij,ij', x, y)",
    "torch.einsum('ii->i', x[:, :2])",
    "torch.einsum('...j,j->...', x, v)",
    "torch.einsum('ij,jk', x, y)",
    "torch.einsum('ij->k', x)",
    "torch.linalg.inv(x[:, :2])",
    "torch.linalg.solve(x[:, :2], v[:2])",
    "torch.trace(x)",
    "torch.cross(v, x[0], dim=0)",
    "torch.chain_matmul(x, y.t())",
    "torch.linalg.multi_dot([x, y.t(), x])",
    "x.matmul(1)",
    "torch.vdot(v, v)",
    "torch.ger(v, v)",
    # elementwise
    "x.clamp(-1, 1)",
    "x.clamp(min=0)",
    "x.clamp(max=v)",
    "x.clamp_(0, 1)",
    "x.clamp()",
    "torch.lerp(x, y, 0.5)",
    "torch.addcmul(x, y, y, value=2)",
    "torch.addcdiv(x, y, y + 5)",
    "x.round(decimals=1)",
    "torch.nan_to_num(torch.tensor([math.nan, math.inf]))",
    "torch.isnan(x / 0)",
    "torch.isinf(x / 0)",
    "torch.isfinite(x)",
    "torch.isclose(x, x + 1e-9)",
    "torch.allclose(x, y)",
    "torch.equal(x, x)",
    "x.softmax(1)",
    "x.log_softmax(-1)",
    "torch.sigmoid(n)",
    "torch.logaddexp(x, y)",
    "torch.copysign(x, -1)",
    "torch.copysign(n, -0.0)",
    "torch.copysign(x.half(), -2.5)",
    "torch.copysign(n, y.double())",
    "torch.copysign(x + 0j, y)",
    "torch.copysign(2., x)",
    "torch.copysign(x, 1j)",
    "n.copysign_(-1)",
    "x.copysign_(-1)",
    "a = x.double().requires_grad_(); torch.autograd.grad(torch.copysign(a * (v > 1), y).sum(), a)",
    "a = x.double().requires_grad_(); torch.autograd.grad(torch.copysign(a, -2).sum(), a)",
    "a = y.double().requires_grad_(); torch.autograd.grad(torch.copysign(x, a).sum(), a)",
    "type(torch.copysign(x.requires_grad_(), y).grad_fn).__name__",
    "type(torch.copysign(x.requires_grad_(), 2).grad_fn).__name__",
    "torch.sinc(torch.tensor([0., -0., 0.5, math.inf, math.nan]))",
    "torch.sinc(torch.tensor([1j, 0.5 + 1j, 0]))",
    "a = torch.tensor([0., 0.5, -2.25], dtype=torch.float64, requires_grad=True); torch.autograd.grad(a.sinc().sum(), a)",
    "torch.hypot(x, y)",
    "torch.sgn(x)",
    "torch.xlogy(x.abs(), y.abs())",
    "torch.true_divide(n, 2)",
    "torch.rsub(x, 1)",
    "torch.angle(x)",
    "torch.bitwise_not(n)",
    "~b",
    "x.logical_not()",
    "torch.where(b, x, y)",
    "torch.maximum(x, n)",
    "x.cumsum(1)",
    "n.cumprod(0)",
    "torch.std_mean(x)",
    "torch.var_mean(x, 1)",
    "torch.aminmax(x)",
    "x.var(unbiased=False)",
    "x.std(0, correction=0)",
    "x.sum(dtype=torch.float64)",
    "n.sum(1, dtype=torch.int32)",
    "x.mean((0, 1))",
    "n.mean()",
    "n.float().mean(0, keepdim=True)",
    "torch.zeros(0).sum()",
    "torch.zeros(0).mean()",
    "torch.zeros(0).max()",
    "torch.zeros(0, 3).sum(0)",
    "torch.max(x, y)",
    "torch.min(x, 1)",
    "torch.norm(x, 1)",
    "x.norm(dim=1)",
    "x.dist(y)",
    "torch.bernoulli(torch.ones(2))",
    "torch.normal(0., 0., (2,))",
    # conversion and interop
    "x.to(torch.int64)",
    "x.int()",
    "x.long()",
    "n.float()",
    "n.double()",
    "n.half()",
    "n.bfloat16()",
    "x.bool()",
    "x.char()",
    "x.byte()",
    "x.short()",
    "x.type(torch.float64)",
    "x.type()",
    "n.type()",
    "x.type_as(n)",
    "x.to(n)",
    "x.to('cpu')",
    "x.to('cpu', torch.float64)",
    "x.numpy()",
    "n.numpy()",
    "x.requires_grad_().numpy()",
    "x.tolist()",
    "x.item()",
    "v[0].item()",
    "n[0, 0].item()",
    "float(v[1])",
    "int(v[1])",
    "bool(v[0])",
    "bool(v)",
    "np.asarray(x)",
    "np.array(n)",
    "v * np.float64(2)",
    "list(v)",
    "[t.item() for t in n[0]]",
    "3 in n",
    "x.is_floating_point()",
    "x.is_cuda",
    "x.device.type",
    "x.dtype",
    "x.is_sparse",
    "x.requires_grad",
    "x.grad_fn",
    "x.grad",
    "hash(x) == hash(x)",
    "range(3)[n[0, 0]]",
    "torch.is_tensor(x)",
    "torch.numel(x)",
    "torch.is_floating_point(x)",
    "torch.finfo(torch.float32).eps",
    "torch.iinfo(torch.int8).max",
    "torch.Size([2, 3]).numel()",
    "torch.Size([1]) + (2,)",
    "torch.Size([2, 3])[0]",
    "x.shape == (2, 3)",
    "torch.get_default_dtype()",
    # in place
    "x.zero_()",
    "x.fill_(3)",
    "x.copy_(v)",
    "x.copy_(torch.ones(5))",
    "x.masked_fill_(b, 0)",
    "x.addcmul_(x, y, value=0.5)",
    "x.addcdiv_(y, y, value=-1)",
    "x.lerp_(y, 0.1)",
    "x.mul_(2).add_(1).sub_(0.5)",
    "x.tril_()",
    "x.div_(2, rounding_mode='floor')",
    "x.set_(y)",
    "x.softmax(0).argmax(1).eq(torch.tensor([1, 0])).float().mean().item()",
    "x.clone().detach().requires_grad",
)


@pytest.mark.parametrize("form", FUNCTIONS)
def test_function(form, backend):
    agree(f"{X}; {form}")


MESSAGES = (
    ("x @ x", "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"),
    ("torch.cat([x, v])", "Tensors must have same number of dimensions: got 2 and 1"),
    (
        "torch.cat([x, x[:, :2]])",
        "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 2 for tensor number 1",
    ),
    ("torch.stack([x, v])", "stack expects each tensor to be equal size, but got [2, 3] at entry 0 and [3] at entry 1"),
    ("x.item()", "a Tensor with 6 elements cannot be converted to Scalar"),
    ("bool(v)", "Boolean value of Tensor with more than one value is ambiguous"),
    (
        "x.requires_grad_().numpy()",
        "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
    ),
    ("n.requires_grad_()", "only Tensors of floating point"),
    ("len(torch.tensor(1))", "len() of a 0-d tensor"),
    ("v.dot(x)", "1D tensors expected"),
    ("x.sum(4)", "Dimension out of range (expected to be in range of [-2, 1], but got 4)"),
    ("x.backward()", "does not require grad"),
    ("(x.requires_grad_() * 2).backward()", "grad can be implicitly created only for scalar outputs"),
)


@pytest.mark.parametrize(("form", "message"), MESSAGES)
def test_message(form, message):
    agree(f"{X}; {form}", message)
