"""Views: what shares memory, strides, contiguity, in-place changes with gradients, versions, errors."""

from __future__ import annotations

import pytest
from compare import agree

X = "x = torch.arange(24.).reshape(2, 3, 4)"
VIEWS = (
    "x.view(6, 4)", "x.view(-1)", "x.view(2, -1)", "x.reshape(4, 6)", "x.transpose(0, 2)", "x.permute(2, 0, 1)",
    "x.expand(5, 2, 3, 4)", "x[:1].expand(3, -1, 4)", "x.unsqueeze(1)", "x.unsqueeze(-1)", "x[:, :1].squeeze(1)",
    "x[:, :1].squeeze()", "x.squeeze()", "x.flatten(1)", "x.flatten()", "x.unflatten(2, (2, 2))", "x.narrow(1, 1, 2)",
    "x.select(2, 1)", "x[1]", "x[:, 1:, ::2]", "x[..., 0]", "x[None]", "x.chunk(2, 2)[1]", "x.split(2, 1)[1]",
    "x.split([1, 3], 2)[1]", "x.unbind(1)[2]", "x.diagonal(0, 1, 2)", "x.diagonal(1, 0, 2)", "x.unfold(2, 2, 1)",
    "x.movedim(0, -1)", "x.swapaxes(0, 1)", "x.mT", "x[0].t()", "x[0].T", "x.as_strided((2, 2), (4, 1), 1)",
    "x.detach()", "x.view_as(torch.zeros(4, 6))", "x.expand_as(torch.zeros(3, 2, 3, 4))", "x.transpose(0, 1)[1:]",
    "x.transpose(0, 1).contiguous()", "x.transpose(0, 1).reshape(-1)", "x.contiguous()", "x.clone()", "x[[0, 1]]",
    "x.transpose(1, 2).view(2, 2, 2, 3)", "x.tensor_split(3, 2)[1]", "x.ravel()",
    "torch.atleast_3d(x[0])", "x.broadcast_to((2, 2, 3, 4))", "x.adjoint()", "x.real", "x.T.shape",
    "x.repeat(1, 2, 1)", "x.tile(2)", "x.data", "x.float()", "x.to(torch.float32)", "x.double()", "x.cpu()",
)


@pytest.mark.parametrize("view", VIEWS)
def test_values_strides_and_contiguity(view, backend):
    agree(f"{X}; v = {view}; v if isinstance(v, torch.Size) else (v, v.stride(), v.storage_offset(), v.is_contiguous())")


@pytest.mark.parametrize("view", VIEWS)
def test_what_is_shared(view):
    agree(f"{X}; v = {view}; v if isinstance(v, torch.Size) else (x.mul_(2), v, x._version, v._version)")


WRITABLE = tuple(v for v in VIEWS if "expand" not in v and "broadcast" not in v and "unfold" not in v
                 and ".T.shape" not in v and "detach" not in v and "data" not in v and "chunk" not in v
                 and "split" not in v and "unbind" not in v)
CHANGES = ("v.mul_(3)", "v.add_(w)", "v.zero_()", "v.copy_(w.expand(v.shape))", "v.exp_()")


@pytest.mark.parametrize("view", WRITABLE)
def test_gradients_through_changes_of_views(view, backend):
    for change in CHANGES[:3]:
        agree(f"a = torch.arange(24.).reshape(2, 3, 4).div(9).requires_grad_(); w = torch.tensor(2., requires_grad=True); "
              f"x = a * 1; v = {view}; {change}; (x ** 2).sum().add(v.sum()).backward(); (x, v, a.grad)")


CASES = (
    "x.view(5, 5)", "x.transpose(0, 1).view(-1)", "x.view(-1, -1)", "x.view(-1, 5)", "x.reshape(7)",
    "x.expand(3, 3, 4)",
    "x.expand(4)", "x.permute(0, 1)", "x.permute(0, 0, 1)", "x.transpose(0, 3)", "x.t()", "x.squeeze(5)",
    "x.unsqueeze(9)",
    "x.split([1, 1], 2)", "x.split(0, 1)", "x.chunk(0)", "x.narrow(0, 1, 5)", "x.select(0, 2)",
    "x.unflatten(2, (3, 2))",
    "x.as_strided((3,), (100,))", "x.unfold(2, 9, 1)", "x.diagonal(0, 1, 1)", "x.stride(1)",
    "x.stride(-1)", "x.size(5)", "x.is_contiguous()", "x.view(torch.int32)", "x.view(torch.float64).shape",
    "x.flatten(2, 1)",
    "x.repeat(2)", "x.expand(3, 2, 3, 4).add_(1)", "x.requires_grad_(); x.add_(1)",
    "x.requires_grad_(); y = x * 2; z = y ** 2; y.add_(1); z.sum().backward()",
    "x.requires_grad_(); y = x.exp(); y.mul_(2); y.sum().backward()",
    "x.requires_grad_(); y = x * 2; y.mul_(2); y.sum().backward(); x.grad",
    "x.requires_grad_(); d = x.detach(); d.zero_(); (x, d.requires_grad, x._version)",
    "x.requires_grad_(); x.data.zero_(); (x, x._version)",
    "x.data = torch.ones(3); x", "y = x.detach(); y.add_(1); x._version",
    "y = x[0]; y.add_(1); (x._version, y._version)",
    "x.add_(1).mul_(2); x._version", "x._version",
    "x.data_ptr() == x[0].data_ptr()", "x.is_leaf", "y = x.requires_grad_() * 2; (y.is_leaf, y.requires_grad)",
    "a, b = x.unbind(0); a.add_(1); (x, b)",
    "x.swapaxes_(0, 1).shape", "x.transpose_(0, 1).shape", "x.unsqueeze_(0).shape", "x.squeeze_().shape", "x.t_()",
)


@pytest.mark.parametrize("form", CASES)
def test_case(form):
    agree(f"{X}; {form}")


MESSAGES = (
    (f"{X}; x.view(5, 5)", "shape '[5, 5]' is invalid for input of size 24"),
    (f"{X}; x.reshape(7)", "shape '[7]' is invalid for input of size 24"),
    (f"{X}; x.transpose(0, 1).view(-1)", "view size is not compatible with input tensor's size and stride (at least one "
                                         "dimension spans across two contiguous subspaces). Use .reshape(...) instead."),
    (f"{X}; x.view(-1, -1)", "only one dimension can be inferred"),
    (f"{X}; x.expand(3, 3, 4)", "must match the existing size (2) at non-singleton dimension 0."),
    (f"{X}; x.transpose(0, 3)", "Dimension out of range (expected to be in range of [-3, 2], but got 3)"),
    (f"{X}; x.t()", "t() expects a tensor with <= 2 dimensions, but self is 3D"),
    (f"{X}; x.requires_grad_(); x.add_(1)", "a leaf Variable that requires grad is being used in an in-place operation."),
    (f"{X}; x.requires_grad_(); y = x.exp(); y.mul_(2); y.sum().backward()",
     "one of the variables needed for gradient computation has been modified by an inplace operation"),
)


@pytest.mark.parametrize(("source", "message"), MESSAGES)
def test_message(source, message):
    agree(source, message)
