"""Whole objects, and the older formats, read as PyTorch reads them."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile

import numpy as np
import pytest

import plugtorch
import plugtorch.nn
import plugtorch.optim
import plugtorch.utils.data

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")
BOTH = ((torch, plugtorch), (plugtorch, torch))

OBJECTS = {
    "linear": (lambda t: t.nn.Linear(2, 3), (4, 2)),
    "cnn": (lambda t: t.nn.Sequential(t.nn.Conv2d(1, 2, 3), t.nn.BatchNorm2d(2), t.nn.ReLU(), t.nn.MaxPool2d(2)), (1, 1,
                                                                                                                   6, 6)),
    "lstm": (lambda t: t.nn.LSTM(2, 3, num_layers=2, bidirectional=True, batch_first=True), (1, 4, 2)),
    "gru": (lambda t: t.nn.GRU(2, 3, bias=False), (1, 4, 2)),
    "cell": (lambda t: t.nn.GRUCell(2, 3), (4, 2)),
    "transformer": (lambda t: t.nn.TransformerEncoder(t.nn.TransformerEncoderLayer(8, 2, 16), 2), (3, 2, 8)),
    "gelu layer": (lambda t: t.nn.TransformerEncoderLayer(8, 2, activation=t.nn.functional.gelu), (3, 2, 8)),
    "containers": (lambda t: t.nn.ModuleDict({"a": t.nn.ParameterList([t.nn.Parameter(t.ones(2))])}), None),
    "average": (lambda t: t.optim.swa_utils.AveragedModel(t.nn.Linear(2, 1)), (3, 2)),
    "loss": (lambda t: t.nn.CrossEntropyLoss(weight=t.ones(3)), None),
    "optimizer": (lambda t: t.optim.Adam([t.nn.Parameter(t.ones(2))], lr=0.1), None),
    "dataset": (lambda t: t.utils.data.TensorDataset(t.arange(3.0)), None),
    "function": (lambda t: [t.relu, t.nn.functional.cross_entropy, t.Tensor, t.float32, t.Size([2]), t.device("cpu")], None),
}


def moved(obj, source, target, zipped=True, **options):
    file = io.BytesIO()
    source.save(obj, file, _use_new_zipfile_serialization=zipped)
    file.seek(0)
    return target.load(file, **options)


def first(out):
    while isinstance(out, tuple):
        out = out[0]
    return out.detach().numpy()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("source, target", BOTH)
@pytest.mark.parametrize("name", OBJECTS)
def test_whole_objects(name, source, target, zipped):
    make, shape = OBJECTS[name]
    kept = make(source)
    with pytest.raises(pickle.UnpicklingError):
        moved(kept, source, target)
    got = moved(kept, source, target, zipped, weights_only=False)
    assert type(got).__name__ == type(kept).__name__
    if isinstance(kept, source.nn.Module):
        assert repr(got) == repr(kept)
        for (a, x), (b, y) in zip(got.state_dict().items(), kept.state_dict().items(), strict=True):
            assert a == b and np.array_equal(x.numpy(), y.numpy())
    if shape is not None:
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        np.testing.assert_allclose(first(got.eval()(target.from_numpy(x))), first(kept.eval()(source.from_numpy(x))),
                                   atol=1e-5)
    if name == "function":
        assert [str(v).split(" at 0x")[0].replace("plugtorch", "torch") for v in got[2:]] == \
            [str(v).split(" at 0x")[0].replace("plugtorch", "torch") for v in kept[2:]]
        assert got[0](target.tensor([-1.0, 2.0])).tolist() == [0.0, 2.0]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("source, target", BOTH)
def test_storages(source, target, zipped):
    x = source.arange(6.0)
    storage, same, whole = moved([x.storage(), x[2:4], x], source, target, zipped)
    assert storage.tolist() == whole.tolist() == list(range(6))
    assert moved(source.tensor([1.0]).untyped_storage(), source, target, zipped).tolist() == [0, 0, 128, 63]
    same.fill_(7.0)
    assert storage[2] == 7.0 and whole[3] == 7.0


def test_generators_keep_their_place():
    for source, target in BOTH:
        g = source.Generator().manual_seed(5)
        source.rand(3, generator=g)
        twin = moved(g, source, target, weights_only=False)
        assert target.rand(4, generator=twin).tolist() == pytest.approx(source.rand(4, generator=g).tolist(), abs=0)


def test_meta_tensors():
    for source, target in BOTH:
        kept = {"a": source.empty(2, 3, device="meta").t(), "b": source.nn.Linear(2, 2, device="meta").weight}
        got = moved(kept, source, target)
        assert got["a"].is_meta and got["a"].stride() == (1, 3) and got["a"].shape == (3, 2)
        assert type(got["b"]).__name__ == "Parameter" and got["b"].requires_grad and got["b"].device.type == "meta"


@pytest.mark.parametrize("zipped", [True, False])
def test_quantised_tensors(zipped):
    for source, target in BOTH:
        x = source.arange(-6.0, 6.0).reshape(3, 4)
        kept = {"whole": source.quantize_per_tensor(x, 0.1, 3, source.quint8), "view": source.quantize_per_tensor(x, 0.5,
                                                                                                                  0,
                                                                                                                  source.qint8).t(),
                "channels": source.quantize_per_channel(x, source.tensor([0.1, 0.2, 0.3]), source.tensor([0, 1, 2]), 0,
                                                        source.qint8),
                "dtype": source.qint8}
        got = moved(kept, source, target, zipped)
        assert got["dtype"] is target.qint8
        for name in ("whole", "view", "channels"):
            a, b = got[name], kept[name]
            assert a.dequantize().tolist() == b.dequantize().tolist() and a.stride() == b.stride()
            assert str(a.dtype) == str(b.dtype).replace("plugtorch", "torch") and str(a.qscheme()) == str(b.qscheme())
        assert got["channels"].q_per_channel_zero_points().tolist() == [0, 1,
                                                                        2] and got["channels"].q_per_channel_axis() == 0


def places(lib):
    return {
        "name": "meta", "device": lib.device("meta"), "dict": {"cpu": "meta"}, "other dict": {"cuda:0": "meta"},
        "none": None,
        "function": lambda storage, location: storage.cpu(), "nothing": lambda storage, location: None,
        "default": lambda storage, location: lib.serialization.default_restore_location(storage, "meta"),
        "tag": lambda storage, location: storage if location == lib.serialization.location_tag(storage) else 1,
        "number": 5, "list": ["cpu"], "no cuda": "cuda:1", "error": lambda storage, location: 1 // 0,
    }


@pytest.mark.parametrize("where", sorted(places(torch)))
def test_map_location(where):
    outcomes = []
    for lib in (torch, plugtorch):
        try:
            got = moved({"a": lib.ones(3)}, lib, lib, map_location=places(lib)[where])["a"]
            outcomes.append((got.device.type, got.shape))
        except Exception as error:  # compared below
            outcomes.append((type(error), str(error).split(" is False")[0]))
    assert outcomes[0] == outcomes[1]


def test_unsafe_globals():
    class Fake:
        def __reduce__(self):
            return print, ("run",)

    for kept in (torch.ones(2), torch.nn.Linear(1, 1), {"a": Fake()}):
        file, said = io.BytesIO(), []
        torch.save(kept, file)
        for lib in (torch, plugtorch):
            file.seek(0)
            said.append(sorted(lib.serialization.get_unsafe_globals_in_checkpoint(file)))
        assert said[0] == said[1]


def test_settings(tmp_path):
    import mmap

    path = tmp_path / "x.pt"
    for lib in (torch, plugtorch):
        lib.save(lib.ones(2), path)
        with lib.serialization.set_default_mmap_options(mmap.MAP_SHARED):
            lib.load(path, mmap=True).mul_(3)
        assert lib.load(path, mmap=True).mul_(3).tolist() == [9.0, 9.0]
        assert lib.load(path, mmap=True).tolist() == [3.0, 3.0]
        try:
            lib.serialization.set_crc32_options(False)
            lib.save(lib.ones(2), path)
        finally:
            lib.serialization.set_crc32_options(True)
        assert plugtorch.load(path).tolist() == torch.load(path).tolist() == [1.0, 1.0]
        with pytest.raises(ValueError, match="expected mmap.MAP_PRIVATE"):
            lib.serialization.set_default_mmap_options(99)
    plugtorch.save(plugtorch.ones(1), path, _disable_byteorder_record=True)
    try:
        plugtorch.serialization.set_default_load_endianness(plugtorch.serialization.LoadEndianness.BIG)
        assert plugtorch.load(path).item() == np.float32(1).byteswap()
    finally:
        plugtorch.serialization.set_default_load_endianness(None)


def tar(tmp_path, **changes):
    """A tar archive of PyTorch's first releases: a 2x3 matrix, a view of it and a tensor on a part of its storage."""
    storages, tensors = io.BytesIO(), io.BytesIO()
    pickle.dump(1, storages)
    pickle.dump((11, "cpu", torch.FloatStorage), storages)
    storages.write(struct.pack("<q", changes.get("elements", 6)) + np.arange(6, dtype="<f4").tobytes())
    pickle.dump([(12, 11, changes.get("start", 2), 3)], storages)
    pickle.dump(3, tensors)
    for key, storage, sizes, strides, offset in ((21, 11, (2, 3), (3, 1), 0), (22, 11, (3, 2), (1, 3), 0), (23, 12, (2,),
                                                                                                            (1,), 1)):
        pickle.dump((key, storage, torch.FloatTensor), tensors)
        n = len(sizes)
        tensors.write(struct.pack(f"<q{n}q{n}qq", n, *sizes, *strides, offset))

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            return str(obj) if isinstance(obj, Number) else None

    class Number(int):
        pass

    stream = io.BytesIO()
    Pickler(stream, 2).dump({"a": Number(21), "b": Number(22), "c": [Number(23), Number(21)]})
    path = tmp_path / "old.pt"
    with tarfile.open(path, "w") as archive:
        for name, part in (("storages", storages), ("tensors", tensors), ("pickle", stream)):
            info = tarfile.TarInfo(name)
            info.size = len(part.getvalue())
            archive.addfile(info, io.BytesIO(part.getvalue()))
    return path


def test_tar_archives(tmp_path):
    path = tar(tmp_path)
    for lib in (torch, plugtorch):
        with pytest.raises(RuntimeError, match="legacy .tar format"):
            lib.load(path)
    want, have = (lib.load(path, weights_only=False) for lib in (torch, plugtorch))
    assert have["a"].tolist() == want["a"].tolist() and have["b"].tolist() == want["b"].tolist()
    assert have["c"][0].tolist() == want["c"][0].tolist() == [3.0, 4.0]
    assert have["b"].stride() == (1, 3)
    have["a"].zero_()
    assert have["c"][0].tolist() == [0.0, 0.0] and have["c"][1] is have["a"]
    for change in ({"elements": 7}, {"elements": -1}, {"start": 4}, {"start": -1}):
        with pytest.raises(RuntimeError, match="damaged"):
            plugtorch.load(tar(tmp_path, **change), weights_only=False)


def text(s):
    return b"X" + struct.pack("<I", len(s)) + s.encode()


def number(n):
    return b"J" + struct.pack("<i", n)


def part(start, count):
    return b"(" + text("1") + number(start) + number(count) + b"t"


def stream(view=b"N", kind="torch\nFloatStorage", count=6, listed="0"):
    """A file from before 1.6, written by hand: one tensor of two elements on a storage, or on a view of it."""
    facts = pickle.dumps({"little_endian": True, "protocol_version": 1001, "type_sizes": {}}, 2)
    pid = b"(" + text("storage") + f"c{kind}\n".encode() + text("0") + text("cpu") + number(count) + view + b"tQ"
    obj = b"\x80\x02ctorch._utils\n_rebuild_tensor\n(" + pid + number(1) + b"(" + number(2) + b"t(" + number(1) + b"ttR."
    return (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + facts + obj + pickle.dumps([listed], 2)
            + struct.pack("<q", 6) + np.arange(6, dtype="<f4").tobytes())


def test_old_streams():
    for lib in (torch, plugtorch):
        assert lib.load(io.BytesIO(stream())).tolist() == [1.0, 2.0]
        assert lib.load(io.BytesIO(stream(view=part(2, 3)))).tolist() == [3.0, 4.0]
    assert plugtorch.load(io.BytesIO(stream(kind="torch.cuda\nFloatStorage"))).tolist() == [1.0, 2.0]
    for bad in ({"count": 7}, {"count": 5}, {"count": -1}, {"listed": "1"}, {"kind": "torch\nDoubleStorage"},
                {"kind": "os\nsystem"},
                {"view": part(5, 2)}, {"view": part(-1, 2)}, {"view": number(3)}, {"view": part(5, 1)}):
        with pytest.raises((RuntimeError, pickle.UnpicklingError)):
            plugtorch.load(io.BytesIO(stream(**bad)))
    whole = stream()
    for cut in range(0, len(whole), 7):
        with pytest.raises((RuntimeError, pickle.UnpicklingError, EOFError)):
            plugtorch.load(io.BytesIO(whole[:cut]))


def test_old_streams_are_not_mapped(tmp_path):
    path = tmp_path / "old.pt"
    torch.save(torch.ones(2), path, _use_new_zipfile_serialization=False)
    said = []
    for lib in (torch, plugtorch):
        with pytest.raises(RuntimeError) as caught:
            lib.load(path, mmap=True)
        said.append(str(caught.value))
    assert said[0] == said[1]
