"""Saving and loading: round trips, hostile and damaged files, and what a failed save leaves."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile

import pytest

import plugtorch
from plugtorch import nn, serialization


def round_trip(obj, **options):
    file = io.BytesIO()
    plugtorch.save(obj, file)
    file.seek(0)
    return plugtorch.load(file, **options)


def archive(stream: bytes, members=None, root="archive", compression=zipfile.ZIP_STORED) -> io.BytesIO:
    """An archive with any pickle stream and members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as z:
        z.writestr(f"{root}/data.pkl", stream)
        for name, data in (members or {}).items():
            z.writestr(f"{root}/{name}", data)
    file.seek(0)
    return file


def tensor_stream(key="0", count=2, size=(2,), stride=(1,), offset=0, location="cpu", storage="FloatStorage"):
    """The stream of one float tensor, written by hand."""
    def text(s):
        return b"X" + struct.pack("<I", len(s)) + s.encode()

    def number(n):
        data = pickle.encode_long(n)
        return b"\x8a" + bytes([len(data)]) + data

    def numbers(values):
        return b"(" + b"".join(map(number, values)) + b"t"

    return (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + f"ctorch\n{storage}\n".encode()
            + text(key) + text(location) + number(count) + b"tQ" + number(offset) + numbers(size) + numbers(stride)
            + b"\x89ccollections\nOrderedDict\n)RtR.")


TWO = struct.pack("<2f", 1.5, -2.0)


class Custom:
    def __init__(self, x):
        self.x = x


def test_round_trip_keeps_values_places_and_sharing(backend):
    base = plugtorch.arange(6.0)
    saved = {"base": base, "part": base.view(2, 3)[:, 1:], "flipped": base.view(2, 3).t(),
             "half": plugtorch.ones(3, dtype=plugtorch.bfloat16), "flag": True,
             "grad": plugtorch.ones(2, requires_grad=True)}
    loaded = round_trip(saved)
    assert loaded["part"].tolist() == [[1.0, 2.0], [4.0, 5.0]] and loaded["part"].backend == backend
    loaded["base"].mul_(2)
    assert loaded["part"].tolist() == [[2.0, 4.0], [8.0, 10.0]]
    assert loaded["flipped"].tolist() == [[0.0, 6.0], [2.0, 8.0], [4.0, 10.0]]
    assert loaded["half"].dtype is plugtorch.bfloat16
    assert loaded["grad"].requires_grad and loaded["grad"].is_leaf


def test_loaded_parameters_train(backend):
    layer = nn.Linear(2, 1)
    layer.load_state_dict(round_trip(layer.state_dict()))
    weight = round_trip(layer.weight)
    (weight * 3).sum().backward()
    assert weight.grad.tolist() == [[3.0, 3.0]]
    with plugtorch.no_grad():
        weight.sub_(weight.grad)
    assert plugtorch.allclose(weight, layer.weight - 3)


@pytest.mark.one_backend
def test_whole_module_needs_trust(backend):
    layer = nn.Linear(2, 1)
    with pytest.raises(pickle.UnpicklingError, match=r"GLOBAL torch\.nn\.modules\.linear\.Linear"):
        round_trip(layer)
    again = round_trip(layer, weights_only=False)
    assert plugtorch.equal(again(plugtorch.ones(1, 2)), layer(plugtorch.ones(1, 2)))


@pytest.mark.one_backend
def test_safe_globals(backend):
    name = f"{__name__}.Custom"
    with pytest.raises(pickle.UnpicklingError, match="add_safe_globals.*weights_only=False") as caught:
        round_trip(Custom(1))
    assert name in str(caught.value)
    with serialization.safe_globals([Custom]):
        assert serialization.get_safe_globals() == [Custom]
        assert round_trip(Custom(5)).x == 5
    with pytest.raises(pickle.UnpicklingError):
        round_trip(Custom(1))
    serialization.add_safe_globals([(Custom, name)])
    assert round_trip(Custom(6)).x == 6
    serialization.clear_safe_globals()
    assert serialization.get_safe_globals() == []


@pytest.mark.one_backend
@pytest.mark.parametrize("stream, name", [
    (b"cposix\nsystem\n(X\x04\x00\x00\x00truetR.", "posix.system"),
    (b"cbuiltins\neval\n(X\x01\x00\x00\x001tR.", "eval"),
    (b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93.", "exec"),
    (b"\x80\x04\x8c\x0ctorch._utils\x8c\x13_rebuild_tensor_v2.\x93.", "_rebuild_tensor_v2."),
    (b"ctorch\nload\n.", "torch.load"),
    (b"cplugtorch.frontend.serialization.api\nos.system\n.", "os.system"),
    (b"(cos\nsystem\no.", "os.system"),
    (b"(X\x04\x00\x00\x00trueios\nsystem\n.", "os.system"),
])
def test_forbidden_globals(backend, stream, name):
    with pytest.raises(pickle.UnpicklingError, match="not an allowed global") as caught:
        plugtorch.load(archive(stream))
    assert name in str(caught.value)


@pytest.mark.one_backend
@pytest.mark.parametrize("stream", [
    b"", b"\x80\x02", b".", b"0.", b"h\x05.", b"\x80\xff.", b"I1\nQ.",
    b"ctorch\nTensor\nJ\x00\x00\x00\x7f\x85R.",  # a tensor class may be named and not called
    b"cbuiltins\nbytearray\nJ\x00\x00\x00\x7f\x85R.",
    b"ccollections\nOrderedDict\n}X\x01\x00\x00\x00aI1\nsb.",  # state for a class
    b"ctorch._utils\n_rebuild_tensor_v2\n}X\x01\x00\x00\x00aI1\nsb.",
    b"B\xff\xff\xff\x7fab.",
    b"\x80\x05\x96\xff\xff\xff\xff\x0f\x00\x00\x00ab.",  # a bytearray longer than the file
    b"}" + b")" + b"".join(b"\x94h%c\x86" % i for i in range(9)) + b"Ns.",  # a key that takes 2^9 steps to hash
])
def test_malformed_streams(backend, stream):
    with pytest.raises(pickle.UnpicklingError):
        plugtorch.load(archive(stream))


@pytest.mark.one_backend
def test_tensor_written_by_hand_under_any_root(backend):
    assert plugtorch.load(archive(tensor_stream(), {"data/0": TWO}, root="some.name")).tolist() == [1.5, -2.0]
    big = struct.pack(">2f", 1.5, -2.0)
    assert plugtorch.load(archive(tensor_stream(), {"data/0": big, "byteorder": b"big"})).tolist() == [1.5, -2.0]


@pytest.mark.one_backend
@pytest.mark.parametrize("change", [
    {"count": 3}, {"count": 10**15, "size": (10**15,)}, {"count": -1}, {"size": (10**12,)}, {"offset": 1},
    {"offset": -1}, {"stride": (2,)}, {"stride": (-1,), "offset": 1}, {"size": (-2,)}, {"size": (2, 1)},
    {"storage": "DoubleStorage"}, {"storage": "float32"},
])
def test_declared_sizes_are_checked(backend, change):
    with pytest.raises((pickle.UnpicklingError, RuntimeError)):
        plugtorch.load(archive(tensor_stream(**change), {"data/0": TWO}))


@pytest.mark.one_backend
@pytest.mark.parametrize("key", ["../../evil", "/etc/passwd", "..", "1"])
def test_keys_are_member_names_and_never_paths(backend, key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match="no member"):
        plugtorch.load(archive(tensor_stream(key=key), {"data/0": TWO}))
    loaded = plugtorch.load(archive(tensor_stream(key="../../evil"), {"data/../../evil": TWO, "data/0": TWO}))
    assert loaded.tolist() == [1.5, -2.0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.one_backend
def test_damaged_archives(backend):
    file = io.BytesIO()
    plugtorch.save(plugtorch.ones(1000), file)
    raw = file.getvalue()
    for cut in (len(raw) // 2, len(raw) - 10, 100, 10):
        with pytest.raises(RuntimeError, match="damaged"):
            plugtorch.load(io.BytesIO(raw[:cut]))
    at = raw.index(struct.pack("<f", 1.0) * 8)
    with pytest.raises(RuntimeError, match="damaged"):
        plugtorch.load(io.BytesIO(raw[:at] + b"\xff" + raw[at + 1:]))
    with pytest.raises(RuntimeError, match="compressed"):
        plugtorch.load(archive(tensor_stream(), {"data/0": TWO * 100}, compression=zipfile.ZIP_DEFLATED))
    directory = bytearray(raw)
    entry = raw.index(b"archive/data/0", raw.index(b"PK\x01\x02")) - 46
    directory[entry + 20:entry + 28] = struct.pack("<II", 2**31, 2**31)
    with pytest.raises(RuntimeError, match="claim 21474[0-9]* bytes"):
        plugtorch.load(io.BytesIO(bytes(directory)))


@pytest.mark.one_backend
@pytest.mark.parametrize("data, error, message", [
    (b"", EOFError, "empty"),
    (b"hello world, this is text", pickle.UnpicklingError, "malformed"),
    (pickle.dumps({"a": 1}), RuntimeError, "Invalid magic number"),
    (pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2), pickle.UnpicklingError, "malformed: EOFError"),
    (pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2) + pickle.dumps(7), RuntimeError, "protocol version: 7"),
])
def test_other_formats(backend, data, error, message):
    with pytest.raises(error, match=message):
        plugtorch.load(io.BytesIO(data))


@pytest.mark.one_backend
def test_failed_save_keeps_the_old_file(backend, tmp_path):
    path = tmp_path / "model.pt"
    plugtorch.save({"version": 1}, path)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        plugtorch.save({"version": 2, "bad": lambda: None}, path)
    assert plugtorch.load(path) == {"version": 1}
    assert os.listdir(tmp_path) == ["model.pt"]
    path.chmod(0o640)
    plugtorch.save({"version": 3}, path)
    assert plugtorch.load(path) == {"version": 3} and path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(RuntimeError, match="Parent directory .* does not exist"):
        plugtorch.save(1, tmp_path / "none" / "x.pt")
    with pytest.raises(FileNotFoundError):
        plugtorch.load(tmp_path / "none.pt")


@pytest.mark.one_backend
def test_arguments(backend, tmp_path):
    with pytest.raises(AttributeError, match="file-like object with a 'write'"):
        plugtorch.save(1, 5)
    with pytest.raises(RuntimeError, match="explicit pickle_module"):
        plugtorch.load(io.BytesIO(), weights_only=True, pickle_module=pickle)
    with pytest.raises(ValueError, match="file path in order to use the mmap"):
        plugtorch.load(io.BytesIO(), mmap=True)
    path = tmp_path / "x.pt"
    plugtorch.save([plugtorch.arange(100.0), plugtorch.ones(0)], path)
    mapped = plugtorch.load(path, mmap=True)
    assert mapped[0].sum().item() == 4950.0 and mapped[1].shape == (0,)


def test_map_location(backend):
    file = io.BytesIO()
    plugtorch.save(plugtorch.ones(2), file)
    seen = []

    def send(storage, location):
        seen.append((storage.nbytes(), location))
        return storage.cpu()

    for location in (None, "cpu", plugtorch.device("cpu"), {"cpu": "cpu"}, send):
        file.seek(0)
        assert plugtorch.load(file, map_location=location).tolist() == [1.0, 1.0]
    assert seen == [(8, "cpu")]
    file.seek(0)
    with pytest.raises(RuntimeError, match="don't know how to restore data location"):
        plugtorch.load(file, map_location="bogus")
