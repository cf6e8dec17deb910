"""What a search is asked and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from typing import Any
from uuid import UUID

from retrieval.fusion import Method, Verdict
from retrieval.vectors.base import AssetFilter as SearchFilters

__all__ = [
    "SIMILARITY_DECIMALS",
    "AssetAnswer",
    "Hit",
    "InfluenceAnswer",
    "Links",
    "QueryAnswer",
    "SearchAnswer",
    "SearchFilters",
    "SearchRequest",
    "Searched",
    "SegmentAnswer",
    "SignalAnswer",
    "SignalRecorded",
    "Timing",
    "VersionsRecorded",
    "plain",
]


# Exact cosines with a public encoder give a vector away, query by query.
SIMILARITY_DECIMALS = 2


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """The query, and what to search: a text, a stored asset, a file, or a text with one of those.

    ``modalities`` and ``collections`` left out or empty mean all that the user may read.
    ``weights`` are by space.
    """

    text: str | None = None
    asset: UUID | None = None
    file: bytes | None = field(default=None, repr=False)
    file_name: str = field(default="", repr=False)
    file_modality: str = ""  # what an array of numbers shows
    modalities: Sequence[str] | None = None
    collections: Sequence[UUID] | None = None
    filters: SearchFilters = field(default_factory=SearchFilters)
    purpose: str = ""
    top_k: int = 10
    include_uncertain: bool = False
    fusion: Method = "calibrated"
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class QueryAnswer:
    """What was understood of the query; ``redactions`` is a list of ``{kind, count}``."""

    modality: str
    redactions: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class AssetAnswer:
    """Which asset a hit is."""

    id: UUID
    title: str
    modality: str
    collection: UUID


@dataclass(frozen=True, kw_only=True)
class SegmentAnswer:
    """The best place in the asset; times in milliseconds."""

    kind: str
    text: str | None
    page: int | None
    start_ms: int | None
    end_ms: int | None


@dataclass(frozen=True, kw_only=True)
class SignalAnswer:
    """What one space said. ``similarity`` is a cosine rounded to two decimals, on purpose.

    ``bridge`` names what carried the query into this space; where nothing did, the key is left out.
    """

    space: str
    model: str | None
    query_modality: str
    target_modality: str
    similarity: float
    calibrated: float
    weight: float
    bridge: str | None = None


@dataclass(frozen=True, kw_only=True)
class SignalRecorded(SignalAnswer):
    """A signal as its record has it; what records made earlier do not know is None.

    ``segment`` is the stored segment that the space found; ``decided`` tells the strongest signal,
    whose place is the hit's. From ``threshold`` on, ``calibrated`` is a match.
    ``route`` says how its rows were reached: exactly, or over an index. ``source`` is what the
    confidence was computed from: calibration, reference bank, features.
    """

    segment: int | None = None
    threshold: float | None = None
    decided: bool | None = None
    route: str | None = None
    source: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class VersionsRecorded:
    """Which redaction profile the asset had been through, and which content it was found in."""

    redaction: str | None = None
    data: str | None = None


@dataclass(frozen=True, kw_only=True)
class InfluenceAnswer:
    """Why a hit came up, what was redacted of it, and the consent it is shown under."""

    signals: list[SignalAnswer]
    redactions: list[str]
    consent: str


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where to fetch what may be shown."""

    content: str
    thumbnail: str


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One asset found. ``confidence`` is P(relevant), 0 to 1, higher is better."""

    rank: int
    confidence: float
    verdict: Verdict
    asset: AssetAnswer
    segment: SegmentAnswer
    more_segments: int
    influence: InfluenceAnswer
    links: Links


@dataclass(frozen=True, kw_only=True)
class Searched:
    """How much was searched, of what the user may read."""

    collections: int
    modalities: list[str]


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Milliseconds from the call to the answer."""

    total: int


@dataclass(frozen=True, kw_only=True)
class SearchAnswer:
    """The answer of ``POST search/``; ``as_json`` is its body."""

    search_id: UUID
    query: QueryAnswer
    confident: bool
    hits: list[Hit]
    searched: Searched
    timing_ms: Timing

    def as_json(self) -> dict[str, Any]:
        """The body, of JSON types only."""
        return plain(vars(self))


_OPTIONAL = frozenset({"bridge"})


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """``value`` with ids as text, ready for JSON; what is optional and none is left out."""
    return {
        key: _plain(one) for key, one in value.items() if one is not None or key not in _OPTIONAL
    }


def _plain(value: object) -> object:
    # Hundreds of values an answer: the commonest first, and no copies.
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, UUID):
        return str(value)
    return plain(vars(value)) if is_dataclass(value) else value
