"""The words an upload came with: file name, title, source, metadata.

They are personal until they are redacted. Until then they lie encrypted beside the original,
under its key, and nowhere else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from retrieval import clients, media
from retrieval.errors import Invalid
from retrieval.redaction.base import Profile, RedactionKeys
from retrieval.redaction.types import BlindEntry

MAX_METADATA_BYTES = 16 * 1024
MAX_DEPTH = 6
MAX_TITLE = 300


@dataclass(frozen=True)
class Description:
    """What the uploader said, unredacted."""

    name: str
    title: str = ""
    source: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    modality: str = ""  # what an array of numbers shows


@dataclass(frozen=True)
class RedactedWords:
    """Source and metadata as they may be stored, with the number of findings by kind."""

    source: str
    metadata: dict[str, Any]
    counts: dict[str, int]
    blind: tuple[BlindEntry, ...] = ()


def metadata_checked(metadata: object) -> dict[str, Any]:
    """``metadata``, if it is a JSON object of reasonable size and depth.

    Raises:
        Invalid: anything else.
    """
    if not isinstance(metadata, dict):
        raise _invalid("Metadata is a JSON object.")
    if _depth(metadata) > MAX_DEPTH:
        raise _invalid(f"Metadata is nested at most {MAX_DEPTH} deep.")
    try:
        size = len(json.dumps(metadata, allow_nan=False).encode())
    except (TypeError, ValueError):
        raise _invalid("Metadata holds JSON values only.") from None
    if size > MAX_METADATA_BYTES:
        raise _invalid(f"Metadata has at most {MAX_METADATA_BYTES} bytes.")
    return metadata


def _invalid(message: str) -> Invalid:
    return Invalid(message, fields={"metadata": [message]})


def _depth(value: object) -> int:
    """Levels of nesting, counted no further than one beyond what is allowed."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        level, depth = inner, depth + 1
    return depth


def description_write(*, asset_id: UUID, description: Description) -> media.BlobWriter:
    """The finished, unpublished blob of ``description``."""
    return media.write_blob(
        media.Blob.DESCRIPTION, asset_id, json.dumps(asdict(description)).encode()
    )


def description_read(*, asset_id: UUID) -> Description:
    """What the upload came with.

    Raises:
        BlobMissing, BlobDamaged: it cannot be read any more.
    """
    return Description(**json.loads(media.read_blob(media.Blob.DESCRIPTION, asset_id)))


def words_redact(
    *, description: Description, profile: Profile, keys: RedactionKeys
) -> RedactedWords:
    """Source and metadata redacted: strings, keys and numbers, which may be a telephone's.

    Raises:
        RedactionRefused, RedactionUnavailable: nothing is to be stored.
    """
    texts = [description.source, *_texts(description.metadata)]
    texts = [clean(text) for text in texts]
    if not any(texts):
        return RedactedWords(source="", metadata=description.metadata, counts={})
    redacted, blind = clients.redaction().redact_words(texts, profile=profile, keys=keys)
    counts: Counter[str] = Counter()
    for text in redacted:
        counts.update(text.counts())
    answers = iter([text.text for text in redacted])
    source = next(answers)[:MAX_TITLE]
    metadata = _rebuilt(description.metadata, answers)
    return RedactedWords(source=source, metadata=metadata, counts=dict(counts), blind=blind)


def clean(text: str) -> str:
    """``text`` without what Postgres cannot hold (NUL, lone surrogates), of the same length."""
    text = text.replace("\x00", "\ufffd")
    return text.encode("utf-8", "replace").decode("utf-8")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _rebuilt(value: Any, answers: Iterator[str]) -> Any:
    """``value`` with every text of ``_texts`` replaced, in the same order."""
    if isinstance(value, dict):
        return {next(answers): _rebuilt(item, answers) for item in value.values()}
    if isinstance(value, list):
        return [_rebuilt(item, answers) for item in value]
    if isinstance(value, str):
        return next(answers)
    if isinstance(value, int | float) and not isinstance(value, bool):
        answer = next(answers)
        return value if answer == str(value) else answer
    return value
