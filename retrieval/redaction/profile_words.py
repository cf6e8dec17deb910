"""What a profile takes out and what it leaves in, in words for people, and what was measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retrieval.redaction.kinds import GROUPS

if TYPE_CHECKING:
    from retrieval.redaction.base import Profile

MEASURED: Final = Path(__file__).with_name("measured.json")


@dataclass(frozen=True, slots=True)
class Figure:
    """How many of how many known things a profile missed when it was measured."""

    what: str
    missed: int
    of: int
    source: str

    @property
    def percent(self) -> float:
        """Missed, in percent."""
        return 100 * self.missed / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one profile, and when; no figures: nobody has measured it."""

    at: str
    figures: tuple[Figure, ...]


def takes_out(profile: Profile) -> tuple[str, ...]:
    """What it takes out wherever it finds it, as plurals."""
    return (*_texts(profile, out=True), *_media(profile, out=True))


def leaves_in(profile: Profile) -> tuple[str, ...]:
    """What it leaves in although it could be found, as plurals."""
    return (*_texts(profile, out=False), *_media(profile, out=False))


def measured(profile: Profile) -> Measured:
    """Its measured misses as they ship with the product; those of another version count not."""
    said = _file()
    figures = tuple(
        Figure(
            what=str(one.get("kind") or one.get("what", "")),
            missed=int(one["missed"]),
            of=int(one["of"]),
            source=str(one.get("source", "")),
        )
        for one in said.get("figures", [])
        if one.get("profile") in (profile.ref, profile.name)
    )
    return Measured(at=str(said.get("measured_at", "")), figures=figures)


@lru_cache(maxsize=1)
def _file() -> dict[str, Any]:
    try:
        said = json.loads(MEASURED.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return said if isinstance(said, dict) else {}


def _texts(profile: Profile, *, out: bool) -> list[str]:
    """Groups of kinds that are (or are not) taken out; of a group in part, the kinds' names."""
    taken = frozenset(profile.kinds)
    words = []
    for group in GROUPS:
        inside = [kind for kind in group.kinds if (kind in taken) is out]
        if len(inside) == len(group.kinds):
            words.append(group.label)
        elif inside:
            words.append(f"{group.label} of the kinds {', '.join(inside)}")
    if out and profile.deny:
        words.append(f"{len(profile.deny)} words of its own")
    if not out and profile.allow:
        words.append(f"{len(profile.allow)} words that are never taken out")
    return words


def _media(profile: Profile, *, out: bool) -> list[str]:
    image, audio = profile.image, profile.audio
    said = [
        ("metadata of pictures", image.metadata == "strip"),
        ("personal data written in pictures", image.text == "redact"),
        ("faces", image.faces == "fill"),
        ("QR and bar codes", image.codes == "fill"),
        ("metadata of sounds", audio.metadata == "strip"),
        ("all speech in sounds", audio.speech == "mute_speech"),
    ]
    if audio.speech == "mute_pii":
        said[-1] = ("voices, but for personal data that is spoken", False)
    words = [label for label, taken in said if taken is out]
    if out and audio.speech == "mute_pii":
        words.append("personal data spoken in sounds")
    return words
