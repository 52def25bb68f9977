"""From the bytes of files to objects, by the extensions of their names; names of
``torch.utils.data.datapipes.utils.decoder``."""

from __future__ import annotations

import io
import json
import os
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from plugtorch.frontend import functions as fn
from plugtorch.frontend.serialization import load

from .datapipe import IterDataPipe, functional_datapipe
from .files import StreamWrapper

__all__ = ["Decoder", "ImageHandler", "MatHandler", "RoutedDecoder", "audiohandler", "basichandlers", "extension_extract_fn",
           "handle_extension", "imagehandler", "mathandler", "videohandler"]

_IMAGES = ("jpg", "jpeg", "png", "ppm", "pgm", "pbm", "pnm")
_VIDEOS = ("mp4", "ogv", "mjpeg", "avi", "mov", "h264", "mpg", "webm", "wmv")
_SOUNDS = ("flac", "mp3", "sox", "wav", "m4a", "ogg", "wma")
#: What an image becomes: an array, a tensor or an image of PIL; of bytes or of numbers up to 1; in these colours.
_SPECS = {
    **{f"{kind}{colours}{size}": (kind or "numpy", size == "8", colours)
       for kind in ("", "torch") for colours in ("l", "rgb", "rgba") for size in ("8", "")},
    "torch": ("torch", False, "rgb"), "pil": ("pil", False, "rgb"), "pill": ("pil", False, "l"),
    "pilrgb": ("pil", False, "rgb"), "pilrgba": ("pil", False, "rgba"),
}


def basichandlers(extension: str, data: bytes) -> Any:
    """Text (``txt``, ``text``, ``transcript``), a number (``cls``, ``cls2``, ``class``, ``count``, ``index``, ``inx``,
    ``id``), JSON (``json``, ``jsn``), a pickled object (``pickle``, ``pyd``: only from files that you trust) or what
    ``save`` wrote (``pt``); None for other extensions.

    Pieces of the words for text and JSON stand for them, as in PyTorch: ``x``, and no extension. ``pt`` does not, which
    PyTorch decodes as text.
    """
    if extension == "pt":
        return load(io.BytesIO(data))
    if extension in "txt text transcript":
        return data.decode("utf-8")
    if extension in ("cls", "cls2", "class", "count", "index", "inx", "id"):
        try:
            return int(data)
        except ValueError:
            return None
    if extension in "json jsn":
        return json.loads(data)
    return pickle.loads(data) if extension in ("pyd", "pickle") else None


def handle_extension(extensions: str, f: Callable) -> Callable:
    """A handler that calls ``f(data)`` for names that end in the first of some extensions, separated by blanks, leaving out
    those of more parts (``seg.jpg`` has two) than the name has. Later ones are not looked at, as in PyTorch."""
    targets = [target.split(".") for target in extensions.lower().split()]

    def handler(key: str, data: Any) -> Any:
        parts = key.lower().split(".")
        for target in targets:
            if len(target) <= len(parts):
                return f(data) if parts[-len(target):] == target else None
        return None

    return handler


class ImageHandler:
    """Reads images with Pillow: as arrays (``l8``, ``rgb8``, ``rgba8`` of bytes, ``l``, ``rgb``, ``rgba`` of numbers up to
    1), as tensors with the colours first (``torchl8``, ..., ``torch`` for ``torchrgb``), or as images (``pill``, ``pil``,
    ...).

    Raises:
        AssertionError: another specification.
        ModuleNotFoundError: when called without Pillow.
    """

    def __init__(self, imagespec: str) -> None:
        if imagespec not in _SPECS:
            raise AssertionError(f"unknown image specification: {imagespec}")
        self.imagespec = imagespec

    def __call__(self, extension: str, data: bytes) -> Any:
        if extension.lower() not in _IMAGES:
            return None
        try:
            from PIL import Image
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("Package `PIL` is required to be installed for default image decoder. Please use `pip "
                                      "install Pillow` to install the package") from error
        kind, in_bytes, colours = _SPECS[self.imagespec]
        with io.BytesIO(data) as stream:
            image = Image.open(stream).convert(colours.upper())
        if kind == "pil":
            return image
        array = np.asarray(image)
        if kind == "numpy":
            return array if in_bytes else array.astype("f") / 255.0
        tensor = fn.tensor(np.array(array.transpose(2, 0, 1)))
        return tensor if in_bytes else tensor / 255.0


def imagehandler(imagespec: str) -> ImageHandler:
    """An :class:`ImageHandler`."""
    return ImageHandler(imagespec)


def videohandler(extension: str, data: bytes) -> Any:
    """None for names that are no videos.

    Raises:
        ModuleNotFoundError: for videos: torchvision, which PyTorch reads them with, does not work with this package.
    """
    if extension in _VIDEOS:
        raise ModuleNotFoundError("videos need torchvision, which does not work with plugtorch; give a handler of your own")


def audiohandler(extension: str, data: bytes) -> Any:
    """None for names that are no sounds.

    Raises:
        ModuleNotFoundError: for sounds: torchaudio, which PyTorch reads them with, does not work with this package.
    """
    if extension in _SOUNDS:
        raise ModuleNotFoundError("sounds need torchaudio, which does not work with plugtorch; give a handler of your own")


class MatHandler:
    """Reads MATLAB's files (``mat``) with SciPy.

    Args:
        loadmat_kwargs: arguments of ``scipy.io.loadmat``.

    Raises:
        ModuleNotFoundError: there is no SciPy.
    """

    def __init__(self, **loadmat_kwargs: Any) -> None:
        try:
            import scipy.io
        except ImportError as error:
            raise ModuleNotFoundError("Package `scipy` is required to be installed for mat file. Please use `pip install "
                                      "scipy` to install the package") from error
        self.sio, self.loadmat_kwargs = scipy.io, loadmat_kwargs

    def __call__(self, extension: str, data: bytes) -> Any:
        return self.sio.loadmat(io.BytesIO(data), **self.loadmat_kwargs) if extension == "mat" else None


def mathandler(**loadmat_kwargs: Any) -> MatHandler:
    """A :class:`MatHandler`."""
    return MatHandler(**loadmat_kwargs)


def extension_extract_fn(pathname: str) -> str:
    """The extension of a path, without its dot."""
    return os.path.splitext(pathname)[1].removeprefix(".")


class Decoder:
    """Decodes ``(path, data)`` pairs, or one, with the first of some handlers that gives something but None.

    Args:
        handler: functions ``f(key, data)``.
        key_fn: from a path to the key, its extension by default.

    Returns:
        Called: a dictionary from paths to objects; data that no handler takes stays as it is.
    """

    def __init__(self, *handler: Callable, key_fn: Callable = extension_extract_fn) -> None:
        self.handlers, self.key_fn = list(handler), key_fn

    def add_handler(self, *handler: Callable) -> None:
        """Puts handlers before the others."""
        self.handlers = [*handler, *self.handlers]

    def decode1(self, key: str, data: Any) -> Any:
        """One object; an open file is read to its end and closed."""
        if not data:
            return data
        if isinstance(data.file_obj if isinstance(data, StreamWrapper) else data, (io.BufferedIOBase, io.RawIOBase)):
            stream, data = data, b"".join(data)
            stream.close()
        return next((found for f in self.handlers if (found := f(key, data)) is not None), data)

    def decode(self, data: Any) -> dict:
        """All of them. Bytes under a name that begins with an underscore are text."""
        pairs = [data] if isinstance(data, tuple) else data or ()
        return {name: value.decode("utf-8") if name[0] == "_" and isinstance(value, bytes) else
                self.decode1(self.key_fn(name), value) for name, value in pairs}

    __call__ = decode


@functional_datapipe("routed_decode")
class RoutedDecoder(IterDataPipe):
    """``(path, object)`` of ``(path, open file)``, by a :class:`Decoder`; the basic handlers and that of images as tensors
    by default."""

    def __init__(self, datapipe: Any, *handlers: Callable, key_fn: Callable = extension_extract_fn) -> None:
        self.datapipe = datapipe
        self.decoder = Decoder(*(handlers or (basichandlers, imagehandler("torch"))), key_fn=key_fn)
        warnings.warn("`RoutedDecoderIterDataPipe()` and its functional API `.routed_decode()` are deprecated since 1.12 "
                      "and will be removed in 1.13.\nSee https://github.com/pytorch/data/issues/163 for details.",
                      FutureWarning, stacklevel=3)

    def add_handler(self, *handler: Callable) -> None:
        """Puts handlers before the others."""
        self.decoder.add_handler(*handler)

    def __iter__(self) -> Any:
        for data in self.datapipe:
            yield data[0], self.decoder(data)[data[0]]

    def __len__(self) -> int:
        return len(self.datapipe)
