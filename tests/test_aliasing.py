"""Views and in-place changes: PyTorch's aliasing, the same on mutable and immutable arrays."""

from __future__ import annotations

import pytest

import plugtorch as torch


def grid():
    return torch.arange(12.0).reshape(3, 4)


VIEWS = {
    "row": lambda x: x[1],
    "column": lambda x: x[:, 1],
    "block": lambda x: x[1:, ::2],
    "transpose": lambda x: x.t(),
    "permute": lambda x: x.permute(1, 0),
    "flat": lambda x: x.view(-1),
    "other shape": lambda x: x.view(2, 6),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "squeeze": lambda x: x.unsqueeze(0).squeeze(0),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(1, 2),
    "chunk": lambda x: x.chunk(2, 1)[1],
    "split": lambda x: x.split([1, 2], 0)[1],
    "unbind": lambda x: x.unbind(0)[2],
    "diagonal": lambda x: x.diagonal(),
    "unfold": lambda x: x.unfold(1, 2, 2),
    "as_strided": lambda x: x.as_strided((2, 2), (4, 1), 1),
    "view of a view": lambda x: x.t()[1:3].view(2, 3) if x.t()[1:3].is_contiguous() else x.t()[1:3].t(),
    "detach": lambda x: x.detach(),
    "data": lambda x: x.data,
    "movedim": lambda x: x.movedim(0, 1),
    "flatten": lambda x: x.flatten(),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_write_to_a_view_is_seen_by_its_base(name):
    x = grid()
    v = VIEWS[name](x)
    before = x.sum().item()
    v.add_(100)
    assert x.sum().item() == before + 100 * v.numel()
    assert (VIEWS[name](x) == v).all()


@pytest.mark.parametrize("name", VIEWS)
def test_a_write_to_the_base_is_seen_by_its_view(name):
    x = grid()
    v = VIEWS[name](x)
    expected = VIEWS[name](grid() * 2 + 1)
    x.mul_(2).add_(1)
    assert (v == expected).all()


def test_siblings_see_each_other():
    x = grid()
    a, b, c = x[0], x.t(), x.view(-1)
    a.zero_()
    b[1] = -1
    c[11] = 5
    assert x.tolist() == [[0, -1, 0, 0], [4, -1, 6, 7], [8, -1, 10, 5]]
    assert a.tolist() == [0, -1, 0, 0] and b[3].tolist() == [0, 7, 5]


def test_views_share_the_version_counter_and_data_does_not():
    x = grid()
    v, d = x[0], x.data
    v.add_(1)
    assert x._version == v._version == 1
    d.add_(1)
    assert x._version == 1 and x[0, 0].item() == 2


def test_gradients_through_an_in_place_change_of_a_view():
    w = torch.ones(3, requires_grad=True)
    x = w * 2
    x[1].mul_(5)
    x.sum().backward()
    assert w.grad.tolist() == [2.0, 10.0, 2.0]


def test_gradients_reach_what_was_written_into_a_view():
    w, u = torch.ones(3, requires_grad=True), torch.tensor(7.0, requires_grad=True)
    x = w * 2
    x[1] = u
    (x * torch.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert w.grad.tolist() == [2.0, 0.0, 200.0] and u.grad.item() == 10.0


def test_a_view_taken_before_the_base_changed_has_the_new_history():
    w = torch.ones(4, requires_grad=True)
    x = w * 1
    v = x[:2]
    x.mul_(3)
    v.sum().backward()
    assert w.grad.tolist() == [3.0, 3.0, 0.0, 0.0]


def test_a_sibling_view_follows_a_change_through_another_view():
    w = torch.ones(4, requires_grad=True)
    x = w * 1
    a, b = x[:3], x[1:]
    a.mul_(2)
    b.sum().backward()
    assert w.grad.tolist() == [0.0, 2.0, 2.0, 1.0]


def test_a_base_without_gradients_gets_them_from_a_view():
    x, w = torch.zeros(3), torch.tensor(2.0, requires_grad=True)
    x[0].add_(w)
    assert x.requires_grad
    (x * 5).sum().backward()
    assert w.grad.item() == 5.0


def test_filling_cuts_the_history_off():
    w = torch.ones(2, requires_grad=True)
    x = w * 3
    x.zero_()
    x.sum().backward()
    assert w.grad.tolist() == [0.0, 0.0]


def test_index_assignment_with_tensors():
    w = torch.ones(4, requires_grad=True)
    x = w * 1
    x[torch.tensor([0, 2])] = torch.tensor([5.0, 6.0])
    x[torch.tensor([False, True, False, False])] = 9
    assert x.tolist() == [5, 9, 6, 1]
    x.sum().backward()
    assert w.grad.tolist() == [0.0, 0.0, 0.0, 1.0]


def test_expanded_tensors_refuse_in_place_changes():
    x = torch.ones(3, 1).expand(3, 4)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor refers to a single memory"):
        x.add_(1)


def test_view_needs_compatible_strides():
    x = grid()
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.t().view(-1)
    assert x.t().reshape(-1).tolist()[:3] == [0, 4, 8]
    y = x.t().reshape(-1)
    y.zero_()
    assert x.sum().item() == 66
    with pytest.raises(RuntimeError, match=r"shape '\[5\]' is invalid for input of size 12"):
        x.view(5)


def test_strides():
    x = grid()
    assert x.stride() == (4, 1) and x.t().stride() == (1, 4) and x[:, ::2].stride() == (4, 2)
    assert x.t().is_contiguous() is False and x.t().contiguous().stride() == (3, 1)
    assert x[1:, 2].storage_offset() == 6


def test_a_failed_in_place_op_leaves_its_tensor_as_it_was():
    x = torch.tensor([1, 2, 3])
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        x.add_(torch.tensor([0.5, 0.5, 0.5]))
    with pytest.raises(RuntimeError):
        x.add_(torch.ones(2, 3, dtype=torch.int64))
    assert x.tolist() == [1, 2, 3] and x._version == 0


def test_copy_converts_and_broadcasts():
    x = torch.zeros(2, 3)
    x.copy_(torch.tensor([1, 2, 3]))
    assert x.tolist() == [[1, 2, 3]] * 2
    x[0].copy_(x[1] * 2)
    assert x.tolist() == [[2, 4, 6], [1, 2, 3]]


def test_numpy_shares_memory_where_arrays_are_mutable(backend):
    x = torch.zeros(3)
    array = x.numpy()
    if backend == "numpy":
        array[0] = 5
        assert x[0].item() == 5
        x.add_(1)
        assert array.tolist() == [6, 1, 1]
    else:
        assert array.tolist() == [0, 0, 0]


def test_setting_data_and_set():
    p = torch.ones(2, requires_grad=True)
    q = torch.zeros(2)
    p.data = q
    q.add_(3)
    assert p.tolist() == [3, 3] and p.requires_grad
