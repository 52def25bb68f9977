"""Storages: what shares memory keeps sharing it through growth, copies and pickles, on every backend."""

from __future__ import annotations

import copy
import pickle
import warnings

import pytest

import plugtorch as torch

VIEWS = {
    "part": lambda x: x[1:3], "row": lambda x: x.view(2, 3)[1], "column": lambda x: x.view(2, 3)[:, 1],
    "transpose": lambda x: x.view(3, 2).t(), "strided": lambda x: x[::2], "all": lambda x: x.view(6),
    "windows": lambda x: x.unfold(0, 2, 2), "detached": lambda x: x.detach(),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("remake", [lambda pair: pickle.loads(pickle.dumps(pair)), copy.deepcopy], ids=["pickle", "copy"])
def test_views_share_their_memory_in_a_copy(name, remake):
    x = torch.arange(6.0)
    pair = [x, VIEWS[name](x)]
    base, view = remake(pair)
    assert (view == pair[1]).all() and view.stride() == pair[1].stride()
    assert view.untyped_storage() == base.untyped_storage() != x.untyped_storage()
    base.mul_(10)
    assert (view == 10 * pair[1]).all()
    view.zero_()
    assert base.sum().item() == 10 * (x.sum() - pair[1].sum()).item()
    assert x.sum().item() == 15


@pytest.mark.parametrize("name", VIEWS)
def test_growth_of_a_storage_is_seen_by_its_views(name):
    x = torch.arange(6.0)
    view = VIEWS[name](x)
    before = view.clone()
    owner = x.detach()
    owner.resize_(3, 4)
    assert owner.untyped_storage().nbytes() == 48 and owner.untyped_storage() == view.untyped_storage()
    assert (view == before).all()
    owner.view(-1)[:6].mul_(2)
    assert (view == 2 * before).all() and (x == torch.arange(6.0) * 2).all()


def test_a_storage_read_and_written_as_bytes_and_as_elements():
    x = torch.tensor([1.0, 2.0, 3.0])
    storage = x.storage()
    storage[1] = 7
    assert x.tolist() == [1, 7, 3] and storage.tolist() == [1, 7, 3]
    x.untyped_storage().fill_(0)
    assert x.tolist() == [0, 0, 0]
    y = torch.tensor([], dtype=torch.int32).set_(x.untyped_storage())
    assert y.tolist() == [0, 0, 0]
    y.fill_(1065353216)  # the bits of 1.0
    assert x.tolist() == [1, 1, 1]


def test_hooks_are_not_pickled():
    x = torch.ones(2, requires_grad=True)
    x.register_hook(lambda g: g)
    with pytest.warns(UserWarning, match="will not be serialized"):
        data = pickle.dumps(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = pickle.loads(data)
    assert y.requires_grad and y.is_leaf and y._hooks is None


def test_a_spoiled_view_reads_but_takes_no_part_in_the_graph():
    x = torch.ones(4, requires_grad=True) * 1
    a, _ = x.split(2)
    x.mul_(3)
    assert a.tolist() == [3, 3]
    with torch.no_grad():
        assert (a + 1).tolist() == [4, 4]
    with pytest.raises(RuntimeError, match="Output 0 of Split is a view and its base or another view of its base"):
        a + 1


def test_in_place_on_a_view_of_a_custom_function_is_refused():
    class Reshape(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view(2, 2)

        @staticmethod
        def backward(ctx, g):
            return g.reshape(4)

    y = Reshape.apply(torch.ones(4, requires_grad=True) * 1)
    with pytest.raises(RuntimeError, match="Output 0 of Reshape(Backward)? is a view and is being modified inplace"):
        y.mul_(2)
