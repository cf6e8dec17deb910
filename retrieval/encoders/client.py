"""Thin synchronous client of the model server: numpy in, numpy out, no model library."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from retrieval import framing
from retrieval.transport import TransportRefusedError, TransportUnavailableError, UnixTransport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Priority = Literal["query", "ingest"]
QUERY_TIMEOUT_SECONDS = 20.0
INGEST_TIMEOUT_SECONDS = 300.0
SALIENCY_TIMEOUT_SECONDS = 25.0
# How long a request waits for a model server that restarts or is busy. An ingestion that waited
# longer gives its worker back and is queued again.
INGEST_PATIENCE_SECONDS = 60.0


class ModelError(Exception):
    """Base of what the model client raises; ``permanent`` says whether trying again could help."""

    permanent: ClassVar[bool] = True


class ModelUnavailableError(ModelError):
    """The model server is down, busy or slow; the caller should come back later."""

    permanent: ClassVar[bool] = False

    def __init__(self, code: str, *, retry_after_seconds: float | None = None) -> None:
        """``code`` is a static word for logs."""
        super().__init__(code)
        self.code = code
        self.retry_after_seconds = retry_after_seconds


class ModelRefusedError(ModelError):
    """The model server will not do this: unknown or unverifiable bundle, unfit input."""

    def __init__(self, code: str, reason: str) -> None:
        """``reason`` is a plain sentence without content."""
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


# The names that the contract between the parts uses.
ModelUnavailable = ModelUnavailableError
ModelRefused = ModelRefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A bundle that the server can serve. ``input`` is the manifest's preprocessing by modality."""

    ref: str
    space: str
    dimension: int
    modalities: tuple[str, ...]
    input: dict[str, dict[str, Any]]
    loaded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """How much of a similarity each part of an item carries; see ``retrieval.saliency.base``.

    ``values``: float32 (rows, columns) of a picture or sound, (n,) of a text's words. ``method``:
    ``occlusion`` or ``gradient``. ``similarity`` is the cosine of the whole item.
    """

    values: npt.NDArray[np.float32]
    method: str
    similarity: float


class ModelClient:
    """Asks the model server for embeddings; one instance serves all threads and survives a fork.

    A server that restarts, or says 429 or 503 with Retry-After, is asked again within the deadline.
    """

    def __init__(self, socket: Path | str) -> None:
        """Nothing is connected before the first call."""
        self._transport = UnixTransport(Path(socket), timeout_seconds=QUERY_TIMEOUT_SECONDS)

    def encode_text(
        self, model: str, texts: Sequence[str], *, priority: Priority = "query"
    ) -> npt.NDArray[np.float32]:
        """Embeddings of ``texts``: float32 (n, d), rows L2-normalised, row i for text i.

        Raises:
            ModelUnavailableError: transient.
            ModelRefusedError: permanent.
        """
        data: dict[str, object] = {
            "model": model,
            "modality": "text",
            "priority": priority,
            "texts": list(texts),
        }
        return self._encode(framing.pack_arrays(data, []), len(texts), priority)

    def encode_arrays(
        self,
        model: str,
        modality: str,
        arrays: Sequence[npt.NDArray[Any]],
        *,
        priority: Priority = "ingest",
    ) -> npt.NDArray[np.float32]:
        """Embeddings of decoded media: float32 (n, d), rows L2-normalised, row i for array i.

        Images are uint8 (height, width, 3) RGB, sounds float32 (samples,) mono at the model's
        sample rate.

        Raises:
            ModelUnavailableError: transient.
            ModelRefusedError: permanent.
        """
        data: dict[str, object] = {"model": model, "modality": modality, "priority": priority}
        return self._encode(framing.pack_arrays(data, arrays), len(arrays), priority)

    def saliency(
        self,
        model: str,
        modality: str,
        item: str | npt.NDArray[Any],
        query: npt.NDArray[np.float32],
        *,
        rate: int = 0,
        method: str | None = None,
    ) -> Explained:
        """Which parts of ``item`` carry its similarity with ``query`` (d,), behind all searches.

        ``item`` as for ``encode_text`` or ``encode_arrays``; ``rate`` is a sound's, in samples a
        second. ``method``: None for the one that was measured to be the better one.

        Raises:
            ModelUnavailableError: transient.
            ModelRefusedError: permanent.
        """
        data: dict[str, object] = {
            "model": model, "modality": modality, "rate": rate, "method": method
        }  # fmt: skip
        arrays = [np.asarray(query, np.float32)]
        if isinstance(item, str):
            data["text"] = item
        else:
            arrays.append(item)
        with _translated():
            answer = self._transport.post(
                "/saliency",
                framing.pack_arrays(data, arrays),
                timeout_seconds=SALIENCY_TIMEOUT_SECONDS,
            )
            found, maps = framing.unpack_arrays(answer)
        if len(maps) != 1 or maps[0].dtype != np.float32:
            raise ModelUnavailableError("bad-answer")
        return Explained(
            values=np.array(maps[0]),
            method=str(found["method"]),
            similarity=float(found["similarity"]),
        )

    def models(self) -> list[ModelInfo]:
        """Every bundle that the server finds, built-in ones included, sorted by ref."""
        with _translated():
            answer = self._transport.get("/models")
        return [
            ModelInfo(
                ref=item["ref"],
                space=item["space"],
                dimension=item["dimension"],
                modalities=tuple(item["modalities"]),
                input=item["input"],
                loaded=item["loaded"],
            )
            for item in answer["models"]
        ]

    def health(self, *, timeout_seconds: float = 5.0) -> dict[str, Any]:
        """The server's own account: ``status``, ``loaded``, ``queues``, ``resident_bytes``."""
        with _translated():
            return self._transport.get("/healthz", timeout_seconds=timeout_seconds)

    def close(self) -> None:
        """Drop connections."""
        self._transport.close()

    def _encode(self, body: bytes, count: int, priority: Priority) -> npt.NDArray[np.float32]:
        seconds = QUERY_TIMEOUT_SECONDS if priority == "query" else INGEST_TIMEOUT_SECONDS
        with _translated():
            answer = self._transport.post(
                "/encode",
                body,
                timeout_seconds=seconds,
                patience_seconds=min(seconds, INGEST_PATIENCE_SECONDS),
            )
            _, arrays = framing.unpack_arrays(answer)
        rank = 2
        if len(arrays) != 1 or arrays[0].ndim != rank or arrays[0].shape[0] != count:
            raise ModelUnavailableError("bad-answer")
        return np.array(arrays[0], dtype=np.float32)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except TransportUnavailableError as error:
        raise ModelUnavailableError(
            error.code, retry_after_seconds=error.retry_after_seconds
        ) from error
    except TransportRefusedError as error:
        raise ModelRefusedError(
            str(error.body.get("code", f"status-{error.status}")),
            str(error.body.get("reason", "The model server refused the request.")),
        ) from error
    except framing.FramingError as error:
        raise ModelUnavailableError("bad-answer") from error
