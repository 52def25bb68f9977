"""Event files for TensorBoard; the name of ``torch.utils.tensorboard``. They are written by an optional package."""

from __future__ import annotations

import importlib
import io
import itertools
import os
import time
import types
import wave

import numpy as np

__all__ = ["SummaryWriter"]

_PACKAGES = ("tensorboardX",)


def _package():
    for name in _PACKAGES:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
    raise ModuleNotFoundError("torch.utils.tensorboard writes event files with the package tensorboardX, which is not "
                              "installed: pip install tensorboardX", name=_PACKAGES[0])


def _on_host(value):
    """Tensors of this library as NumPy arrays, which the package takes."""
    from plugtorch.frontend.tensor import Tensor

    if isinstance(value, Tensor):
        plain = value.detach().cpu()
        return plain.float().numpy() if str(plain.dtype) == "torch.bfloat16" else plain.numpy()
    if isinstance(value, dict):
        return {k: _on_host(v) for k, v in value.items()}
    return type(value)(map(_on_host, value)) if type(value) in (list, tuple) else value


_GRAPH = "programs are run eagerly and their graph is not captured"
_FILES = itertools.count()


def _number(value) -> float:
    """A number, or a tensor or array of one element, as a float."""
    array = np.asarray(_on_host(value)).squeeze()
    if array.ndim:
        raise AssertionError("Tensor should contain one element (0 dimensions). Was given size: "
                             f"{array.size} and {array.ndim} dimensions.")
    return float(array)


def _tensor_summary(tag, array, plugin):
    """The summary of an array under a name, for a plugin of TensorBoard."""
    from tensorboardX.proto import summary_pb2 as s
    from tensorboardX.proto import tensor_pb2, tensor_shape_pb2, types_pb2

    name = {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF"}.get(str(array.dtype), str(array.dtype).upper())
    shape = tensor_shape_pb2.TensorShapeProto(dim=[{"size": n} for n in array.shape])
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DataType.Value(f"DT_{name}"), tensor_shape=shape,
                                   tensor_content=array.tobytes())
    data = s.SummaryMetadata(plugin_data=s.SummaryMetadata.PluginData(plugin_name=plugin))
    return s.Summary(value=[s.Summary.Value(tag=tag, tensor=proto, metadata=data)])


class _Named:
    """The package's writer, for one call: it writes names as they were given, where the package would replace characters."""

    def __init__(self, writer, tag, ends=None):
        self._writer, self._tag, self._ends = writer, tag, ends or {}

    def __getattr__(self, name):
        found = getattr(self._writer, name)
        return types.MethodType(found.__func__, self) if name.startswith("add_") else found

    def _get_file_writer(self):
        return self

    def add_summary(self, summary, global_step=None, walltime=None):
        written = self._tag, _package().summary._clean_tag(self._tag)
        for value in summary.value:
            begin = next((tag for tag in written if value.tag.startswith(tag)), None)
            if begin is not None:
                end = value.tag[len(begin):]
                value.tag = self._tag + self._ends.get(end, end)
        self._writer._get_file_writer().add_summary(summary, global_step, walltime)


def _add_domains(experiment, domains):
    """Writes the values that settings may have into the summary of an experiment."""
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

    plugin = experiment.value[0].metadata.plugin_data
    data = HParamsPluginData.FromString(plugin.content)
    for info in data.experiment.hparam_infos:
        for value in domains.get(info.name, ()):
            kind = "bool_value" if isinstance(value, bool) else "string_value" if isinstance(value, str) else "number_value"
            setattr(info.domain_discrete.values.add(), kind, value)
    plugin.content = data.SerializeToString()


class SummaryWriter:
    """Writes scalars, histograms, images, text, figures and embeddings to event files in a folder.

    The methods are those of PyTorch's class; what they write is made by ``tensorboardX``.

    Args:
        log_dir: the folder, ``runs/TIME_HOST`` unless given.
        comment: the end of the default folder's name.
        purge_step: TensorBoard forgets what an earlier, broken off run wrote at this step or later.
        max_queue, flush_secs: how many events wait, and for how long.
        filename_suffix: the end of the names of event files.

    Raises:
        ModuleNotFoundError: the package tensorboardX is not installed.
    """

    def __init__(self, log_dir=None, comment="", purge_step=None, max_queue=10, flush_secs=120, filename_suffix=""):
        self.purge_step, self.max_queue, self.flush_secs = purge_step, max_queue, flush_secs
        self.filename_suffix = filename_suffix
        self._writer = _package().SummaryWriter(
            None if log_dir is None else str(log_dir), comment=comment, purge_step=purge_step, max_queue=max_queue,
            flush_secs=flush_secs, filename_suffix=self._suffix())
        self.log_dir = self._writer.logdir if log_dir is None else log_dir

    def _suffix(self):
        """An end for the name of one file alone: a folder may be written to again within a second."""
        return f".{os.getpid()}.{next(_FILES)}{self.filename_suffix}"

    def get_logdir(self) -> str:
        """The folder."""
        return self.log_dir

    def add_scalar(self, tag, scalar_value, global_step=None, walltime=None, new_style=False, double_precision=False):
        """A number under a name; in single precision, unless ``new_style`` and ``double_precision``.

        Raises:
            AssertionError: a tensor of more than one element.
        """
        value = _number(scalar_value)
        if new_style:
            summary = _tensor_summary(tag, np.asarray(value, np.float64 if double_precision else np.float32), "scalars")
        else:
            summary = _package().summary.scalar(tag, value)
        _Named(self._writer, tag).add_summary(summary, global_step, walltime)

    def add_scalars(self, main_tag, tag_scalar_dict, global_step=None, walltime=None):
        """Several numbers of one diagram; each has a folder of its own beside the others."""
        self._writer._get_file_writer()  # opens it again if it was closed
        for tag, value in tag_scalar_dict.items():
            folder = f"{self.log_dir}/{main_tag.replace('/', '_')}_{tag.replace('/', '_')}"
            writer = self._writer.all_writers.get(folder)
            if writer is None:
                writer = self._writer.all_writers[folder] = _package().writer.FileWriter(
                    folder, self.max_queue, self.flush_secs, self._suffix())
            summary = _package().summary.scalar(main_tag, _number(value))
            summary.value[0].tag = main_tag
            writer.add_summary(summary, global_step, walltime)

    def add_tensor(self, tag, tensor, global_step=None, walltime=None):
        """A tensor as it is."""
        self._writer._get_file_writer().add_summary(_tensor_summary(tag, _on_host(tensor), "tensor"), global_step, walltime)

    def add_audio(self, tag, snd_tensor, global_step=None, sample_rate=44100, walltime=None):
        """Sound: samples between -1 and 1, of shape (1, n) or (n,).

        Raises:
            AssertionError: more than one dimension has a size other than 1.
        """
        from tensorboardX.proto.summary_pb2 import Summary

        array = np.asarray(_on_host(snd_tensor)).squeeze()
        if abs(array).max() > 1:
            print("warning: audio amplitude out of range, auto clipped.")
            array = array.clip(-1, 1)
        if array.ndim != 1:
            raise AssertionError("input tensor should be 1 dimensional.")
        stream = io.BytesIO()
        with wave.open(stream, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(sample_rate)
            file.writeframes((array * np.iinfo(np.int16).max).astype("<i2").tobytes())
        sound = Summary.Audio(sample_rate=sample_rate, num_channels=1, length_frames=len(array),
                              encoded_audio_string=stream.getvalue(), content_type="audio/wav")
        self._writer._get_file_writer().add_summary(
            Summary(value=[Summary.Value(tag=tag, audio=sound)]), global_step, walltime)

    def add_mesh(self, tag, vertices, colors=None, faces=None, config_dict=None, global_step=None, walltime=None):
        """A mesh or a cloud of points: ``vertices`` of shape (B, N, 3), ``colors`` likewise, and ``faces`` of indices."""
        _Named(self._writer, tag, {"_1": "_VERTEX", "_2": "_FACE", "_3": "_COLOR"}).add_mesh(
            tag, *map(_on_host, (vertices, colors, faces)), config_dict or {}, global_step, walltime)

    def add_hparams(self, hparam_dict, metric_dict, hparam_domain_discrete=None, run_name=None, global_step=None):
        """Settings of a run and what came of them, in a folder ``run_name``, which is the time unless given.

        Args:
            hparam_domain_discrete: by setting, the list of values it may have.

        Raises:
            TypeError: no dicts.
            ValueError: a setting is no number, text, bool or tensor.
        """
        if type(hparam_dict) is not dict or type(metric_dict) is not dict:
            raise TypeError("hparam_dict and metric_dict should be dictionary.")
        settings = {}
        for name, value in hparam_dict.items():
            if value is None:
                continue
            value = _on_host(value)
            settings[name] = _number(value) if isinstance(value, (np.ndarray, np.generic)) else value
            if not isinstance(settings[name], (int, float, str, bool)):
                raise ValueError("value should be one of int, float, str, bool, or torch.Tensor")
        experiment, begin, end = _package().summary.hparams(settings, metric_dict)
        _add_domains(experiment, hparam_domain_discrete or {})
        with SummaryWriter(f"{self.log_dir}/{run_name or time.time()}") as run:
            for summary in (experiment, begin, end):
                run._writer._get_file_writer().add_summary(summary, global_step)
            for name, value in metric_dict.items():
                run.add_scalar(name, value, global_step)

    def add_histogram(self, tag, values, global_step=None, bins="tensorflow", walltime=None, max_bins=None):
        """How the numbers of a tensor are spread."""
        _Named(self._writer, tag).add_histogram(tag, _on_host(values), global_step, bins, walltime, max_bins)

    def add_graph(self, model, input_to_model=None, verbose=False, use_strict_trace=True):
        """Would draw a model.

        Raises:
            NotImplementedError: always.
        """
        from plugtorch.frontend.not_offered import message

        raise NotImplementedError(message("utils.tensorboard.SummaryWriter.add_graph", _GRAPH))

    def close(self) -> None:
        """Ends the files; what is added later goes to new ones."""
        self._writer.close()
        self._writer._filename_suffix = self._suffix()

    def flush(self) -> None:
        """Writes what waits."""
        self._writer.flush()

    def __getattr__(self, name):
        if name.startswith("__") or "_writer" not in self.__dict__:
            raise AttributeError(name)
        found = getattr(self._writer, name)
        if not name.startswith("add_"):
            return found

        def add(*args, **kwargs):
            tag = args[0] if args else kwargs.get("tag")
            writer = _Named(self._writer, tag) if isinstance(tag, str) else self._writer
            return getattr(writer, name)(*map(_on_host, args), **{k: _on_host(v) for k, v in kwargs.items()})

        return add

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
