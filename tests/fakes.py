"""Stand-ins for the redaction and model servers: the same calls, answers one can foretell."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from retrieval.encoders.client import Explained, ModelInfo, ModelRefused, ModelUnavailable
from retrieval.redaction.amended import Amended
from retrieval.redaction.amending import text_amend
from retrieval.redaction.base import Finding, Profile, RedactedText, RedactionKeys
from retrieval.redaction.blind import blind_entries
from retrieval.redaction.errors import RedactionRefused, RedactionUnavailable
from retrieval.redaction.types import (
    BlindEntry,
    Prepared,
    QueryMedia,
    RedactionCount,
    SegmentPlan,
    StepRecord,
    TensorSpec,
    Verdict,
)
from retrieval.saliency.words import word_spans

EMAIL = re.compile(r"[\w.]+@[\w.]+\.\w+")
TEXT_TYPE = "text/plain; charset=utf-8"


class FakeRedaction:
    """Redacts e-mail addresses. ``IMG...`` passes as a picture, ``SND...`` as 12 s of sound.

    What follows a sound's first line is said in it; voices in a query's sound are muted.

    ``BAD`` is refused for good, ``HELP`` quarantined. Set ``missed`` and verification finds that
    kind, ``missed_at`` and it finds that in that place, until it is taken out; ``reason`` is then
    said in its place. ``low`` is left in for a steward, ``language`` is its own. ``down`` and
    nothing answers; ``before`` is called at the start of every call.
    """

    def __init__(self) -> None:
        self.down = False
        self.missed: list[str] = []
        self.before: Callable[[str], object] = lambda _: None
        self.calls: list[str] = []
        self.regions: list[tuple[Finding, ...]] = []
        self.drawn: list[tuple[Any, ...]] = []  # what overlays were asked for
        self.missed_at: list[Finding] = []
        self.low: tuple[Finding, ...] = ()
        self.reason = ""
        self.language = ""
        self.lock = threading.Lock()

    def health(self, *, timeout_seconds: float = 5.0) -> dict[str, Any]:
        if self.down:
            raise RedactionUnavailable("not-reachable")
        return {"status": "ok"}

    def prepare(
        self,
        stream: Iterable[bytes],
        *,
        name: str,
        title: str,
        profile: Profile | str,
        keys: RedactionKeys | None = None,
    ) -> Prepared:
        data = b"".join(stream)
        self._begin("prepare")
        if data.startswith(b"BAD"):
            raise RedactionRefused(
                code="unknown-type", reason="This is no file we know.", disposition="rejected"
            )
        if data.startswith(b"HELP"):
            raise RedactionRefused(
                code="password-protected", reason="It needs a password.", disposition="quarantined"
            )
        modality = {b"IMG": "image", b"SND": "audio"}.get(data[:3], "text")
        heading = self._text(title or name)
        if modality == "text":
            body = self._text(data.decode())
            rendition, media_type = body.text.encode(), TEXT_TYPE
            findings = (*body.findings, *heading.findings)
            plans = self._chunks(body.text)
        else:
            rendition, findings = data, heading.findings
            media_type = "image/webp" if modality == "image" else "audio/ogg"
            plans = (
                (*self._windows(), *self._said(data))
                if modality == "audio"
                else (SegmentPlan(kind="whole", ordinal=0),)
            )
        return Prepared(
            modality=modality,  # type: ignore[arg-type]
            source_type="application/x-fake",
            media_type=media_type,
            rendition=rendition,
            thumbnail=b"thumb",
            thumbnail_type="image/webp",
            title=heading.text,
            segments=plans,
            blind=self._blind(data.decode(errors="replace"), keys),
            redactions=(RedactionCount(kind="EMAIL_ADDRESS", count=len(findings)),)
            if findings
            else (),
            steps=(StepRecord(step="decode", component="fake", version="1"),),
            profile_version=f"{profile}@1" if isinstance(profile, str) else profile.ref,
            covers=("text:structured",),
            language=self.language,
            width=4 if modality == "image" else None,
            height=3 if modality == "image" else None,
            duration_ms=12_000 if modality == "audio" else None,
            findings=findings,
            low=self.low,
        )

    def verify(self, rendition: bytes, *, media_type: str, profile: str) -> Verdict:
        self._begin("verify")
        found = list(self.missed)
        if media_type.startswith("text/") and EMAIL.search(rendition.decode()):
            found.append("EMAIL_ADDRESS")
        findings = (
            *(Finding(kind=kind, score=1.0, recognizer="fake") for kind in found),
            *self.missed_at,
        )
        return Verdict(
            findings=findings, reason="redaction-incomplete" if findings else self.reason
        )

    def amend(
        self,
        rendition: bytes,
        *,
        media_type: str,
        regions: Sequence[Finding],
        profile: str,
        segments: bool = True,
    ) -> Amended:
        self._begin("amend")
        self.regions.append(tuple(regions))
        if not media_type.startswith("text/"):
            return Amended(
                rendition=rendition + b"+" * len(regions),
                thumbnail=b"amended",
                segments=(SegmentPlan(kind="whole", ordinal=0),)
                if media_type.startswith("image/")
                else None,
            )
        made = text_amend(rendition.decode(), regions)
        return Amended(
            rendition=made.text.encode(),
            thumbnail=b"amended",
            segments=self._chunks(made.text),
            edits=made.edits,
        )

    def redact_text(self, text: str, *, profile: str) -> RedactedText:
        return self.redact_texts([text], profile=profile)[0]

    def redact_texts(self, texts: list[str], *, profile: str) -> list[RedactedText]:
        self._begin("redact_texts")
        return [self._text(text) for text in texts]

    def redact_words(
        self, texts: list[str], *, profile: Profile | str, keys: RedactionKeys | None = None
    ) -> tuple[list[RedactedText], tuple[BlindEntry, ...]]:
        return self.redact_texts(texts, profile=""), self._blind("\n".join(texts), keys)

    def tensors(
        self, rendition: bytes, *, media_type: str, spec: TensorSpec, priority: str = "ingest"
    ) -> list[np.ndarray]:
        self._begin("tensors")
        if media_type.startswith("image/"):
            return [np.frombuffer(rendition.ljust(12, b"\0")[:12], np.uint8).reshape(2, 2, 3)]
        return [np.full(8, start, np.float32) for start, _ in spec.windows_ms]

    def tensor_batches(
        self, rendition: bytes, *, media_type: str, spec: TensorSpec, batch: int = 16
    ) -> Iterator[list[np.ndarray]]:
        yield self.tensors(rendition, media_type=media_type, spec=spec)

    def overlay(
        self,
        rendition: bytes,
        *,
        media_type: str,
        heat: Sequence[Sequence[int]],
        spans: Sequence[tuple[int, int]] = (),
        window_ms: tuple[int, int] = (0, 0),
    ) -> bytes:
        self._begin("overlay")
        self.drawn.append((rendition, media_type, heat, spans, window_ms))
        return b"\x89PNG\r\n\x1a\nfake"

    def query_file(self, data: bytes, *, profile: str, name: str = "") -> QueryMedia:
        self._begin("query_file")
        image = data.startswith(b"IMG")
        return QueryMedia(
            modality="image" if image else "audio",
            media_type="image/webp" if image else "audio/ogg",
            rendition=data,
            text="",
            redactions=() if image else (RedactionCount(kind="VOICE", count=1),),
            duration_ms=None if image else 12_000,
        )

    def _begin(self, call: str) -> None:
        with self.lock:
            self.calls.append(call)
        if self.down:
            raise RedactionUnavailable("not-reachable")
        self.before(call)

    def _blind(self, text: str, keys: RedactionKeys | None) -> tuple[BlindEntry, ...]:
        seen = [("EMAIL_ADDRESS", match[0]) for match in EMAIL.finditer(text)]
        return blind_entries(seen, key=keys.blind_key if keys else b"")

    def _text(self, text: str) -> RedactedText:
        findings = tuple(
            Finding(
                kind="EMAIL_ADDRESS", start=m.start(), end=m.end(), score=1.0, recognizer="fake"
            )
            for m in EMAIL.finditer(text)
        )
        return RedactedText(text=EMAIL.sub("<EMAIL_ADDRESS_1>", text), findings=findings)

    def _said(self, data: bytes) -> tuple[SegmentPlan, ...]:
        return tuple(
            SegmentPlan(
                kind="time",
                ordinal=2 + number,
                text=self._text(line).text,
                start_ms=1000 * number,
                end_ms=1000 * number + 900,
                modality="text",
            )
            for number, line in enumerate(data.decode().split("\n")[1:])
        )

    def _chunks(self, text: str) -> tuple[SegmentPlan, ...]:
        plans, at = [], 0
        for ordinal, line in enumerate(part for part in text.split("\n") if part):
            start = text.index(line, at)
            at = start + len(line)
            plans.append(SegmentPlan(kind="chunk", ordinal=ordinal, text=line, start=start, end=at))
        return tuple(plans)

    def _windows(self) -> tuple[SegmentPlan, ...]:
        spans = ((0, 10_000), (2_000, 12_000))
        return tuple(
            SegmentPlan(kind="time", ordinal=n, start_ms=start, end_ms=end)
            for n, (start, end) in enumerate(spans)
        )


class FakeModels:
    """Unit vectors that depend on the input's bytes alone: same words or pixels, same vector."""

    def __init__(
        self, *, dimension: int = 8, modalities: Sequence[str] = ("text", "image", "audio")
    ):
        self.dimension = dimension
        self.modalities = tuple(modalities)
        self.down = False
        self.calls: list[str] = []

    def encode_text(
        self, model: str, texts: Sequence[str], *, priority: str = "query"
    ) -> np.ndarray:
        self._begin("text")
        return self._stack([text.encode() for text in texts])

    def encode_arrays(
        self, model: str, modality: str, arrays: Sequence[np.ndarray], *, priority: str = "ingest"
    ) -> np.ndarray:
        self._begin(modality)
        return self._stack([array.tobytes() for array in arrays])

    def saliency(
        self,
        model: str,
        modality: str,
        item: str | np.ndarray,
        query: np.ndarray,
        *,
        rate: int = 0,
        method: str | None = None,
    ) -> Explained:
        """The last part carries everything."""
        self._begin("saliency")
        shape = (len(word_spans(item)),) if isinstance(item, str) else (2, 2)
        values = np.zeros(shape, np.float32)
        values.flat[-1] = 0.4
        return Explained(values=values, method="occlusion", similarity=0.5)

    def models(self) -> list[ModelInfo]:
        return [
            ModelInfo(
                ref="fake@1",
                space="fake",
                dimension=self.dimension,
                modalities=self.modalities,
                input={},
                loaded=True,
            )
        ]

    def health(self, *, timeout_seconds: float = 5.0) -> dict[str, Any]:
        if self.down:
            raise ModelUnavailable("not-reachable")
        return {"status": "ok"}

    def vector(self, data: bytes) -> np.ndarray:
        """The float32 ``(dimension,)`` unit vector of these bytes."""
        seed = int.from_bytes(hashlib.sha256(data).digest()[:8], "big")
        vector = np.random.default_rng(seed).normal(size=self.dimension)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def _begin(self, modality: str) -> None:
        self.calls.append(modality)
        if self.down:
            raise ModelUnavailable("not-reachable")

    def _stack(self, items: list[bytes]) -> np.ndarray:
        return np.stack([self.vector(item) for item in items])


class FakeVersions(FakeModels):
    """Vectors that depend on the version and the bytes. ``refused``: versions that are not served.

    ``asked`` tells the version and the number of items of each call; ``during`` is called in each.
    """

    POISON = b"poison"

    def __init__(self, *, dimension: int = 8) -> None:
        super().__init__(dimension=dimension)
        self.refused: set[str] = set()
        self.asked: list[tuple[str, int]] = []
        self.during: Callable[[], object] = lambda: None

    def encode_text(
        self, model: str, texts: Sequence[str], *, priority: str = "query"
    ) -> np.ndarray:
        return self._rows(model, [text.encode() for text in texts])

    def encode_arrays(
        self, model: str, modality: str, arrays: Sequence[np.ndarray], *, priority: str = "ingest"
    ) -> np.ndarray:
        return self._rows(model, [array.tobytes() for array in arrays])

    def of(self, model: str, data: bytes) -> np.ndarray:
        """The float32 ``(dimension,)`` unit vector of these bytes under a version."""
        return self.vector(hashlib.sha256(model.encode() + data).digest())

    def _rows(self, model: str, items: list[bytes]) -> np.ndarray:
        self._begin(model)
        self.asked.append((model, len(items)))
        self.during()
        if model in self.refused:
            raise ModelRefused("bundle-hash", "Its files are not what was installed.")
        if any(item.startswith(self.POISON) for item in items):
            raise ModelRefused("unfit", "That cannot be embedded.")
        return np.stack([self.of(model, item) for item in items])
