"""Silero VAD, a small recurrent network that says how likely somebody speaks, by onnxruntime.

Model card: https://github.com/snakers4/silero-vad (MIT). Its Python package brings the file; the
package itself is never imported, since it imports torch. The file used is the "sequence" one: many
frames in one call, the recurrent state given in and taken out, the same numbers as the streaming
one.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrieval.redaction.errors import RedactionError

Samples = npt.NDArray[np.float32]
"""Mono samples, shape (n,), nominally in [-1, 1], 16 kHz."""

RATE: Final = 16_000
FRAME: Final = 512
"""Samples a frame: 32 ms. The network takes no other length at 16 kHz."""
_CONTEXT: Final = 64
"""Samples of the frame before that the network wants in front of each frame."""
_STATE: Final = (1, 1, 128)
_FILE: Final = "data/silero_vad_16k_sequence.onnx"
_SHA256: Final = "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"


class DetectorMissingError(RedactionError):
    """Silero's file is not installed, or is another one than was measured."""


@dataclass(slots=True)
class State:
    """What the network remembers from one call to the next; fresh: as at a sound's beginning."""

    hidden: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(_STATE, np.float32))
    cell: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(_STATE, np.float32))
    context: Samples = field(default_factory=lambda: np.zeros(_CONTEXT, np.float32))


class Silero:
    """The loaded network; safe to call from several threads."""

    def __init__(self) -> None:
        """Loads it: 1.2 MB, one thread, no network.

        Raises:
            DetectorMissingError: the file is not there, or its hash is not the expected one.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # it warns about weights that its optimiser drops
        self._session: Any = onnxruntime.InferenceSession(
            _content(), options, providers=["CPUExecutionProvider"]
        )
        self.version = importlib.metadata.version("silero-vad")

    def speech(self, samples: Samples, state: State) -> npt.NDArray[np.float32]:
        """P(speech) of each frame, shape (n,); a last frame cut short is filled with silence.

        ``state`` is moved on, so that consecutive calls give what one call would.
        """
        if not len(samples):
            return np.zeros(0, np.float32)
        count = -(-len(samples) // FRAME)
        padded = np.zeros(_CONTEXT + count * FRAME, np.float32)
        padded[:_CONTEXT] = state.context
        padded[_CONTEXT : _CONTEXT + len(samples)] = samples
        frames = np.lib.stride_tricks.sliding_window_view(padded, _CONTEXT + FRAME)[::FRAME]
        scores, state.hidden, state.cell = self._session.run(
            ["speech_probs", "hn", "cn"],
            {"input": np.ascontiguousarray(frames), "h": state.hidden, "c": state.cell},
        )
        state.context = padded[-_CONTEXT:].copy()
        return np.asarray(scores, np.float32).reshape(-1)


def _content() -> bytes:
    spec = importlib.util.find_spec("silero_vad")  # finds a package without importing it
    for folder in (spec.submodule_search_locations if spec else None) or ():
        path = Path(folder) / _FILE
        if path.is_file():
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != _SHA256:
                raise DetectorMissingError("silero's file has another hash than expected")
            return content
    raise DetectorMissingError("silero's file is not installed")
