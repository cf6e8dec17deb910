"""Having the model server load a model before searches need it."""

from __future__ import annotations

import numpy as np

from retrieval import clients
from retrieval.encoders.client import ModelRefused, ModelUnavailable
from retrieval.errors import Conflict, Unavailable
from retrieval.models import ModelVersion

_SIDE = 64
_WORDS = "a picture of a bear in the grass"


def warm(version: ModelVersion) -> None:
    """Returns once every tower that takes a text, a picture or a sound has answered once.

    Raises:
        Conflict: the model server cannot use the model.
        Unavailable: it does not answer.
    """
    model = clients.models()
    towers = version.manifest["towers"]
    try:
        if "text" in towers:
            model.encode_text(version.ref, [_WORDS], priority="query")
        if "image" in towers:
            grey = np.full((_SIDE, _SIDE, 3), 128, dtype=np.uint8)
            model.encode_arrays(version.ref, "image", [grey], priority="query")
        if "audio" in towers:
            silence = np.zeros(int(towers["audio"]["input"]["sample_rate"]), dtype=np.float32)
            model.encode_arrays(version.ref, "audio", [silence], priority="query")
    except ModelRefused as error:
        raise Conflict(f"{version.ref} cannot be used: {error.reason}") from None
    except ModelUnavailable:
        raise Unavailable("The model server does not answer.") from None
