"""Mutated checkpoints, loaded: nothing may happen but the documented errors.

    python scripts/fuzz_load.py [--inputs 20000] [--seed 0] [--packages FOLDER] [--backend numpy]

Real files of PyTorch in all its formats (from public packages, and of this package's own saving) are changed by hypothesis:
bytes, runs of bytes, numbers at their extremes, pickle opcodes, cut and joined files; half of the archives are put together
again with right checksums, so that the pickle inside is reached. Each is loaded by ``torch.load`` as anybody's file. Prints
how they ended, and exits with 1 if one ended otherwise than by loading or by ``pickle.UnpicklingError``, ``RuntimeError``,
``EOFError``; took more memory than ``BOUND`` times its size and a constant; ran code, wrote, imported or connected (seen by
an audit hook); or took seconds.
"""

from __future__ import annotations

import argparse
import codecs
import collections
import io
import pickle
import signal
import sys
import time
import tracemalloc
import warnings
import zipfile
from pathlib import Path

from check_checkpoints import PACKAGES
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from packages import fetch

import plugtorch

DOCUMENTED = (pickle.UnpicklingError, RuntimeError, EOFError)
#: Bytes of memory for each byte of a file, and for any file. A pickle of many small objects takes the most: a list in
#: Python has 56 bytes, in a file one.
BOUND, CONSTANT = 64, 1 << 18
SECONDS = 5
LARGEST = 40_000  # bytes of a seed
FORBIDDEN = ("exec", "compile", "import", "os.", "subprocess.", "socket.", "shutil.", "ctypes.", "pty.", "code.__new__",
             "open",
             "urllib.", "webbrowser.", "tempfile.")
_EXTREMES = [b"\x00" * 8, b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\xff" * 7 + b"\x7f", b"\x01" + b"\x00" * 7, b"\xff" * 4,
             b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x80\x00\x00\x00", b"\x00" * 4]
_WORDS = [b"cos\nsystem\n", b"cbuiltins\neval\n", b"c__builtin__\nexec\n", b"ctorch\nload\n", b"\x93", b"\x81", b"\x92",
          b"R", b"b",
          b"Q", b"(", b"t.", b"e", b"u", b"s", b"\x94", b"\x96" + b"\xff" * 7 + b"\x00", b"\x8e" + b"\xff" * 6 + b"\x00\x00",
          b"ccollections\nOrderedDict\n", b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nDoubleStorage\n", b"h\x00",
          b"2", b"\x90",
          b"X\x0c\x00\x00\x00echo unsafe!", b"ctorch._utils\n_rebuild_sparse_tensor\n", b"I99999999999999\n", b"\x85R"]


def seeds(packages=None) -> dict[str, bytes]:
    """Files to start from, by name: real ones, and small ones of every form of object and format."""
    found = {}
    for name in ("lpips", "facenet-pytorch", "pesto-pitch"):
        with zipfile.ZipFile(fetch(PACKAGES[name], packages)) as archive:
            for info in archive.infolist():
                if info.filename.endswith((".pt", ".pth", ".ckpt")):
                    data = archive.read(info)
                    if len(data) <= LARGEST:
                        found[info.filename] = data
                    elif data.startswith(b"PK"):
                        found[info.filename] = shortened(data)
    model = plugtorch.nn.Sequential(plugtorch.nn.Linear(3, 4), plugtorch.nn.BatchNorm1d(4), plugtorch.nn.LSTM(2, 2))
    optimizer = plugtorch.optim.Adam(model.parameters())
    model[0](plugtorch.ones(2, 3)).sum().backward()
    optimizer.step()
    x = plugtorch.arange(12.0)
    objects = {"training state": {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3},
               "views": [x, x[3:], x.reshape(3, 4).t(), x.to(plugtorch.bfloat16), plugtorch.ones(2, dtype=plugtorch.uint16)],
               "sparse": [plugtorch.eye(3).to_sparse(), plugtorch.eye(3).to_sparse_csr(), plugtorch.empty(2, device="meta")],
               "plain": [1, 2.5, "text", b"bytes", None, True, {1, 2}, 1j, (3, [4]), bytearray(b"x"), plugtorch.Size([1])]}
    for name, obj in objects.items():
        for zipped in (True, False):
            for protocol in (2, 5):
                file = io.BytesIO()
                plugtorch.save(obj, file, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
                found[f"{name}, {'archive' if zipped else 'stream'}, protocol {protocol}"] = file.getvalue()
    return found


def members(data: bytes) -> dict[str, bytes]:
    """An archive's members."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def packed(parts: dict[str, bytes]) -> bytes:
    """An archive of members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return file.getvalue()


def shortened(data: bytes) -> bytes:
    """A large archive without most of its memory: its pickle is what matters."""
    return packed({name: part if name.endswith("data.pkl") else part[:64] for name, part in members(data).items()})


@st.composite
def changed(draw, data: bytes) -> bytes:
    """Bytes with a few changes."""
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.sampled_from(["byte", "extreme", "word", "over", "delete", "repeat", "cut", "swap"]))
        if kind == "byte":
            data[at:at + 1] = bytes([draw(st.integers(0, 255))])
        elif kind == "extreme":
            value = draw(st.sampled_from(_EXTREMES))
            data[at:at + len(value)] = value
        elif kind == "word":
            data[at:at] = draw(st.sampled_from(_WORDS))
        elif kind == "over":
            value = draw(st.sampled_from(_WORDS))
            data[at:at + len(value)] = value
        elif kind == "delete":
            del data[at:at + draw(st.integers(1, 64))]
        elif kind == "repeat":
            run = data[at:at + draw(st.integers(1, 64))]
            data[at:at] = run * draw(st.integers(1, 20))
        elif kind == "cut":
            del data[at:]
        else:
            other = draw(st.integers(0, max(0, len(data) - 1)))
            run = draw(st.integers(1, 32))
            data[at:at + run], data[other:other + run] = data[other:other + run], data[at:at + run]
    return bytes(data)


@st.composite
def inputs(draw, files: dict[str, bytes]) -> bytes:
    """A changed file."""
    data = files[draw(st.sampled_from(sorted(files)))]
    if not data.startswith(b"PK") or draw(st.booleans()):
        return draw(changed(data))
    parts = members(data)
    name = draw(st.sampled_from([n for n in parts if n.endswith("data.pkl")] * 4 + sorted(parts)))
    parts[name] = draw(changed(parts[name]))
    return packed(parts)


class Watch:
    """Sees what must not happen while a file is loaded."""

    def __init__(self):
        self.on, self.seen = False, []
        sys.addaudithook(self._hook)

    def _hook(self, event, args):
        if self.on and event.startswith(FORBIDDEN):
            if event == "import" and args[0] in sys.modules:
                return
            self.seen.append((event, repr(args)[:200]))


class Tally:
    """Loads inputs and counts how they ended."""

    def __init__(self):
        self.watch, self.ends, self.slowest, self.most = Watch(), collections.Counter(), 0.0, 0.0
        self.last = b""

    def load(self, data: bytes) -> None:
        """Loads one.

        Raises:
            AssertionError: something happened that must not.
        """
        self.last = data
        self.watch.seen.clear()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        start = time.perf_counter()
        signal.alarm(SECONDS)
        self.watch.on = True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                plugtorch.load(io.BytesIO(data))
            end = "loaded"
        except DOCUMENTED as error:
            end = type(error).__name__
        finally:
            self.watch.on = False
            signal.alarm(0)
        taken = tracemalloc.get_traced_memory()[1] - before
        self.slowest = max(self.slowest, time.perf_counter() - start)
        self.most = max(self.most, (taken - CONSTANT) / max(len(data), 1))
        self.ends[end] += 1
        assert not self.watch.seen, self.watch.seen
        assert taken <= BOUND * len(data) + CONSTANT, f"{taken} bytes of memory for a file of {len(data)}"


def too_slow(*_):
    raise AssertionError(f"not loaded within {SECONDS} s")


def fuzz(tally: Tally, count: int, start: int = 0, packages: Path | None = None) -> None:
    """Loads ``count`` changed files; the same for the same ``start``.

    Raises:
        AssertionError, or an undocumented exception, for the shortest input found, which is ``tally.last``.
    """
    files = seeds(packages)
    for name in ("latin-1", "ascii", "raw_unicode_escape", "unicode_escape"):  # codecs that pickles use are imported late
        codecs.lookup(name)
    for data in files.values():  # imports happen here
        tally.load(data)
    tally.ends.clear()

    @seed(start)
    @settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
              suppress_health_check=list(HealthCheck))
    @given(inputs(files))
    def check(data):
        tally.load(data)

    old = signal.signal(signal.SIGALRM, too_slow)
    tracemalloc.start()
    try:
        check()
    finally:
        tracemalloc.stop()
        signal.signal(signal.SIGALRM, old)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--packages", type=Path)
    parser.add_argument("--backend", default="numpy")
    args = parser.parse_args()
    plugtorch.set_backend(args.backend)
    start = time.time()
    tally = Tally()
    try:
        fuzz(tally, args.inputs, args.seed, args.packages)
    except Exception as error:
        Path("failing.pt").write_bytes(tally.last)
        print(f"{type(error).__name__}: {str(error)[:500]}\nthe file that does it is failing.pt ({len(tally.last)} bytes)")
        sys.exit(1)
    print(f"{sum(tally.ends.values())} inputs in {time.time() - start:.0f} s: {dict(tally.ends)}")
    print(f"slowest {tally.slowest:.2f} s; most memory beyond the constant: {max(0.0, tally.most):.0f} bytes for a byte "
          f"of the file")


if __name__ == "__main__":
    main()
