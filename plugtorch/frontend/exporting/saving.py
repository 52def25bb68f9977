"""``torch.export.save`` and ``load``: an exported program as a zip file of JSON and arrays.

The file has the member ``program.json`` and one ``arrays/N.npy`` for each array, stored without compression; the arrays are
in NumPy's format (NEP 1), without pickled objects, bfloat16 as uint16. Extra files lie under ``extra/``. It is not the
archive that PyTorch writes. A file is read with nothing but these members, in these sizes; no member is written to disk, no
object is unpickled, and no memory is taken before the sizes have been checked.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from typing import Any

import numpy as np

from plugtorch.autograd.base import wrap
from plugtorch.spec.dtypes import BY_NAME, bfloat16

from .. import state
from ..nn.parameter import Parameter
from .dims import Dim
from .encoding import (
    FormatError,
    decode,
    decode_program,
    decode_signature,
    decode_structure,
    decode_type,
    encode,
    encode_program,
    encode_signature,
    encode_structure,
)
from .family import Family, Varying
from .program import CallSpec, ExportedProgram
from .signature import ConstantArgument, InputKind

FORMAT, VERSION = "plugtorch exported program", 1
LARGEST_JSON = 1 << 28  # bytes
_WHEN = (1980, 1, 1, 0, 0, 0)  # files of one program are the same to the byte


def _host_dtype(dtype):
    return np.dtype(np.uint16) if dtype is bfloat16 else dtype.numpy


class _Arrays:
    """The arrays to be written: tensors that are one are kept once."""

    def __init__(self):
        self.members: list[np.ndarray] = []
        self.places: dict[int, int] = {}
        self.kept: list = []

    def place(self, t) -> dict:
        """The description of a tensor."""
        if id(t) not in self.places:
            array = np.ascontiguousarray(t._k.to_host(t._a)).reshape(tuple(t.shape))
            self.places[id(t)] = len(self.members)
            self.members.append(array.view(np.uint16) if t.dtype is bfloat16 else array)
            self.kept.append(t)
        return {"array": self.places[id(t)], "type": [t.dtype.name, list(t.shape)], "parameter": isinstance(t, Parameter),
                "requires_grad": bool(t.requires_grad)}


def save(ep: ExportedProgram, f, *, extra_files: dict[str, Any] | None = None, opset_version: dict[str, int] | None = None,
         pickle_protocol: int = 2) -> None:
    """Writes an exported program.

    Args:
        f: a path or a binary file.
        extra_files: names and contents (str or bytes) of files to go with it.
        opset_version, pickle_protocol: accepted; nothing is pickled.

    Raises:
        TypeError: ``ep`` is none.
        ValueError: it has constants or structures that cannot be written.
    """
    if not isinstance(ep, ExportedProgram):
        raise TypeError(f"The 'ep' parameter must be an instance of 'ExportedProgram', got '{type(ep).__name__}' instead.")
    arrays = _Arrays()
    described = {
        "format": FORMAT, "version": VERSION, "signature": encode_signature(ep.graph_signature),
        "program": encode_program(ep.program), "in": encode_structure(ep.call_spec.in_spec),
        "out": encode_structure(ep.call_spec.out_spec), "bounds": [[encode(v) for v in b] for b in ep.bounds],
        "state": {name: arrays.place(t) for name, t in ep.state_dict.items()},
        "unsaved": {name: arrays.place(t) for name, t in ep._unsaved.items()},
        "constants": {name: arrays.place(t) for name, t in ep.lifted.items()},
        "examples": _described_examples(ep, arrays), "family": _described_family(ep.family)}
    with zipfile.ZipFile(f, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("program.json", _WHEN), json.dumps(described, allow_nan=False))
        for n, array in enumerate(arrays.members):
            with archive.open(zipfile.ZipInfo(f"arrays/{n}.npy", _WHEN), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        for name, content in (extra_files or {}).items():
            archive.writestr(zipfile.ZipInfo(f"extra/{name}", _WHEN), content)


def _described_family(family):
    if family is None:
        return None
    dim = family.dim
    return {"name": dim.__name__, "min": dim.min, "max": dim.max, "places": [list(place) for place in family.places],
            "first": encode_program(family.first), "second": encode_program(family.second)}


def _read_family(value, program, device):
    """The programs for other sizes; ``program`` has to be one of them."""
    if value is None:
        return None
    if type(value) is not dict or set(value) != {"name", "min", "max", "places", "first", "second"}:
        raise FormatError("the size that varies is not described")
    name, low, high = value["name"], value["min"], value["max"]
    if type(name) is not str or not name.isidentifier() or type(low) is not int or low < 0 \
            or not (high is None or type(high) is int and high > low):
        raise FormatError("the size that varies has no name or bounds")
    shapes = [s.shape for s in program.inputs]
    places = value["places"]
    if type(places) is not list or not places or not all(
            type(p) is list and len(p) == 2 and all(type(n) is int for n in p) and 0 <= p[0] < len(shapes)
            and 0 <= p[1] < len(shapes[p[0]]) for p in places):
        raise FormatError("the size that varies is that of no input")
    first, second = (decode_program(value[key], device) for key in ("first", "second"))
    family = Family(Dim(name, min=low, max=high), first, second, [tuple(p) for p in places])
    try:
        same = family.program(family.size(shapes))
    except (Varying, AssertionError) as error:
        raise FormatError(f"the programs for other sizes are of another form: {error}") from error
    if encode_program(same) != encode_program(program):
        raise FormatError("the program is not that of its size")
    return family


def _described_examples(ep, arrays):
    if ep.example_inputs is None:
        return None
    from .. import pytree

    leaves = pytree.tree_leaves(tuple(ep.example_inputs))
    return [{"tensor": arrays.place(v)} if hasattr(v, "_a") else {"value": encode(v)} for v in leaves]


def load(f, *, extra_files: dict[str, Any] | None = None,
         expected_opset_version: dict[str, int] | None = None) -> ExportedProgram:
    """Reads an exported program; its tensors are made by the current backend, which may be another than that it was
    exported on.

    Args:
        f: a path or a binary file.
        extra_files: names whose values are set to the contents of the files that went with it (str).
        expected_opset_version: accepted.

    Raises:
        ValueError: it is no such file, or is broken; nothing of it has been run.
    """
    if isinstance(f, (str, os.PathLike)) and not zipfile.is_zipfile(f):
        if not os.path.exists(f):
            raise FileNotFoundError(f"no such file: {os.fspath(f)!r}")
        raise FormatError("not a file of an exported program: no zip archive")
    try:
        with zipfile.ZipFile(f) as archive:
            return _read(archive, extra_files)
    except (zipfile.BadZipFile, NotImplementedError, RecursionError, EOFError, KeyError, TypeError,
            UnicodeDecodeError) as error:
        raise FormatError(f"not a file of an exported program: {error}") from error


def _members(archive) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if info.filename in found or info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 0x1 \
                or info.file_size != info.compress_size:
            raise FormatError(f"the member {info.filename[:80]!r} is there twice, compressed or encrypted")
        found[info.filename] = info
    return found


def _read(archive, extra_files) -> ExportedProgram:
    members = _members(archive)
    info = members.pop("program.json", None)
    if info is None or info.file_size > LARGEST_JSON:
        raise FormatError("not a file of an exported program: it has no program.json")
    try:
        described = json.loads(archive.read(info))
    except json.JSONDecodeError as error:
        raise FormatError(f"program.json is no JSON: {error}") from None
    names = {"format", "version", "signature", "program", "in", "out", "bounds", "state", "unsaved", "constants", "examples",
             "family"}
    if type(described) is not dict or described.get("format") != FORMAT:
        raise FormatError("not a file of an exported program")
    if described.get("version") != VERSION:
        raise FormatError(f"version {str(described.get('version'))[:20]} of the format is not known, only {VERSION}")
    if set(described) != names:
        raise FormatError("program.json has not the fields of an exported program")
    k = state.current_backend()
    signature, program = decode_signature(described["signature"]), decode_program(described["program"], k.default_device())
    reader = _Reader(archive, {n: i for n, i in members.items() if not n.startswith("extra/")}, k)
    groups = [reader.checked(described[key]) for key in ("state", "unsaved", "constants")]
    examples = described["examples"]
    if examples is not None:
        if type(examples) is not list:
            raise FormatError("the examples are a list")
        reader.checked({str(i): e["tensor"] for i, e in enumerate(examples) if type(e) is dict and "tensor" in e})
    reader.no_other_members()
    _check_tensors(signature, program, *groups)
    spec = CallSpec(decode_structure(described["in"]), decode_structure(described["out"]))
    _check_structures(signature, program, spec)
    family = _read_family(described["family"], program, k.default_device())
    bounds = _checked_bounds(described["bounds"], signature)
    module_state, unsaved, lifted = ({name: reader.tensor(one) for name, one in group.items()} for group in groups)
    tensors = {s.arg.name: {**module_state, **unsaved}.get(s.target) for s in signature.input_specs}
    tensors.update(lifted)
    example_inputs = None
    if examples is not None:
        from .. import pytree

        leaves = [reader.tensor(e["tensor"]) if "tensor" in e else decode(e["value"], None) for e in examples]
        if len(leaves) != spec.in_spec.num_leaves:
            raise FormatError("there are more or fewer examples than arguments")
        example_inputs = pytree.tree_unflatten(leaves, spec.in_spec)
    if extra_files is not None:
        for name in extra_files:
            if f"extra/{name}" in members:
                extra_files[name] = archive.read(members[f"extra/{name}"]).decode()
    return ExportedProgram(program, signature, tensors, module_state, spec, bounds, example_inputs, family)


class _Reader:
    """Reads arrays after their descriptions have been checked against the members' sizes."""

    def __init__(self, archive, members, k):
        self.archive, self.members, self.k = archive, members, k
        self.wanted: dict[str, Any] = {}
        self.made: dict[tuple, Any] = {}

    def checked(self, group) -> dict:
        """The descriptions of a group of tensors."""
        if type(group) is not dict:
            raise FormatError("a group of tensors is a dictionary")
        for name, one in group.items():
            if type(one) is not dict or set(one) != {"array", "type", "parameter", "requires_grad"} \
                    or type(one["array"]) is not int or type(one["requires_grad"]) is not bool:
                raise FormatError(f"the tensor {name[:80]!r} is not described")
            member = f"arrays/{one['array']}.npy"
            kind = decode_type(one["type"])
            if self.wanted.setdefault(member, kind) != kind and repr(self.wanted[member]) != repr(kind):
                raise FormatError(f"the member {member} is described in two ways")
            info = self.members.get(member)
            size = math.prod(kind.shape) * _host_dtype(kind.dtype).itemsize
            if info is None or not size <= info.file_size <= size + (1 << 16):
                raise FormatError(f"the member {member} is missing, or has not the size of {kind!r}")
        return group

    def no_other_members(self):
        """Raises FormatError if the archive has members that nothing describes."""
        other = set(self.members) - set(self.wanted)
        if other:
            raise FormatError(f"unexpected members: {sorted(name[:80] for name in other)[:3]}")

    def tensor(self, one):
        """The tensor of a description; those of one array and kind are one tensor."""
        key = one["array"], one["parameter"]
        if key not in self.made:
            kind = decode_type(one["type"])
            array = self.k.from_host(self._array(f"arrays/{one['array']}.npy", kind), device=self.k.default_device())
            t = wrap(array, self.k)
            needs = one["requires_grad"] and kind.dtype.differentiable
            t = Parameter(t, requires_grad=needs) if one["parameter"] is True else t
            t.requires_grad_(needs)
            self.made[key] = t
        return self.made[key]

    def _array(self, member, kind):
        content = io.BytesIO(self.archive.read(self.members[member]))
        try:
            version = np.lib.format.read_magic(content)
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
            shape, fortran, dtype = read(content)
        except (ValueError, KeyError) as error:
            raise FormatError(f"{member} is no array: {error}") from None
        want = _host_dtype(kind.dtype)
        rest = content.getbuffer()[content.tell():]
        if shape != kind.shape or fortran or dtype != want or len(rest) != math.prod(shape) * want.itemsize:
            raise FormatError(f"{member} is not the array that is described: {kind!r}")
        array = np.frombuffer(rest, want).reshape(shape)
        return array.view(BY_NAME["bfloat16"].numpy) if kind.dtype is bfloat16 else array


def _check_tensors(signature, program, module_state, unsaved, lifted):
    """Every input that is not the user's has a tensor of its type."""
    inputs = iter(program.inputs)
    for spec in signature.input_specs:
        if isinstance(spec.arg, ConstantArgument):
            continue
        symbol = next(inputs, None)
        if symbol is None:
            raise FormatError("the program has fewer inputs than the signature")
        if spec.kind is InputKind.USER_INPUT:
            continue
        group = lifted if spec.kind is InputKind.CONSTANT_TENSOR else unsaved if spec.persistent is False else module_state
        one = group.get(spec.arg.name if spec.kind is InputKind.CONSTANT_TENSOR else spec.target)
        if one is None or repr(decode_type(one["type"])) != repr(symbol):
            raise FormatError(f"the tensor of the input {spec.arg.name[:80]!r} is missing, or not of its type")
    if next(inputs, None) is not None:
        raise FormatError("the program has more inputs than the signature")


def _check_structures(signature, program, spec):
    given = sum(s.kind is InputKind.USER_INPUT for s in signature.input_specs)
    results = sum(s.kind.name == "USER_OUTPUT" for s in signature.output_specs)
    tensors = sum(not isinstance(s.arg, ConstantArgument) for s in signature.output_specs)
    if spec.in_spec.num_leaves != given or spec.out_spec.num_leaves != results or tensors != len(program.outputs):
        raise FormatError("the structures of arguments and results do not fit the signature")
    top = spec.in_spec
    if top.type is not tuple or [c.type for c in top.children_specs] != [tuple, dict]:
        raise FormatError("the structure of the arguments is no (args, kwargs)")


def _checked_bounds(value, signature):
    names = {s.arg.name for s in signature.input_specs if s.kind is InputKind.USER_INPUT}
    found = []
    if type(value) is not list:
        raise FormatError("the bounds are a list")
    for one in value:
        if type(one) is not list or len(one) != 5:
            raise FormatError("no bound of an input")
        name, end, comparison, number, answer = (decode(v, None) for v in one)
        if name not in names or end not in (0, 1) or comparison not in ("lt", "le", "gt", "ge", "eq", "ne") \
                or type(number) not in (int, float, bool) or type(answer) is not bool:
            raise FormatError("no bound of an input")
        found.append((name, end, comparison, number, answer))
    return found
