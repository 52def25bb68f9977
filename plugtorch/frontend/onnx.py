"""``torch.onnx``: modules as ONNX models, by way of exported programs."""

from __future__ import annotations

import os
from contextvars import ContextVar
from typing import Any

from . import pytree
from .exporting.onnx_format.model import OnnxExporterError, UnsupportedOperatorError, build_model
from .exporting.program import ExportedProgram, export_with_axes
from .exporting.program import export as export_program
from .exporting.recording import leaf_names
from .exporting.signature import ConstantArgument
from .nn.modules.module import Module
from .not_offered import refused_class, refused_function
from .tensor import Tensor

__all__ = ["ExportableModule", "InputObserver", "ONNXProgram", "OnnxExporterError", "UnsupportedOperatorError",
           "dynamo_export", "export", "is_in_onnx_export", "register_custom_op_symbolic", "select_model_mode_for_export",
           "unregister_custom_op_symbolic"]

_exporting: ContextVar[bool] = ContextVar("plugtorch_onnx_exporting", default=False)
_TABLE = "each op has one way of being said in ONNX; write the model's part with other ops"
register_custom_op_symbolic, unregister_custom_op_symbolic = (
    refused_function(f"onnx.{name}", _TABLE) for name in ("register_custom_op_symbolic", "unregister_custom_op_symbolic"))
select_model_mode_for_export = refused_function(
    "onnx.select_model_mode_for_export", "a module is exported in the mode that it is in; call eval() or train() on it")
ExportableModule, InputObserver = (
    refused_class(f"onnx.{name}", "give torch.onnx.export the module and example arguments")
    for name in ("ExportableModule", "InputObserver"))


def is_in_onnx_export() -> bool:
    """Whether :func:`export` is recording a module."""
    return _exporting.get()


class ONNXProgram:
    """An ONNX model and the program that it was made of.

    Attributes:
        model_proto: the ``onnx.ModelProto``.
        exported_program: the :class:`ExportedProgram`.
    """

    def __init__(self, model_proto, exported_program: ExportedProgram):
        self.model_proto, self.exported_program = model_proto, exported_program
        self._session = None

    @property
    def model(self):
        """The ``onnx.ModelProto``."""
        return self.model_proto

    def initialize_inference_session(self, initializer=None) -> None:
        """Loads the model into ONNX Runtime; ``initializer(bytes)`` makes another session.

        Raises:
            ImportError: onnxruntime is not installed.
        """
        content = self.model_proto.SerializeToString()
        if initializer is not None:
            self._session = initializer(content)
            return
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError("an ONNXProgram is run by onnxruntime: pip install onnxruntime") from error
        self._session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def __call__(self, *args, **kwargs) -> tuple:
        """Runs the model by ONNX Runtime; returns its outputs as tensors."""
        if self._session is None:
            self.initialize_inference_session()
        leaves = [t for t in pytree.tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        names = [i.name for i in self._session.get_inputs()]
        if len(names) != len(leaves):
            raise ValueError(f"the model has {len(names)} inputs, but got {len(leaves)} tensors")
        found = self._session.run(None, {n: t.detach().cpu().numpy() for n, t in zip(names, leaves, strict=True)})
        from .creation import from_numpy

        return tuple(from_numpy(array) for array in found)

    def save(self, destination: str | os.PathLike, *, include_initializers: bool = True,
             keep_initializers_as_inputs: bool = False, external_data: bool | None = None) -> None:
        """Writes the model.

        Args:
            include_initializers: False leaves the parameters out.
            keep_initializers_as_inputs: list them as inputs too.
            external_data: put large arrays into a file beside, called like the model with ".data"; None does so where the
                model is larger than 1.5 GB, which one file cannot be.
        """
        import onnx

        model = self.model_proto
        if not include_initializers or keep_initializers_as_inputs:
            model = onnx.ModelProto()
            model.CopyFrom(self.model_proto)
            known = {i.name for i in model.graph.input}
            if keep_initializers_as_inputs:
                model.graph.input.extend(onnx.helper.make_tensor_value_info(i.name, i.data_type, i.dims)
                                         for i in model.graph.initializer if i.name not in known)
            if not include_initializers:
                del model.graph.initializer[:]
        if external_data is None:
            external_data = model.ByteSize() > 1_500_000_000
        if external_data:
            copy = onnx.ModelProto()
            copy.CopyFrom(model)  # saving moves the arrays out of it
            onnx.save_model(copy, os.fspath(destination), save_as_external_data=True,
                            location=os.path.basename(os.fspath(destination)) + ".data")
        else:
            onnx.save_model(model, os.fspath(destination))

    def optimize(self) -> None:
        """Nothing: what is known was computed when the model was made, and runtimes optimise what they load."""

    def apply_weights(self, state_dict: dict[str, Any]) -> None:
        """Puts other values into the initializers of these names.

        Raises:
            ValueError: a name or shape that the model does not have.
        """
        from onnx import numpy_helper

        by_name = {i.name: i for i in self.model_proto.graph.initializer}
        for name, value in state_dict.items():
            if name not in by_name or tuple(by_name[name].dims) != tuple(value.shape):
                raise ValueError(f"the model has no initializer {name!r} of the shape {tuple(value.shape)}")
            by_name[name].CopyFrom(numpy_helper.from_array(value.detach().cpu().numpy(), name))
        self._session = None

    def release(self) -> None:
        """Lets go of the session."""
        self._session = None

    def __repr__(self):
        graph = self.model_proto.graph
        kinds: dict[str, int] = {}
        for node in graph.node:
            kinds[node.op_type] = kinds.get(node.op_type, 0) + 1
        return f"ONNXProgram({len(graph.node)} nodes: {', '.join(f'{k} {n}' for k, n in sorted(kinds.items()))})"


def export(model, args: tuple = (), f=None, *, kwargs: dict[str, Any] | None = None, verbose: bool | None = None,
           input_names=None, output_names=None, opset_version: int | None = None, dynamo: bool = True,
           external_data: bool | None = None, dynamic_shapes=None, custom_translation_table=None, report: bool = False,
           optimize: bool = True, verify: bool = False, profile: bool = False, dump_exported_program: bool = False,
           artifacts_dir=".", export_params: bool = True, keep_initializers_as_inputs: bool = False, dynamic_axes=None,
           training=None, operator_export_type=None, do_constant_folding: bool = True, custom_opsets=None,
           export_modules_as_functions: bool = False, autograd_inlining: bool = True) -> ONNXProgram:
    """Records ``model(*args, **kwargs)`` and says it in ONNX.

    Args:
        model: a Module, in the mode in which it is to run, or an :class:`ExportedProgram`. Buffers that it writes are
            outputs after its results, called ``new_NAME``.
        args: example arguments, or one tensor.
        f: where the model is written, or None.
        input_names, output_names: of the tensors that go in and come out.
        opset_version: of ONNX's ops, from 18 to 23; 20 unless given.
        export_params: False makes inputs of the parameters, without values.
        keep_initializers_as_inputs: list the parameters as inputs too.
        external_data: see :meth:`ONNXProgram.save`.
        verify: run the model by ONNX Runtime on the example arguments, and compare.
        dynamic_shapes: as for ``torch.export.export``: axes whose size may vary, all of one name.
        dynamic_axes: the same by the names of inputs: ``{input: {axis: name}}`` or ``{input: [axis]}``; what it says of
            outputs follows from the inputs.
        custom_translation_table, custom_opsets: refused unless empty.
        others: accepted, without effect.

    Returns:
        The :class:`ONNXProgram`.

    Raises:
        ImportError: the library onnx is not installed.
        UnsupportedOperatorError: an op has no equivalent in ONNX; it is named.
        OnnxExporterError: ``verify`` found a difference.
        NotImplementedError: a size that varies, or translations of one's own.
    """
    if custom_translation_table or custom_opsets:
        raise NotImplementedError(f"not offered: translations of one's own: {_TABLE}")
    args = args if isinstance(args, tuple) else (args,)
    kwargs = dict(kwargs or {})
    if args and isinstance(args[-1], dict) and not kwargs and not isinstance(model, ExportedProgram):
        *rest, kwargs = args
        args = tuple(rest)
    if isinstance(model, ExportedProgram):
        ep = model
    else:
        if not isinstance(model, Module):
            raise TypeError(f"torch.onnx.export takes a Module or an ExportedProgram, but got {type(model)}")
        token = _exporting.set(True)
        try:
            if dynamic_axes and dynamic_shapes is None:
                ep = export_with_axes(model, args, kwargs, _axes(dynamic_axes, model, args, kwargs, input_names))
            else:
                ep = export_program(model, args, kwargs, dynamic_shapes=dynamic_shapes)
        finally:
            _exporting.reset(token)
    made = ONNXProgram(build_model(ep, input_names, output_names, opset_version, keep_initializers_as_inputs, export_params),
                       ep)
    if verbose:
        print(made)
    if verify:
        _verify(made, ep)
    if f is not None:
        made.save(f, external_data=external_data)
    return made


dynamo_export = export


def _axes(dynamic_axes, model, args, kwargs, input_names) -> dict:
    """The axes that vary, by place among the leaves of the arguments."""
    leaves = pytree.tree_leaves((args, kwargs))
    names = leaf_names(model, args, kwargs)
    tensors = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
    place = {names[i]: i for i in tensors} | dict(zip(input_names or (), tensors, strict=False))
    found = {}
    for name, axes in dynamic_axes.items():
        if name in place and axes:
            found[place[name]] = {axis: size if isinstance(size, str) else "batch"
                                  for axis, size in (axes.items() if isinstance(axes, dict) else ((a, None) for a in axes))}
    return found


def _verify(made, ep) -> None:
    """Compares ONNX Runtime's results with the program's on the example arguments."""
    import numpy as np

    args, kwargs = ep.example_inputs
    wanted = [t for t in pytree.tree_leaves(ep.module()(*args, **kwargs)) if isinstance(t, Tensor)]
    users = [s for s in ep.graph_signature.output_specs if s.kind.name == "USER_OUTPUT"
             and not isinstance(s.arg, ConstantArgument)]
    for spec, got, want in zip(users, made(*args, **kwargs), wanted, strict=False):
        if not np.allclose(got.numpy(), want.detach().cpu().numpy(), rtol=1e-4, atol=1e-5, equal_nan=True):
            raise OnnxExporterError(f"ONNX Runtime's output {spec.arg.name!r} differs from the program's")
