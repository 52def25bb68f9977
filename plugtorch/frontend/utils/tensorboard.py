"""Event files for TensorBoard; the name of ``torch.utils.tensorboard``. They are written by an optional package."""

from __future__ import annotations

import importlib

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


class SummaryWriter:
    """Writes scalars, histograms, images, text, figures and embeddings to event files in a folder.

    The methods are those of ``tensorboardX.SummaryWriter``, with tensors of this library taken.

    Args:
        log_dir: the folder, ``runs/TIME_HOST`` unless given.
        comment, purge_step, max_queue, flush_secs, filename_suffix: as of PyTorch.

    Raises:
        ModuleNotFoundError: the package tensorboardX is not installed.
    """

    def __init__(self, log_dir=None, comment="", purge_step=None, max_queue=10, flush_secs=120, filename_suffix=""):
        self._writer = _package().SummaryWriter(
            None if log_dir is None else str(log_dir), comment=comment, purge_step=purge_step, max_queue=max_queue,
            flush_secs=flush_secs, filename_suffix=filename_suffix)
        self.log_dir = self._writer.logdir
        self.purge_step, self.max_queue, self.flush_secs = purge_step, max_queue, flush_secs
        self.filename_suffix = filename_suffix

    def get_logdir(self) -> str:
        """The folder."""
        return self.log_dir

    def add_scalar(self, tag, scalar_value, global_step=None, walltime=None, new_style=False, double_precision=False):
        """A number under a name."""
        value = _on_host(scalar_value)
        self._writer.add_scalar(tag, value.item() if hasattr(value, "item") else value, global_step, walltime)

    def add_histogram(self, tag, values, global_step=None, bins="tensorflow", walltime=None, max_bins=None):
        """How the numbers of a tensor are spread."""
        self._writer.add_histogram(tag, _on_host(values), global_step, bins, walltime, max_bins)

    def add_graph(self, model, input_to_model=None, verbose=False, use_strict_trace=True):
        """Would draw a model.

        Raises:
            NotImplementedError: always.
        """
        from plugtorch.frontend.not_offered import message

        raise NotImplementedError(message("utils.tensorboard.SummaryWriter.add_graph", _GRAPH))

    def close(self) -> None:
        """Ends the file."""
        self._writer.close()

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
            return found(*map(_on_host, args), **{k: _on_host(v) for k, v in kwargs.items()})

        return add

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
