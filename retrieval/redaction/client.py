"""Thin synchronous client of the redaction server; imports no decoder, spaCy or Presidio."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from retrieval import framing
from retrieval.redaction import serial
from retrieval.redaction.amended import amended_from
from retrieval.redaction.base import RedactedText, finding_from, finding_to
from retrieval.redaction.errors import RedactionRefusedError, RedactionUnavailableError
from retrieval.redaction.profile_schema import keys_to, profile_to
from retrieval.redaction.types import MAX_WINDOWS, Prepared, QueryMedia, TensorSpec, Verdict
from retrieval.transport import TransportRefusedError, TransportUnavailableError, UnixTransport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from retrieval.redaction.amended import Amended
    from retrieval.redaction.base import Finding, Profile, RedactionKeys
    from retrieval.redaction.types import BlindEntry

QUERY_TIMEOUT_SECONDS = 30.0
INGEST_TIMEOUT_SECONDS = 1_900.0  # a four-hour sound may take the decoder half an hour


class RedactionClient:
    """Asks the redaction server; one instance serves all threads and survives a fork.

    A ``profile`` given by name is the newest shipped one of that name; a collection's own travels
    whole (``retrieval.services.profiles.profile_of``). ``keys`` are for that one request.
    """

    def __init__(self, socket: Path | str) -> None:
        """Nothing is connected before the first call."""
        self._transport = UnixTransport(Path(socket), timeout_seconds=QUERY_TIMEOUT_SECONDS)

    def prepare(
        self,
        stream: Iterable[bytes],
        *,
        name: str,
        title: str,
        profile: Profile | str,
        modality: str = "",
        rate_hz: int = 0,
        keys: RedactionKeys | None = None,
    ) -> Prepared:
        """The upload decoded in the sandbox, redacted and cut into segments, with its findings.

        ``modality`` says what an array of numbers shows; with ``rate_hz``, its rows a second, it
        is cut into windows of time.

        ``stream`` gives the raw bytes in pieces; the server keeps them in memory only. It is read
        once, so nothing is retried here.

        Raises:
            RedactionRefusedError: the content cannot be taken; code, reason and disposition say
            why.
            RedactionUnavailableError: transient.
        """
        meta = {"name": name, "title": title, **_rules(profile, keys)}
        meta |= _array_meta(modality, rate_hz)
        with _translated():
            answer = self._transport.post(
                "/prepare", iter(stream), meta=meta, timeout_seconds=INGEST_TIMEOUT_SECONDS
            )
            return serial.prepared_from(*framing.unpack(answer))

    def verify(self, rendition: bytes, *, media_type: str, profile: Profile | str) -> Verdict:
        """What a second look still finds in a redacted rendition at the profile's level.

        Without findings and reason it is clean; otherwise it belongs into quarantine. Metadata
        left in a picture or sound shows as kind ``METADATA:<kind>``.

        Raises:
            RedactionRefusedError: the rendition itself cannot be read back.
            RedactionUnavailableError: transient.
        """
        meta = {"media_type": media_type, **_rules(profile)}
        with _translated():
            answer = self._transport.post(
                "/verify", rendition, meta=meta, timeout_seconds=INGEST_TIMEOUT_SECONDS
            )
        return serial.verdict_from(json.loads(answer))

    def amend(
        self,
        rendition: bytes,
        *,
        media_type: str,
        regions: Sequence[Finding],
        profile: Profile | str,
        segments: bool = True,
    ) -> Amended:
        """A redacted rendition with more taken out of it: what a steward drew.

        ``regions`` are places of that rendition: characters of a text, boxes of a picture, times
        of a sound; those without a place are passed over. ``segments``: made anew where they
        cannot be told from the old ones.

        Raises:
            RedactionRefusedError: the rendition cannot be read back, or nothing can be drawn on it.
            RedactionUnavailableError: transient.
        """
        asked = {
            "media_type": media_type,
            "regions": [finding_to(region) for region in regions],
            "segments": segments,
            **_rules(profile),
        }
        with _translated():
            answer = self._transport.post(
                "/amend",
                framing.pack(asked, [rendition]),
                timeout_seconds=INGEST_TIMEOUT_SECONDS,
            )
            return amended_from(*framing.unpack(answer))

    def redact_text(self, text: str, *, profile: Profile | str) -> RedactedText:
        """A query, title or metadata string redacted; findings carry offsets of the original.

        Raises:
            RedactionRefusedError: too long, or not finished within its time limit.
            RedactionUnavailableError: transient.
        """
        return self.redact_texts([text], profile=profile)[0]

    def redact_texts(self, texts: list[str], *, profile: Profile | str) -> list[RedactedText]:
        """Several strings of one asset redacted with one numbering; order kept."""
        return self.redact_words(texts, profile=profile)[0]

    def redact_words(
        self, texts: list[str], *, profile: Profile | str, keys: RedactionKeys | None = None
    ) -> tuple[list[RedactedText], tuple[BlindEntry, ...]]:
        """``redact_texts``, and the keyed hashes of the identifiers that were taken out."""
        body = framing.pack({"texts": texts, **_rules(profile, keys)})
        with _translated():
            answer, _ = framing.unpack(self._transport.post("/text", body))
        redacted = [
            RedactedText(
                text=item["text"],
                findings=tuple(map(finding_from, item["findings"])),
            )
            for item in answer["texts"]
        ]
        return redacted, tuple(serial.blind_from(answer["blind"]))

    def tensors(
        self, rendition: bytes, *, media_type: str, spec: TensorSpec, priority: str = "ingest"
    ) -> list[npt.NDArray[Any]]:
        """Decoded rendition: one array for a picture, one a window for a sound.

        Pictures are uint8 (height, width, 3) RGB, sounds float32 (samples,) mono.

        Raises:
            ValueError: more than ``MAX_WINDOWS`` windows asked at once (use ``tensor_batches``).
            RedactionRefusedError: the rendition cannot be decoded.
            RedactionUnavailableError: transient.
        """
        if len(spec.windows_ms) > MAX_WINDOWS:
            raise ValueError(f"at most {MAX_WINDOWS} windows a call, got {len(spec.windows_ms)}")
        meta = {"media_type": media_type, "spec": asdict(spec), "priority": priority}
        with _translated():
            answer = self._transport.post(
                "/tensors", rendition, meta=meta, timeout_seconds=INGEST_TIMEOUT_SECONDS
            )
            _, arrays = framing.unpack_arrays(answer)
        return [np.array(array) for array in arrays]

    def tensor_batches(
        self, rendition: bytes, *, media_type: str, spec: TensorSpec, batch: int = 16
    ) -> Iterator[list[npt.NDArray[Any]]]:
        """``tensors`` in pieces of ``batch`` windows, so that a long sound never lies in memory."""
        windows = spec.windows_ms
        if not windows:
            yield self.tensors(rendition, media_type=media_type, spec=spec)
        for first in range(0, len(windows), batch):
            part = replace(spec, windows_ms=windows[first : first + batch])
            yield self.tensors(rendition, media_type=media_type, spec=part)

    def overlay(
        self,
        rendition: bytes,
        *,
        media_type: str,
        heat: Sequence[Sequence[int]],
        spans: Sequence[tuple[int, int]] = (),
        window_ms: tuple[int, int] = (0, 0),
    ) -> bytes:
        """A PNG of a redacted rendition with heat over it, drawn in the sandbox.

        ``heat``: rows of 0 to 255 over a picture (top row first) or over the spectrogram of a
        sound's ``window_ms`` (lowest pitches first), or one row with a value for each of ``spans``,
        (start, end) characters of a text.

        Raises:
            RedactionRefusedError: the rendition cannot be drawn on.
            RedactionUnavailableError: transient.
        """
        meta = {
            "media_type": media_type,
            "heat": [list(row) for row in heat],
            "spans": [list(span) for span in spans],
            "window_ms": list(window_ms),
        }
        with _translated():
            return self._transport.post("/overlay", rendition, meta=meta)

    def query_file(
        self,
        data: bytes,
        *,
        profile: Profile | str,
        name: str = "",
        modality: str = "",
        rate_hz: int = 0,
    ) -> QueryMedia:
        """A file given as a query, decoded and redacted in memory, ahead of any ingestion.

        ``modality`` and ``rate_hz`` as in ``prepare``.

        Raises:
            RedactionRefusedError: the content cannot be taken.
            RedactionUnavailableError: transient.
        """
        meta = {"name": name, **_rules(profile), **_array_meta(modality, rate_hz)}
        with _translated():
            answer = self._transport.post("/query-file", data, meta=meta)
            return serial.query_media_from(*framing.unpack(answer))

    def health(self, *, timeout_seconds: float = 5.0) -> dict[str, Any]:
        """The server's own account: ``status``, ``sandbox``, ``profiles``, ``resident_bytes``."""
        with _translated():
            return self._transport.get("/healthz", timeout_seconds=timeout_seconds)

    def close(self) -> None:
        """Drop connections."""
        self._transport.close()


def _rules(profile: Profile | str, keys: RedactionKeys | None = None) -> dict[str, Any]:
    sent = profile if isinstance(profile, str) else profile_to(profile)
    meta: dict[str, Any] = {"profile": sent}
    return meta if keys is None else meta | {"keys": keys_to(keys)}


def _array_meta(modality: str, rate_hz: int) -> dict[str, Any]:
    return {"modality": modality, "rate_hz": rate_hz} if modality else {}


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except TransportUnavailableError as error:
        raise RedactionUnavailableError(
            error.code, retry_after_seconds=error.retry_after_seconds
        ) from error
    except TransportRefusedError as error:
        disposition = error.body.get("disposition")
        raise RedactionRefusedError(
            code=str(error.body.get("code", f"status-{error.status}")),
            reason=str(error.body.get("reason", "The file could not be processed.")),
            # Fail closed, but leave a way back: what we cannot name awaits a human.
            disposition="rejected" if disposition == "rejected" else "quarantined",
        ) from error
    except framing.FramingError as error:
        raise RedactionUnavailableError("bad-answer") from error
