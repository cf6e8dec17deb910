"""What a decoder process can be asked to do. Imports every decoder: only the zygote loads this."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final

from workers.sandbox import sniff
from workers.sandbox.child import Operation, Result
from workers.sandbox.decoders import (
    array,
    audio,
    docx,
    html,
    image,
    mute,
    ole,
    overlay,
    paint,
    pdf,
    plain,
    sheets,
    tensors,
    text_picture,
    versions,
)

_IMAGES: Final = ("jpeg", "png", "webp", "gif", "tiff", "heic", "avif")
_SOUNDS: Final = ("wav", "flac", "ogg", "mp3", "aac", "mp4")

Decoder = Callable[[BinaryIO, int, Mapping[str, Any]], Result]

_DECODERS: Final[dict[str, Decoder]] = {
    "text": plain.decode,
    "markdown": plain.decode,
    "html": html.decode,
    "docx": docx.decode,
    "ole": ole.decode,
    "pdf": pdf.decode,
    **dict.fromkeys(_IMAGES, image.decode),
    **dict.fromkeys(_SOUNDS, audio.decode),
    "npy": array.decode,
}

COMPONENTS: Final = {"sniff": sniff.VERSION, **versions.COMPONENTS}
"""Versions of our modules, each with the library's it is built on."""


def _open(fd: int) -> BinaryIO:
    return io.BufferedReader(io.FileIO(fd, closefd=False), buffer_size=64 * 1024)


def _normalise(fd: int, size: int, arguments: Mapping[str, Any]) -> Result:
    return _DECODERS[arguments["kind"]](_open(fd), size, arguments)


def _tensors(fd: int, size: int, arguments: Mapping[str, Any]) -> Result:
    return tensors.decode(_open(fd), size, arguments)


def _mute(fd: int, size: int, arguments: Mapping[str, Any]) -> Result:
    return mute.mute(_open(fd), size, arguments)


def _pictures(fd: int, size: int, arguments: Mapping[str, Any]) -> Result:
    return sheets.decode(_open(fd), size, arguments)


def _paint(fd: int, size: int, arguments: Mapping[str, Any]) -> Result:
    return paint.paint(_open(fd), size, arguments)


def _overlay(fd: int, size: int, arguments: Mapping[str, Any]) -> Result:
    return overlay.draw(_open(fd), size, arguments)


def _inspect_sound(fd: int, size: int, arguments: Mapping[str, Any]) -> Result:
    return mute.inspect(_open(fd), size, arguments)


def _thumbnail_text(fd: int, size: int, arguments: Mapping[str, Any]) -> Result:
    del arguments
    return text_picture.draw(_open(fd).read(size).decode())


OPERATIONS: Final[Mapping[str, Operation]] = {
    "normalise": _normalise,
    "tensors": _tensors,
    "thumbnail_text": _thumbnail_text,
    "mute": _mute,
    "inspect_sound": _inspect_sound,
    "overlay": _overlay,
    "paint": _paint,
    "pictures": _pictures,
}


def warm_up() -> None:
    """Has the libraries load whatever they load late: a walled process can open no file."""
    plain.warm_up()
    html.warm_up()
    docx.warm_up()
    pdf.warm_up()
    image.warm_up()
    audio.warm_up()
    array.warm_up()
    text_picture.warm_up()
    overlay.warm_up()
