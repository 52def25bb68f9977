"""What can be imported from ``torch.nn``, ``torch.optim``, ``torch.utils`` and ``torch.serialization`` can be imported here,
and does what it does there."""

from __future__ import annotations

import collections
import copy
import importlib
import inspect
import io
import json
import pickle
import pkgutil
import subprocess
import sys
import time
import types
import warnings

import numpy as np
import pytest
from compare import agree

import plugtorch
import plugtorch.nn
import plugtorch.utils

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")
LIBRARIES = (torch, plugtorch)
ROOTS = ("nn", "optim", "serialization", "storage", "hub", "utils.data", "utils.checkpoint", "utils.hooks",
         "utils.model_zoo", "utils.dlpack", "utils._pytree")
#: Modules that are not here, and why.
NO_MODULE = {
    "nn.attention._utils": "private, without public names",
    "nn.attention.experimental": "kernels of CUDA devices",
    "nn.attention.varlen": "a kernel of CUDA devices alone, in PyTorch too",
    "nn.cpp": "wraps modules written with PyTorch's C++ library",
    "nn.modules.linear_cross_entropy": "private functions of the module's implementation",
    "utils.data._utils.signal_handling": "private; the loader here learns of a worker's death from its connection",
    "utils.data.datapipes.dataframe": "tracing of data frames, which needs torcharrow",
    "utils.data.datapipes.gen_pyi": "writes PyTorch's own type stubs",
    "utils.data.datapipes.utils.snapshot": "private, without public names",
}
#: Names that are not here, and why.
NO_NAME = {
    "serialization": {"validate_hpu_device": "there are no such devices",
                      "normalize_storage_type": "of storages' old classes",
                      "storage_to_tensor_type": "of storages' old classes"},
    "utils.data._utils.worker": {"ManagerWatchdog": "the worker here learns of its parent's death from the connection"},
}


def importable(root):
    """The public modules of a package, itself included, that can be imported."""
    names = [root.__name__]
    if hasattr(root, "__path__"):
        names += [info.name for info in pkgutil.walk_packages(root.__path__, root.__name__ + ".")]
    for name in names:
        parts = name.split(".")[1:]
        if any(p.startswith("_") and p not in ("_utils", "_pytree") for p in parts) or \
                any(p in ("intrinsic", "qat", "quantizable", "quantized") for p in parts):
            continue
        try:
            yield importlib.import_module(name)
        except ImportError:
            continue


def test_every_public_name_can_be_imported():
    missing = []
    for root in ROOTS:
        for module in importable(importlib.import_module(f"torch.{root}")):
            name = module.__name__.removeprefix("torch.")
            try:
                ours = importlib.import_module(f"plugtorch.{name}")
            except ImportError:
                if not any(name == gone or name.startswith(gone + ".") for gone in NO_MODULE):
                    missing.append(name)
                continue
            assert name not in NO_MODULE, f"{name} is here"
            public = getattr(module, "__all__", None) or [n for n, v in vars(module).items() if not n.startswith("_")
                                                         and getattr(v, "__module__", None) == module.__name__]
            absent = {n for n in public if not hasattr(ours, n)}
            assert absent >= set(NO_NAME.get(name, ())), f"{name}: a name that is said not to be here is"
            missing += [f"{name}.{n}" for n in absent - set(NO_NAME.get(name, ()))]
    assert not missing


def test_little_of_it_is_imported_at_once():
    code = ("import plugtorch, plugtorch.nn, plugtorch.optim, plugtorch.utils.data, sys, json; "
            "print(json.dumps([*sys.modules]))")
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    late = ("plugtorch.frontend.optim.functional", "plugtorch.frontend.nn.attention", "plugtorch.frontend.pytree_",
            "plugtorch.frontend.utils.data.datapipes", "plugtorch.frontend.serialization.helpers",
            "plugtorch.frontend.nn.parallel.comm")
    assert not [name for name in loaded if name.startswith(late)]


Point = collections.namedtuple("Point", "x y")
TREES = [[1, (2, {"a": 3, "b": [4, None]})], collections.OrderedDict(b=1, a=(2,)), collections.defaultdict(int, a=[1]),
         collections.deque([1, 2], maxlen=3), Point(1, [2, 3]), 7, {}]


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_paths_and_text_of_trees(tree):
    theirs, ours = (importlib.import_module(f"{lib.__name__}.utils._pytree") for lib in LIBRARIES)

    def seen(lib):
        spec = lib.tree_structure(tree)
        leaves, same = lib.tree_flatten_with_path(tree)
        assert same == spec and leaves == lib.tree_leaves_with_path(tree)
        assert all(lib.key_get(tree, path) is leaf for path, leaf in leaves)
        mapped = lib.tree_map_with_path(lambda path, a, b: (lib.keystr(path), a, b), tree, tree)
        try:
            text = lib.treespec_dumps(spec)
            assert lib.treespec_loads(text) == spec
        except NotImplementedError:
            text = "a named tuple"
        return ([(lib.keystr(path), leaf) for path, leaf in leaves], mapped, text, lib.treespec_pprint(spec),
                lib.tree_all_only(int, lambda x: x < 3, tree), lib.tree_any_only(int, lambda x: x > 6, tree))

    assert seen(ours) == seen(theirs)


def test_trees_of_registered_classes():
    pytree = importlib.import_module("plugtorch.utils._pytree")

    class Pair:
        def __init__(self, a, b):
            self.a, self.b = a, b

    pytree.register_pytree_node(
        Pair, lambda p: ([p.a, p.b], "pair"), lambda c, _: Pair(*c), serialized_type_name="tests.Pair",
        to_dumpable_context=str.upper, from_dumpable_context=str.lower,
        flatten_with_keys_fn=lambda p: ([(pytree.GetAttrKey("a"), p.a), (pytree.GetAttrKey("b"), p.b)], "pair"))
    leaves, spec = pytree.tree_flatten_with_path([Pair(1, {"x": 2})])
    assert [(pytree.keystr(path), leaf) for path, leaf in leaves] == [("[0].a", 1), ("[0].b['x']", 2)]
    text = pytree.treespec_dumps(spec)
    assert json.loads(text)[1]["children_spec"][0]["type"] == "tests.Pair" and "PAIR" in text
    assert pytree.treespec_loads(text) == spec
    assert [pytree.is_structseq(time.localtime()), pytree.is_structseq(Point)] == [True, False]

    class Plain:
        pass

    pytree.register_pytree_node(Plain, lambda p: ([1], None), lambda c, _: Plain())
    with pytest.raises(ValueError, match="Did not find a flatten_with_keys_fn for type"):
        pytree.tree_leaves_with_path(Plain())
    with pytest.raises(NotImplementedError, match="No registered serialization name"):
        pytree.treespec_dumps(pytree.tree_structure(Plain()))
    with pytest.raises(ValueError, match="Unknown protocol 2"):
        pytree.treespec_dumps(spec, 2)
    with pytest.raises(ValueError, match="must be None or registered"):
        pytree.register_pytree_node(Point, None, None, to_dumpable_context=str)


def test_prefixes_of_state_dicts():
    states = []
    for lib in LIBRARIES:
        state = lib.nn.Sequential(collections.OrderedDict(module=lib.nn.Sequential(lib.nn.Linear(2, 1)))).state_dict()
        state["other"] = 1
        importlib.import_module(f"{lib.__name__}.nn.modules.utils").consume_prefix_in_state_dict_if_present(state, "module.")
        states.append((list(state), list(state._metadata.items())))
    assert states[1] == states[0]


def test_old_states_of_spectral_norm():
    """Those of before 1.0 have the normalised weight, and no ``weight_v``."""
    for lib in LIBRARIES:
        made, x = lib.nn.utils.spectral_norm(lib.nn.Linear(4, 3)), lib.ones(2, 4)
        for _ in range(3):
            made(x)
        state = made.state_dict()
        assert state._metadata[""]["spectral_norm"] == {"weight.version": 1}
        old = {key: value.clone() for key, value in state.items() if key != "weight_v"} | {"weight": made.weight.detach()}
        other = lib.nn.utils.spectral_norm(lib.nn.Linear(4, 3))
        other.load_state_dict(old)
        np.testing.assert_allclose(other.eval()(x).detach().numpy(), made.eval()(x).detach().numpy(), 1e-5)
        del state._metadata
        other.load_state_dict(state)
        np.testing.assert_array_equal(other.weight_v.numpy(), made.weight_v.numpy())
        with pytest.raises(RuntimeError, match='Missing key.*"weight_orig", "weight", "weight_u"'):
            other.load_state_dict({"bias": old["bias"]})
        lib.nn.utils.remove_spectral_norm(other)
        assert sorted(other.state_dict()) == ["bias", "weight"]
        assert "spectral_norm" not in other.state_dict()._metadata[""]


def test_hooks_that_pickling_loses():
    hooks = importlib.import_module("plugtorch.utils.hooks")
    t = plugtorch.ones(2, requires_grad=True)
    t.register_hook(hooks.unserializable_hook(lambda g: g))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hooks.warn_if_has_hooks(t)
        pickle.dumps(t)
    t.register_hook(print)
    for use in (hooks.warn_if_has_hooks, pickle.dumps):
        with pytest.warns(UserWarning, match="will not be serialized"):
            use(t)


def test_tensors_on_several_devices():
    """The devices are the CPU several times: PyTorch has this for GPUs alone."""
    comm, x = importlib.import_module("plugtorch.nn.parallel.comm"), plugtorch.arange(6.0)
    two = ["cpu", "cpu"]
    assert [t.tolist() for t in comm.scatter(x, two, [2, 4])] == [[0, 1], [2, 3, 4, 5]]
    assert comm.gather(comm.scatter(x, two)).equal(x) and all(t.equal(x) for t in comm.broadcast(x, two))
    assert comm.reduce_add([x, x, x]).equal(3 * x)
    assert [t.tolist() for t in comm.reduce_add_coalesced([[x, x[:1] + 1]] * 2)] == [(2 * x).tolist(), [2]]
    assert [t.equal(x) for row in comm.broadcast_coalesced([x, x], two) for t in row] == [True] * 4
    out = [plugtorch.zeros(2), plugtorch.zeros(4)]
    assert comm.scatter(x, out=out)[1] is out[1] and comm.gather(out, out=plugtorch.zeros(6)).equal(x)
    assert comm.broadcast(x, out=[plugtorch.zeros(6)])[0].equal(x)
    for call in (lambda: comm.broadcast(x), lambda: comm.gather([x], destination="cpu", out=x),
                 lambda: comm.scatter(x, two, out=out)):
        with pytest.raises(RuntimeError, match="must"):
            call()
    with pytest.raises(ValueError, match="input 1 has invalid size: got 1, but expected 6"):
        comm.reduce_add([x, x[:1]])
    apply = importlib.import_module("plugtorch.nn.parallel.parallel_apply")
    assert apply.get_a_var([1, {"a": (None, x)}]) is x and apply.get_a_var([1]) is None


def test_files_without_their_data():
    data = {"a": plugtorch.ones(3, 4), "b": plugtorch.arange(5)}
    full, empty = io.BytesIO(), io.BytesIO()
    plugtorch.save(data, full)
    with plugtorch.serialization.skip_data():
        plugtorch.save(data, empty)
        with pytest.raises(RuntimeError, match="Cannot use skip_data=True with _use_new_zipfile_serialization=False"):
            plugtorch.save(data, io.BytesIO(), _use_new_zipfile_serialization=False)
        full.seek(0)
        read = [plugtorch.load(full)]
    empty.seek(0)
    read.append(plugtorch.load(empty))
    empty.seek(0)
    read.append(torch.load(empty))
    for found in read:
        assert found["a"].shape == (3, 4) and not found["a"].any() and found["b"].tolist() == [0] * 5
    full.seek(0)
    assert plugtorch.load(full)["a"].all() and len(empty.getvalue()) == len(full.getvalue())


@pytest.mark.parametrize("source", [
    "str(s.StorageType('HalfStorage'))", "s.StorageType('X')", "s.validate_cuda_device('cuda:1')",
    "s.validate_cuda_device('cpu')",
    *[f"s.check_module_version_greater_or_equal(types.SimpleNamespace(__name__='m', __version__='{version}'), {wanted})"
      for version in ("1.2.3", "1.x") for wanted in ((1,), (1, 2), (1, 3), (1, 2, 3, 4))],
    "s.check_module_version_greater_or_equal(types.SimpleNamespace(__name__='m', __version__='a'), (1,), False)",
    "path = s.mkdtemp(); d = path.__enter__(); a = os.path.isdir(d); path.__exit__(None, None, None); (a, os.path.isdir(d))",
])
def test_helpers_of_serialization(source):
    agree("import importlib, os, types; s = importlib.import_module(torch.__name__ + '.serialization'); " + source)


@pytest.fixture
def folder(tmp_path):
    for name, data in (("a.txt", b"text"), ("b.json", b'{"x": [1]}'), ("c.cls", b"7"), ("d.bin", b"\1\2"), ("_e.x", b"own"),
                       ("f.pickle", pickle.dumps([1, 2]))):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "g.txt").write_text("deep")
    return tmp_path


def test_pipes_of_files(folder):
    seen = []
    for lib in LIBRARIES:
        steps, common = (importlib.import_module(f"{lib.__name__}.utils.data.datapipes.{name}")
                         for name in ("iter", "utils.common"))
        paths = steps.FileLister(str(folder), ["*.*"], recursive=True)
        decoded = steps.FileOpener(paths, "b").routed_decode()
        decoded.add_handler(lambda key, data: len(data) if key == "bin" else None)
        (path, stream), = steps.FileOpener(steps.FileLister(str(folder), "a.*"))
        assert type(stream) is common.StreamWrapper and repr(stream).startswith("StreamWrapper<") and stream.read() == "text"
        common.StreamWrapper.close_streams([{"x": stream}])
        sharded = steps.IterableWrapper(range(24)).sharding_filter()
        priorities = importlib.import_module(f"{lib.__name__}.utils.data.datapipes.iter.sharding").SHARDING_PRIORITIES
        sharded.apply_sharding(2, 1, priorities.DISTRIBUTED)
        sharded.apply_sharding(3, 2, priorities.MULTIPROCESSING)
        alone = list(common.get_file_pathnames_from_root(str(folder / "a.txt"), ""))
        seen.append((list(decoded), path, stream.closed, list(sharded), len(sharded), alone, list(paths)))
        with pytest.raises(RuntimeError, match="ShardingFilter cannot mix DEFAULT and non DEFAULT groups"):
            sharded.apply_sharding(2, 1)
        with pytest.raises(ValueError, match="binary mode doesn't take an encoding argument"):
            steps.FileOpener(paths, "b", encoding="utf-8")
    assert seen[1] == seen[0] and len(seen[0][0]) == 7


def test_parents_of_streams():
    wrapper = importlib.import_module("plugtorch.utils.data.datapipes.utils.common").StreamWrapper
    parent = wrapper(io.BytesIO(b"x"))
    children = [wrapper(io.BytesIO(b"y"), parent, "name") for _ in range(2)]
    parent.autoclose()
    children[0].close()
    assert not parent.closed and "name" in repr(children[1]) and "getvalue" in dir(children[1])
    children[1].close()
    assert parent.closed and parent.file_obj.closed


@pytest.mark.parametrize("source", [
    *[f"c.validate_input_col({function}, {columns})" for function in
      ("lambda a: a", "lambda a, b=1: a", "lambda a, b: a", "lambda *a: a", "lambda a, *, k: a", "lambda a, b, *c: a", "max")
      for columns in ("1", "[1, 2]", "[1, 2, 3]")],
    *[f"c.validate_pathname_binary_tuple({value})"
      for value in ("1", "('a',)", "(1, 2)", "('a', 2)", "('a', io.BytesIO())")],
    "[c.match_masks('a.txt', m) for m in ('', [], '*.txt', ['*.c', 'a*'], '*.c')]",
    "[d.handle_extension(e, len)('x.seg.jpg', b'12') for e in ('jpg', 'seg.jpg png', 'a.b.c.d.jpg seg.JPG', 'png jpg')]",
    "[d.basichandlers(e, b'12') for e in ('txt', '', 'cls', 'json', 'x')]", "d.basichandlers('cls', b'a')",
    "d.extension_extract_fn('a/b.c.d') + d.extension_extract_fn('a')", "d.imagehandler('rgb9')",
    "d.imagehandler('rgb')('txt', b'')",
    "d.audiohandler('txt', b'') or d.videohandler('txt', b'')", "d.audiohandler('wav', b'')", "d.videohandler('mp4', b'')",
    "d.Decoder(d.basichandlers)([('a.txt', b''), ('_b.json', b'1'), ('c.json', io.BytesIO(b'[1]')), ('d.e', b'2')]) == "
    "{'a.txt': b'', '_b.json': '1', 'c.json': [1], 'd.e': b'2'}",
])
def test_helpers_of_pipes(source):
    agree("import importlib, io; c, d = (importlib.import_module(torch.__name__ + '.utils.data.datapipes.utils.' + n) "
          "for n in ('common', 'decoder')); " + source)


def test_images(folder):
    image = pytest.importorskip("PIL.Image")
    data = io.BytesIO()
    image.fromarray(np.arange(60, dtype=np.uint8).reshape(4, 5, 3)).save(data, "png")
    for spec in ("l8", "rgba", "torchl8", "torchrgb", "torch", "pil", "pill"):
        want, got = (importlib.import_module(f"{lib.__name__}.utils.data.datapipes.utils.decoder").imagehandler(spec)(
            "png", data.getvalue()) for lib in LIBRARIES)
        np.testing.assert_array_equal(np.asarray(got), np.asarray(want))
        assert "torch" not in spec or isinstance(got, plugtorch.Tensor)


def test_parts_of_collating():
    batches = {"float": [1.5, 2.0], "int": [1, 2], "str": ["a"], "numpy_scalar": [np.int16(1), np.int16(2)],
               "numpy_array": [np.ones(2), np.zeros(2)], "tensor": None}
    for name, batch in batches.items():
        functions = [getattr(importlib.import_module(f"{lib.__name__}.utils.data._utils.collate"), f"collate_{name}_fn")
                     for lib in LIBRARIES]
        want, got = (f(copy.copy(batch) if batch else [lib.ones(2), lib.zeros(2)],
                       collate_fn_map=lib.utils.data._utils.collate.default_collate_fn_map)
                     for f, lib in zip(functions, LIBRARIES, strict=True))
        assert str(getattr(got, "dtype", None)) == str(getattr(want, "dtype", None))
        np.testing.assert_array_equal(np.asarray(got), np.asarray(want))
        assert inspect.signature(functions[1]).parameters.keys() == inspect.signature(functions[0]).parameters.keys()


def test_flash_attention_registry():
    attention, removed = plugtorch.nn.attention, []
    handle = types.SimpleNamespace(remove=lambda: removed.append(1))
    attention.register_flash_attention_impl("mine", register_fn=lambda: handle)
    assert attention.list_flash_attention_impls() == ["mine"] and attention.current_flash_attention_impl() is None
    attention.activate_flash_attention_impl("mine")
    attention.activate_flash_attention_impl("mine")
    assert attention.current_flash_attention_impl() == "mine" and removed == [1]
    attention.restore_flash_attention_impl()
    assert attention.current_flash_attention_impl() is None and removed == [1, 1]
    with pytest.raises(ValueError, match=r"Unknown flash attention impl 'x'. Available implementations: \['mine'\]"):
        attention.activate_flash_attention_impl("x")
