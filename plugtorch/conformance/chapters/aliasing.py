"""Views, in-place changes and fresh results: PyTorch's aliasing, on mutable and immutable arrays alike."""

from __future__ import annotations

import numpy as np

import plugtorch as torch
from plugtorch.spec import OPS

from ..check import Bench, Check, as_tuple, numbered
from ..samples import SAMPLES, Sample
from .errors import expect
from .values import fits, needed_dtypes

VIEWS = {
    "row": lambda x: x[1],
    "column": lambda x: x[:, 1],
    "block": lambda x: x[1:, ::2],
    "last": lambda x: x[..., -1],
    "new axis": lambda x: x[:, None],
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
    "view of a view": lambda x: x.t()[1:3].t(),
    "detach": lambda x: x.detach(),
    "data": lambda x: x.data,
    "movedim": lambda x: x.movedim(0, 1),
    "flatten": lambda x: x.flatten(),
}
# Ops that may hand back their operand, or its memory, where there is nothing to compute.
MAY_SHARE = frozenset({"cast", "conj", "adjoint", "to_host", "from_host"})


def grid():
    """0 to 11 in three rows."""
    return torch.arange(12.0).reshape(3, 4)


def same(x, expected):
    """Fails unless the tensor has these values."""
    np.testing.assert_array_equal(x.detach().cpu().numpy(), np.asarray(expected, np.float32))


def write_to_view(bench: Bench, view):
    """A write to a view is seen by its base."""
    x = grid()
    v = view(x)
    total = x.sum().item()
    v.add_(100)
    assert x.sum().item() == total + 100 * v.numel()
    same(view(x), v.tolist())


def write_to_base(bench: Bench, view):
    """A write to the base is seen by its view."""
    x = grid()
    v = view(x)
    expected = view(grid() * 2 + 1).tolist()
    x.mul_(2).add_(1)
    same(v, expected)


def gradient_through_view(bench: Bench, view):
    """What is written through a view takes part in the gradient of its base; the views' positions lose theirs."""
    w = torch.ones(3, 4, requires_grad=True)
    x = w * 1
    v = view(x)
    v.mul_(3)
    (x * grid()).sum().backward()
    mark = grid() * 0
    view(mark).add_(1)
    same(w.grad, (grid() * (1 + 2 * mark)).tolist())


def siblings(bench: Bench):
    x = grid()
    a, b, c = x[0], x.t(), x.view(-1)
    a.zero_()
    b[1] = -1
    c[11] = 5
    same(x, [[0, -1, 0, 0], [4, -1, 6, 7], [8, -1, 10, 5]])
    same(a, [0, -1, 0, 0])
    same(b[3], [0, 7, 5])


def versions(bench: Bench):
    x = grid()
    v, d = x[0], x.data
    v.add_(1)
    assert x._version == v._version == 1
    d.add_(1)
    assert x._version == 1 and x[0, 0].item() == 2


def saved_then_changed(bench: Bench):
    w = torch.ones(3, requires_grad=True)
    x = w * 2
    y = x.exp() * x
    x.add_(1)
    expect(RuntimeError, "modified by an inplace operation", lambda: y.sum().backward())


def sibling_history(bench: Bench):
    w = torch.ones(4, requires_grad=True)
    x = w * 1
    a, b = x[:3], x[1:]
    a.mul_(2)
    b.sum().backward()
    same(w.grad, [0, 2, 2, 1])


def written_values(bench: Bench):
    w, u = torch.ones(3, requires_grad=True), torch.tensor(7.0, requires_grad=True)
    x = w * 2
    x[1] = u
    (x * torch.tensor([1.0, 10.0, 100.0])).sum().backward()
    same(w.grad, [2, 0, 200])
    assert u.grad.item() == 10


def filled(bench: Bench):
    w = torch.ones(2, requires_grad=True)
    x = w * 3
    x.zero_()
    x.sum().backward()
    same(w.grad, [0, 0])


def expanded(bench: Bench):
    x = torch.ones(3, 1).expand(3, 4)
    expect(RuntimeError, "more than one element of the written-to tensor", lambda: x.add_(1))
    same(x, [[1] * 4] * 3)


def index_assignment(bench: Bench):
    x = torch.arange(4.0)
    x[torch.tensor([0, 2])] = torch.tensor([5.0, 6.0])
    x[torch.tensor([False, True, False, False])] = 9
    same(x, [5, 9, 6, 3])
    y = grid()
    y[1:, [0, 3]] = -1
    y[0, ::2] += 10
    same(y, [[10, 1, 12, 3], [-1, 5, 6, -1], [-1, 9, 10, -1]])


def results_of_no_op(bench: Bench):
    """Functions that change nothing return either a tensor of its own memory or a view, as PyTorch does."""
    x = grid()
    for same_memory in (x.reshape(3, 4), x.contiguous(), x.to(torch.float32), x.float(), x.expand(3, 4), x.view_as(x)):
        same_memory[0, 0] += 1
    assert x[0, 0].item() == 6
    for own in (x.clone(), x + 0, x.flatten().repeat(1), torch.cat([x]), x.relu(), x.clamp(min=0), x.round(), x.floor(),
                x.abs(), x.tril(5), x.masked_fill(x < 0, 0), x.where(x > -1, x), torch.maximum(x, x), x[[0, 1, 2]]):
        own.zero_()
    assert x[2, 3].item() == 11
    whole = torch.arange(3)
    for own in (whole.floor(), whole.round(), whole.abs(), whole.ceil(), whole.trunc(), whole.clone()):
        own.zero_()
    assert whole.tolist() == [0, 1, 2]


def overlapping_copy(bench: Bench):
    x = torch.arange(5.0)
    x[1:] = x[:-1].clone()
    same(x, [0, 0, 1, 2, 3])


def out_argument(bench: Bench):
    x, y = torch.ones(3), torch.zeros(3)
    assert torch.add(x, x, out=y) is y
    same(y, [2, 2, 2])


TOPICS = (siblings, versions, saved_then_changed, sibling_history, written_values, filled, expanded, index_assignment,
          results_of_no_op, overlapping_copy, out_argument)


# Arrays that can be written to.

def fresh_result(bench: Bench, s: Sample):
    """What an op that is no view returns is memory of its own: writing to it changes no operand."""
    k = bench.k
    params = {n: bench.device if n == "device" else v for n, v in s.params.items()}
    arrays = [bench.put(bench.fitted(o)) for o in s.operands]
    before = [bench.host(a) if hasattr(a, "shape") else None for a in arrays]
    for result in as_tuple(getattr(k, s.op)(*arrays, **params)):
        k.assign(result, 1)
    for i, (a, b) in enumerate(zip(arrays, before, strict=True)):
        assert b is None or bench.host(a).tobytes() == b.tobytes(), f"the result of {s.op} is memory of operand {i}"


def view_of_memory(bench: Bench, op: str):
    """A view's memory is its operand's."""
    k = bench.k
    x = bench.put(np.arange(12.0).reshape(3, 4))
    y = {
        "reshape": lambda: k.reshape(x, shape=(2, 6)),
        "permute": lambda: k.permute(x, axes=(1, 0)),
        "broadcast_to": lambda: k.slice(k.broadcast_to(x, shape=(2, 3, 4)), start=(0, 0, 0), stop=(1, 3, 4),
                                        step=(1, 1, 1)),
        "slice": lambda: k.slice(x, start=(0, 1), stop=(3, 4), step=(2, 1)),
        "diagonal": lambda: k.diagonal(x, offset=0, axis1=0, axis2=1),
        "unfold_dim": lambda: k.unfold_dim(x, axis=1, size=2, step=2),
        "as_strided": lambda: k.as_strided(x, shape=(2, 2), strides=(4, 1), offset=1),
        "bitcast": lambda: k.bitcast(x, dtype=torch.int64),
        "select": lambda: k.select(x, axis=1, index=2),
        "view_as_complex": lambda: k.view_as_complex(k.slice(x, start=(0, 2), stop=(3, 4), step=(1, 1))),
        "real": lambda: k.real(x),
    }[op]()
    k.assign(y, 0)
    assert (bench.host(x) == 0).sum() > 1, f"{op} copied"


def assigning(bench: Bench):
    """assign converts, broadcasts and wraps."""
    k = bench.k
    x = bench.put(np.zeros((2, 3)))
    k.assign(x, bench.put(np.array([1, 2, 3])))
    np.testing.assert_array_equal(bench.host(x), [[1, 2, 3]] * 2)
    k.assign(k.permute(x, axes=(1, 0)), bench.put(np.arange(6.0).reshape(3, 2)))
    np.testing.assert_array_equal(bench.host(x), [[0, 2, 4], [1, 3, 5]])
    k.assign(x, 2.5)
    np.testing.assert_array_equal(bench.host(x), np.full((2, 3), 2.5))
    whole = bench.put(np.zeros(2, np.int32))
    k.assign(whole, bench.put(np.array([2.9, -2.9])))
    np.testing.assert_array_equal(bench.host(whole), [2, -2])
    small = bench.put(np.zeros(2, np.uint8))
    k.assign(small, 300)
    np.testing.assert_array_equal(bench.host(small), [44, 44])


def updating(bench: Bench):
    """update writes the op's result into its first operand, or declines and leaves it alone."""
    for op in ("add", "sub", "mul", "div", "neg", "exp", "sqrt", "maximum", "minimum", "abs"):
        host = [np.array([1.0, 4.0, 9.0]), np.array([2.0, 5.0, 3.0])][:len(OPS[op].operands)]
        x, *rest = map(bench.put, host)
        whole = bench.put(np.stack([host[0], host[0]]))
        row = bench.k.slice(whole, start=(1, 0), stop=(2, 3), step=(1, 1))
        row = bench.k.reshape(row, shape=(3,))
        want = bench.host(getattr(bench.k, op)(x, *rest))
        for target in (x, row):
            old = bench.host(target)
            done = bench.k.update(op, target, *rest)
            np.testing.assert_allclose(bench.host(target), want if done else old)
        np.testing.assert_array_equal(bench.host(whole)[0], host[0])


def accumulating(bench: Bench):
    """accumulate adds, and leaves its second operand alone."""
    into, x = bench.put(np.array([1.0, 2.0])), bench.put(np.array([10.0, 20.0]))
    np.testing.assert_array_equal(bench.host(bench.k.accumulate(into, x)), [11, 22])
    np.testing.assert_array_equal(bench.host(x), [10, 20])


def strides(bench: Bench):
    """strides_of counts elements, where the library tells."""
    k = bench.k
    x = bench.put(np.zeros((3, 4), np.float32))
    found = k.strides_of(x)
    if found is not None:
        assert tuple(found) == (4, 1)
        assert tuple(k.strides_of(k.permute(x, axes=(1, 0)))) == (1, 4)
        assert tuple(k.strides_of(k.slice(x, start=(0, 0), stop=(3, 4), step=(2, 2)))) == (8, 2)


def checks():
    """Through tensors on every backend; on arrays where they can be written to."""
    for name, view in VIEWS.items():
        for test in (write_to_view, write_to_base):
            yield Check("aliasing", test.__name__, name, lambda bench, test=test, view=view: test(bench, view))
        if name not in ("chunk", "split", "unbind", "detach", "data"):  # whose in-place changes autograd refuses or ignores
            yield Check("aliasing", "gradient_through_view", name,
                        lambda bench, view=view: gradient_through_view(bench, view))
    for topic in TOPICS:
        yield Check("aliasing", "topics", topic.__name__, topic)
    for op, samples in SAMPLES.items():
        if not OPS[op].view and op not in MAY_SHARE:
            for name, s in [(n, s) for n, s in numbered(samples) if s.check is None and "empty" not in s.features][:3]:
                yield Check("aliasing", op, f"fresh result {name}", lambda bench, s=s: fresh_result(bench, s),
                            needed_dtypes(s), "aliases", fits(s))
    for op in ("reshape", "permute", "broadcast_to", "slice", "diagonal", "unfold_dim", "as_strided", "bitcast", "real",
               "select", "view_as_complex"):
        yield Check("aliasing", op, "shares memory", lambda bench, op=op: view_of_memory(bench, op), needs="aliases")
    for topic in (assigning, updating, accumulating, strides):
        yield Check("aliasing", "arrays", topic.__name__, topic, needs="aliases")
