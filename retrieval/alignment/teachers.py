"""Teachers: TFLite networks whose outputs are the students' targets.

Neither the files nor their weights ship. They run with ``ai-edge-litert``, which only training
needs (deploy/requirements-train.in).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class TeacherUnavailableError(RuntimeError):
    """The package or the file a teacher needs is not there."""


@dataclass(frozen=True)
class Quantised:
    """How an int8 tensor becomes real numbers: ``(value - zero_point) * scale``."""

    scale: float
    zero_point: int


def interpreter(path: Path) -> Any:
    """An allocated TFLite interpreter that keeps its intermediate tensors readable."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        message = "training needs ai-edge-litert: pip install -r deploy/requirements-train.in"
        raise TeacherUnavailableError(message) from error
    if not path.is_file():
        message = f"teacher file {path.name} is not in the data directory"
        raise TeacherUnavailableError(message)
    found = Interpreter(str(path), num_threads=1, experimental_preserve_all_tensors=True)
    found.allocate_tensors()
    return found


# Tensor indices in mobilenet_v2_1.0_224.tflite (int8, TensorFlow Lite model hub, Apache-2.0): the
# linear bottlenecks expanded_conv_6/add, expanded_conv_13/add, expanded_conv_17/project and the
# global pool of Conv2d_18_1.
MOBILENET_OUTPUTS = {"h8": 129, "h16": 156, "h32": 170, "pool": 172}
MOBILENET_SIZE = 224


class ImageTeacher:
    """MobileNetV2 1.0 224: feature maps at strides 8, 16 and 32, and the global pool."""

    def __init__(self, path: Path) -> None:
        self._net = interpreter(path)
        self._input = self._net.get_input_details()[0]["index"]
        details = {d["index"]: d for d in self._net.get_tensor_details()}
        self.quantisation = {
            name: Quantised(*details[index]["quantization"])
            for name, index in MOBILENET_OUTPUTS.items()
        }

    def features(self, image: NDArray[np.uint8]) -> dict[str, NDArray[np.int8]]:
        """Quantised maps of one (224, 224, 3) RGB image.

        ``h8`` (28, 28, 32), ``h16`` (14, 14, 96), ``h32`` (7, 7, 320), ``pool`` (1280,), all int8;
        see ``quantisation`` for their scales.
        """
        self._net.set_tensor(self._input, image[None])
        self._net.invoke()
        return {
            name: self._net.get_tensor(index)[0].squeeze()
            for name, index in MOBILENET_OUTPUTS.items()
        }


YAMNET_RATE, YAMNET_PATCH, YAMNET_HOP = 16_000, 15_600, 7_680  # Hz, samples, samples


class AudioTeacher:
    """YAMNet: an embedding (1024,) and scores of 521 AudioSet classes for each 0.975 s."""

    def __init__(self, path: Path) -> None:
        self._net = interpreter(path)
        self._input = self._net.get_input_details()[0]["index"]
        self._output = self._net.get_output_details()[0]["index"]
        names = {d["name"]: d["index"] for d in self._net.get_tensor_details()}
        self._embedding = names["tower0/network/layer28/reduce_mean"]
        details = {d["index"]: d for d in self._net.get_tensor_details()}
        self._quantised = Quantised(*details[self._embedding]["quantization"])

    def features(
        self, wave: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Embeddings (patches, 1024) and scores (patches, 521) of a 16 kHz mono wave.

        Patches are 0.975 s long and 0.48 s apart; a shorter wave is padded to one patch.
        """
        if len(wave) < YAMNET_PATCH:
            wave = np.pad(wave, (0, YAMNET_PATCH - len(wave)))
        embeddings, scores = [], []
        for start in range(0, len(wave) - YAMNET_PATCH + 1, YAMNET_HOP):
            patch = np.ascontiguousarray(wave[start : start + YAMNET_PATCH], dtype=np.float32)
            self._net.set_tensor(self._input, patch)
            self._net.invoke()
            raw = self._net.get_tensor(self._embedding).reshape(-1).astype(np.float32)
            embeddings.append((raw - self._quantised.zero_point) * self._quantised.scale)
            scores.append(self._net.get_tensor(self._output).reshape(-1).copy())
        return np.stack(embeddings), np.stack(scores)
