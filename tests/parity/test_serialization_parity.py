"""Files go both ways between PyTorch and plugtorch."""

from __future__ import annotations

import io
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest

import plugtorch
from plugtorch import nn as plug_nn
from plugtorch import optim as plug_optim

torch = pytest.importorskip("torch")

OPTIONS = {}
BOTH = ((torch, plugtorch), (plugtorch, torch))


@pytest.fixture(autouse=True, params=["zip", "stream"])
def form(request, monkeypatch):
    """The format that :func:`sent` writes: the archive, or the stream from before PyTorch 1.6."""
    monkeypatch.setitem(OPTIONS, "_use_new_zipfile_serialization", request.param == "zip")
    return request.param


def sent(obj, source, target, **options):
    """An object saved by one library and loaded by the other."""
    file = io.BytesIO()
    source.save(obj, file, **OPTIONS)
    file.seek(0)
    return target.load(file, **options)


def values(t):
    t = t.detach()
    return (t.float() if str(t.dtype).endswith("bfloat16") else t).numpy()


def same(a, b):
    assert str(a.dtype) == str(b.dtype) and tuple(a.shape) == tuple(b.shape)
    assert tuple(a.stride()) == tuple(b.stride()) or not a.numel()
    assert a.requires_grad == b.requires_grad and type(a).__name__ == type(b).__name__
    np.testing.assert_array_equal(values(a), values(b))


DTYPES = ["bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "bfloat16",
          "float32", "float64", "complex64", "complex128"]


@pytest.mark.parametrize("source, target", BOTH)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(source, target, dtype):
    saved = source.tensor([[0, 1, 1], [1, 0, 1]], dtype=getattr(source, dtype))
    same(sent(saved, source, target), saved)


@pytest.mark.parametrize("source, target", BOTH)
@pytest.mark.parametrize("make", [
    lambda m: m.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1),
    lambda m: m.arange(24.0).reshape(4, 6)[1:, ::2],
    lambda m: m.arange(24.0)[5],
    lambda m: m.arange(3.0).expand(4, 3),
    lambda m: m.ones(0, 3),
    lambda m: m.tensor(3.5),
    lambda m: m.ones(2, 3, requires_grad=True),
    lambda m: m.arange(5.0).as_strided((2, 3), (1, 1), 1),
])
def test_layouts(source, target, make):
    saved = make(source)
    same(sent(saved, source, target), saved)


@pytest.mark.parametrize("source, target", BOTH)
def test_shared_memory_stays_shared(source, target):
    base = source.arange(6.0)
    saved = {"base": base, "tail": base[2:], "grid": base.view(2, 3).t(), "other": source.zeros(2)}
    loaded = sent(saved, source, target)
    loaded["base"][2] = 9.0
    assert loaded["tail"].tolist() == [9.0, 3.0, 4.0, 5.0]
    assert loaded["grid"].tolist() == [[0.0, 3.0], [1.0, 4.0], [9.0, 5.0]]
    loaded["grid"].add_(1)
    assert loaded["base"].tolist() == [1.0, 2.0, 10.0, 4.0, 5.0, 6.0]
    assert loaded["other"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("source, target", BOTH)
def test_plain_values(source, target):
    saved = {"n": [1, 2.5, None, True, "text", b"\x00\xff", 1 + 2j, 10**30], "t": (1, (2,)), "set": {1, 2},
             "ordered": OrderedDict(a=1), "counter": Counter("aab"), "bytes": bytearray(b"xy"), 3: -1, "empty": b""}
    assert sent(saved, source, target) == saved
    other = sent([source.float32, source.device("cpu"), source.Size([1, 2])], source, target)
    assert other == [target.float32, target.device("cpu"), target.Size([1, 2])]
    assert type(other[2]) is target.Size


@pytest.mark.parametrize("source, target", BOTH)
def test_parameters_and_attributes(source, target):
    Parameter = {torch: torch.nn.Parameter, plugtorch: plug_nn.Parameter}
    weight = Parameter[source](source.ones(2, 3))
    noted = Parameter[source](source.ones(2), requires_grad=False)
    noted.note = "kept"
    marked = source.zeros(2)
    marked.tag = [1, 2]
    loaded = sent([weight, noted, marked, weight], source, target)
    assert type(loaded[0]) is Parameter[target] and loaded[0].requires_grad and loaded[0].is_leaf
    assert loaded[3] is loaded[0]
    assert not loaded[1].requires_grad and loaded[1].note == "kept"
    assert loaded[2].tag == [1, 2]


def network(nn):
    return nn.Sequential(nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))


@pytest.mark.parametrize("source, target", BOTH)
def test_state_dicts_of_a_network_and_its_optimizer(source, target):
    libraries = {torch: (torch.nn, torch.optim), plugtorch: (plug_nn, plug_optim)}

    def trained(m, steps):
        nn, optim = libraries[m]
        m.manual_seed(0)
        net = network(nn)
        opt = optim.Adam(net.parameters(), lr=0.1)
        for step in range(steps):
            opt.zero_grad()
            x = (m.arange(12.0) * 5 % 7).reshape(4, 3) + step
            (net(x) ** 2).mean().backward()
            opt.step()
        return net, opt

    net, opt = trained(source, 3)
    state = sent({"net": net.state_dict(), "opt": opt.state_dict()}, source, target)
    assert state["net"]._metadata[""]["version"] == 1
    other, other_opt = trained(target, 0)
    other.load_state_dict(state["net"])
    other_opt.load_state_dict(state["opt"])
    for (name, a), b in zip(net.state_dict().items(), other.state_dict().values(), strict=True):
        np.testing.assert_array_equal(values(a), values(b), err_msg=name)
    assert str(opt.state_dict()["state"][0]["step"].item()) == str(other_opt.state_dict()["state"][0]["step"].item())
    for n, o in ((net, opt), (other, other_opt)):
        m = source if n is net else target
        o.zero_grad()
        (n((m.arange(12.0) * 5 % 7).reshape(4, 3)) ** 2).mean().backward()
        o.step()
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(values(a), values(b), rtol=1e-4, atol=1e-5)


def test_conjugate_and_negative_views_of_pytorch():
    z = torch.tensor([1 + 2j, 3 - 1j])
    assert sent(z.conj(), torch, plugtorch).tolist() == z.conj().tolist()
    assert sent(z.conj().imag, torch, plugtorch).tolist() == z.conj().imag.tolist()


def test_archive_has_the_members_of_pytorch(tmp_path):
    layouts = []
    for m in (torch, plugtorch):
        path = tmp_path / "model.v1.pt"
        m.save({"w": m.ones(3), "b": m.zeros(5)}, path)
        raw = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            layouts.append({i.filename: (i.file_size, i.compress_type) for i in archive.infolist()
                            if not i.filename.endswith("data.pkl")})
            for i in archive.infolist():
                names, extra = raw[i.header_offset + 26], raw[i.header_offset + 28]
                assert (i.header_offset + 30 + names + extra) % 64 == 0
    assert layouts[0] == layouts[1]


def test_mapping_files_of_both(tmp_path):
    for source, target in BOTH:
        path = str(tmp_path / "big.pt")
        source.save({"a": source.arange(1000.0), "b": source.ones(3, 2).t()}, path)
        loaded = target.load(path, mmap=True)
        assert loaded["a"].sum().item() == 499500.0 and tuple(loaded["b"].stride()) == (1, 2)
        loaded["a"].zero_()
        assert source.load(path)["a"].sum().item() == 499500.0


@pytest.mark.parametrize("location", ["cpu", None, {"cpu": "cpu"}, lambda storage, where: storage,
                                      lambda storage, where: None])
def test_map_location(location):
    assert sent(torch.ones(3), torch, plugtorch, map_location=location).tolist() == [1.0] * 3


def test_messages():
    file = io.BytesIO()
    torch.save(torch.ones(2), file)
    for location in ("bogus", "cuda"):
        said = []
        for m in (torch, plugtorch):
            file.seek(0)
            with pytest.raises(RuntimeError) as caught:
                m.load(file, map_location=location)
            said.append(str(caught.value).split(" is False")[0])
        assert said[0] == said[1]
