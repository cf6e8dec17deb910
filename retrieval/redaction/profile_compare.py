"""What two profiles differ in: which takes out more, and every field that changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from retrieval.redaction.base import AudioPolicy, EntityRule, ImagePolicy, Profile
from retrieval.redaction.profile_schema import rules_to

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

COMBINED: Final = "combined"
# Strictest first.
_SPEECH: Final = ("mute_speech", "mute_pii", "keep")
_WITHOUT: Final = ("mute_speech", "refuse")


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a profile that differs; an empty side is a rule that is not there."""

    field: str
    before: str
    after: str


def combined(profiles: Sequence[Profile]) -> Profile:
    """A profile that takes out whatever any of ``profiles`` takes out; for one, itself.

    Raises:
        ValueError: there is none.
    """
    if not profiles:
        raise ValueError("nothing to combine")
    first, *others = profiles
    made = first
    for other in others:
        made = _both(made, other)
    return made if not others else replace(made, name=COMBINED, version=1)


def tightens(*, old: Profile, new: Profile) -> bool:
    """Whether ``new`` takes out, or keeps out, anything that ``old`` lets through."""
    return _effect(_both(old, new)) != _effect(old)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """What changed between two versions' rules (``profile_schema.rules_to``), field by field.

    Lists are told by how many entries came and went, since their words may be somebody's.
    """
    changes = [
        Change(f"entities.{kind}", _rule(before), _rule(after))
        for kind in sorted({*old["entities"], *new["entities"]})
        if (before := old["entities"].get(kind)) != (after := new["entities"].get(kind))
    ]
    for section in ("image", "audio"):
        changes += [
            Change(f"{section}.{name}", _said(old[section].get(name)), _said(value))
            for name, value in new[section].items()
            if old[section].get(name) != value
        ]
    for name in ("passes", "languages"):
        if sorted(old[name]) != sorted(new[name]):
            changes.append(Change(name, ", ".join(old[name]), ", ".join(new[name])))
    for name in ("allow", "deny"):
        gone, come = set(old[name]) - set(new[name]), set(new[name]) - set(old[name])
        if gone or come:
            after = f"{len(new[name])} words ({len(come)} new, {len(gone)} gone)"
            changes.append(Change(name, f"{len(old[name])} words", after))
    return tuple(changes)


def changed_fields(old: Profile, new: Profile) -> list[str]:
    """Names of the fields that differ."""
    return [change.field for change in differences(rules_to(old), rules_to(new))]


def _both(one: Profile, two: Profile) -> Profile:
    return Profile(
        name=one.name,
        version=one.version,
        entities={
            kind: _stricter(one.entities.get(kind), two.entities.get(kind))
            for kind in {*one.kinds, *two.kinds}
        },
        image=_image(one.image, two.image),
        audio=_audio(one.audio, two.audio),
        passes=_common(one.passes, two.passes),
        allow=tuple(word for word in one.allow if word in set(two.allow)),
        deny=tuple(dict.fromkeys((*one.deny, *two.deny))),
        languages=tuple(sorted(_common(one.languages, two.languages))),
    )


def _stricter(one: EntityRule | None, two: EntityRule | None) -> EntityRule:
    active = [rule for rule in (one, two) if rule is not None and rule.operator != "keep"]
    return min(active, key=lambda rule: rule.threshold)


def _image(one: ImagePolicy, two: ImagePolicy) -> ImagePolicy:
    return ImagePolicy(
        metadata="strip" if "strip" in (one.metadata, two.metadata) else "keep",
        text="redact" if "redact" in (one.text, two.text) else "keep",
        faces="fill" if "fill" in (one.faces, two.faces) else "keep",
        codes="fill" if "fill" in (one.codes, two.codes) else "keep",
        face_threshold=min(
            (image.face_threshold for image in (one, two) if image.faces == "fill"),
            default=one.face_threshold,
        ),
    )


def _audio(one: AudioPolicy, two: AudioPolicy) -> AudioPolicy:
    active = [audio for audio in (one, two) if audio.speech != "keep"] or [one]
    return AudioPolicy(
        metadata="strip" if "strip" in (one.metadata, two.metadata) else "keep",
        speech=min((one.speech, two.speech), key=_SPEECH.index),
        without_transcriber=min(
            (audio.without_transcriber for audio in active), key=_WITHOUT.index
        ),
        speech_threshold=min(audio.speech_threshold for audio in active),
        muted_as=active[0].muted_as,
    )


def _common(one: Iterable[str], two: Iterable[str]) -> frozenset[str]:
    """What both let through, where ``*`` is everything."""
    first, second = frozenset(one), frozenset(two)
    if "*" in first:
        return second
    return first if "*" in second else first & second


def _effect(profile: Profile) -> tuple[Any, ...]:
    """What a profile does, without what makes no difference to what gets through."""
    image, audio = profile.image, profile.audio
    return (
        {kind: profile.entities[kind].threshold for kind in profile.kinds},
        (image.metadata, image.text, image.faces, image.codes),
        image.face_threshold if image.faces == "fill" else None,
        (audio.metadata, audio.speech),
        None if audio.speech == "keep" else audio.speech_threshold,
        audio.without_transcriber if audio.speech == "mute_pii" else None,
        frozenset(profile.passes),
        frozenset(profile.allow),
        frozenset(profile.deny),
        frozenset(profile.languages),
    )


def _rule(rule: Mapping[str, Any] | None) -> str:
    if rule is None:
        return ""
    review = "" if rule.get("review") is None else f", review from {rule['review']:g}"
    return f"{rule['operator']} from {rule['threshold']:g}{review}"


def _said(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
