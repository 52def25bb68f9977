"""Names around tensors against PyTorch: comparing results, versions, types, graphs, data pipes, Sobol points."""

from __future__ import annotations

import pytest
import torch
import torch.fx
import torch.quasirandom  # noqa: F401
import torch.testing  # noqa: F401
import torch.utils.data.datapipes as theirs
from compare import agree, outcome

import plugtorch
import plugtorch.utils.data.datapipes as ours

pytestmark = pytest.mark.filterwarnings("ignore")

COMPARED = """
C(T([1., 2.]), T([1., 3.]))
C(T(1.), T(2.))
C(1., 2.)
C(1, 2)
C(1, 1.5)
C(T([1, 2]), T([1, 3]))
C(T([1., 2.]), T([1., 2., 3.]))
C(T([1.]), T([1.]).double())
C([T(1.), T(2.)], [T(1.), T(3.)])
C({'a': T(1.)}, {'b': T(2.)})
C([1], [1, 2])
C(T([float('nan')]), T([float('nan')]))
C(T([float('nan')]), T([float('nan')]), equal_nan=True)
C(T([1.]), T([1.]), rtol=1e-3)
C(T([1.]), T([2.]), msg=lambda m: 'X ' + m)
C(None, 1)
C(True, False)
C(T([True]), T([False]))
C(T([1 + 1j]), T([2 + 1j]))
C(T([1., 2.]).bfloat16(), T([1., 3.]).bfloat16())
C(T([[1., 2.], [3, 4.]]).t(), T([[1., 3.], [2, 4.]]), check_stride=True)
C(T([1, 2]), T([5, 3]), rtol=0.1, atol=1)
C(T([1., 2.]), T([1., float('inf')]))
C(T([]), T([]))
C([[1., 2.]], [[1., 4.]])
""".strip().split("\n")


@pytest.mark.parametrize("source", COMPARED)
def test_errors_of_comparisons(source):
    found = [outcome(f"C = torch.testing.assert_close; T = torch.tensor; {source}", m)
             for m in (torch, plugtorch)]
    assert type(found[0]) is type(found[1]) and str(found[0]) == str(found[1])


@pytest.mark.parametrize("source", """
torch.testing.make_tensor(2, 3, dtype=torch.float32, device="cpu")
torch.testing.make_tensor((2, 3), dtype=torch.int64, device="cpu", low=-2, high=2, exclude_zero=True)
torch.testing.make_tensor(5, dtype=torch.bool, device="cpu")
torch.testing.make_tensor(3, dtype=torch.complex64, device="cpu", requires_grad=True)
torch.testing.make_tensor(4, dtype=torch.bfloat16, device="cpu", low=0, high=1)
torch.testing.make_tensor(2, 3, dtype=torch.float64, device="cpu", noncontiguous=True)
torch.testing.make_tensor(2, dtype=torch.int8, device="cpu", low=3, high=3)
torch.testing.make_tensor(2, dtype=torch.int8, device="cpu", requires_grad=True)
torch.quasirandom.SobolEngine(3).draw(5)
torch.quasirandom.SobolEngine(5, scramble=True, seed=3).fast_forward(3).draw(4, dtype=torch.float64)
torch.quasirandom.SobolEngine(2, scramble=True).draw_base2(3)
torch.quasirandom.SobolEngine(2).fast_forward(1).draw_base2(3)
str(torch.DictType(torch.StringType.get(), torch.ListType(torch.TensorType.get())))
torch.OptionalType(torch.IntType.get()).annotation_str
torch.ListType.ofInts() == torch.ListType(torch.IntType.get())
torch.UnionType([torch.IntType.get(), torch.StringType.get()]).annotation_str
(torch.sym_max(1, 2.), torch.sym_min(1, 2), torch.sym_not(True), torch.sym_int(-3.7), torch.sym_sum([1, 2]))
torch.jit.annotate(int, 3)
torch.jit.isinstance([1, "a"], __import__("typing").List[int])
torch.jit.isinstance({"a": 1}, __import__("typing").Dict[str, int])
torch.get_device(torch.ones(1))
[a.name for a in map(torch.profiler.schedule(wait=1, warmup=1, active=2, repeat=2, skip_first=1), range(14))]
""".strip().split("\n"))
def test_expressions(source):
    agree(f"torch.manual_seed(3); {source}")


PIPES = """
list(W(range(5)).map(lambda v: v * 2).filter(lambda v: v > 2))
list(W(range(5)).batch(2, drop_last=True).unbatch())
list(W(range(10)).shuffle())
list(W(range(10)).shuffle(buffer_size=3))
list(W([1, 2]).zip(W([3, 4])).concat(W([5])))
[list(p) for p in W(range(6)).demux(2, lambda v: v % 2)]
[list(g) for g in W(range(6)).groupby(lambda v: v % 2)]
list(W([(1, 2), (3, 4)]).map(lambda a, b: a + b, input_col=[0, 1], output_col=-1))
[list(b) for b in S([1, 2, 3]).batch(2)]
list(S([1, 2, 3, 4, 5]).shuffle())
S([1, 2]).concat(S([3, 4]))[3]
""".strip().split("\n")


@pytest.mark.parametrize("source", PIPES)
def test_data_pipes(source):
    found = []
    for module, pipes in ((torch, theirs), (plugtorch, ours)):
        module.manual_seed(3)
        found.append(eval(source, {"W": pipes.iter.IterableWrapper, "S": pipes.map.SequenceWrapper}))
    assert found[0] == found[1]


@pytest.mark.parametrize("source", ["lambda a, b: torch.relu(a + b) * 2",
                                    "lambda a: torch.cat([a, a.neg()], dim=1)[:, 1:3].sum(-1)", "lambda a, b=2: (-a) ** b"])
def test_code_of_graphs(source):
    found = []
    for module in (torch, plugtorch):
        traced = module.fx.symbolic_trace(eval(source, {"torch": module}))
        found.append((traced.code, str(traced.graph)))
    assert found[0] == found[1]
