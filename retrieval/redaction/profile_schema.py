"""A profile as JSON: on the wire to the redaction server, in the table, and in the API.

The parser is strict: what it does not know is an error that names the field, never a rule left out.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, get_args

from retrieval.redaction.base import (
    AudioPolicy,
    EntityRule,
    Fill,
    ImagePolicy,
    MetadataPolicy,
    MutedAs,
    Operator,
    Profile,
    RedactionKeys,
    SpeechPolicy,
    TextInPictures,
    WithoutTranscriber,
)
from retrieval.redaction.errors import ProfileError

MAX_LIST_BYTES: Final = 24 * 1024
MAX_WORD_CHARS: Final = 200
NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,31}")
# Placeholders carry the kind; see ``placeholders.PLACEHOLDER``.
KIND: Final = re.compile(r"[A-Z][A-Z_]{1,39}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}|\*")
_MODALITY: Final = re.compile(r"[a-z][a-z0-9_]{0,15}|\*")
_MOST_VERSION: Final = 1_000_000
_MOST_ENTRIES: Final = 2_000
_IMAGE: Final[dict[str, Any]] = {
    "metadata": MetadataPolicy,
    "text": TextInPictures,
    "faces": Fill,
    "codes": Fill,
}
_AUDIO: Final[dict[str, Any]] = {
    "metadata": MetadataPolicy,
    "speech": SpeechPolicy,
    "without_transcriber": WithoutTranscriber,
    "muted_as": MutedAs,
}
_TOP: Final = frozenset(
    {
        *("name", "version", "entities", "image", "audio"),
        *("passes", "allow", "deny", "languages"),
    }
)


def profile_to(profile: Profile) -> dict[str, Any]:
    """The profile as JSON-able fields; ``covers`` is the reader's own and is left out."""
    return {"name": profile.name, "version": profile.version, **rules_to(profile)}


def rules_to(profile: Profile) -> dict[str, Any]:
    """All of a profile but its name and version: what two versions differ in."""
    return {
        "entities": {
            kind: {"threshold": rule.threshold, "operator": rule.operator, "review": rule.review}
            for kind, rule in sorted(profile.entities.items())
        },
        "image": asdict(profile.image),
        "audio": asdict(profile.audio),
        "passes": sorted(profile.passes),
        "allow": list(profile.allow),
        "deny": list(profile.deny),
        "languages": list(profile.languages),
    }


def profile_from(data: object) -> Profile:
    """The opposite of ``profile_to``; sections and lists left out are at their defaults.

    Raises:
        ProfileError: an unknown key, a wrong type or range, lists too long; its ``field`` says
            where.
    """
    given = _object(data, "", _TOP)
    for required in ("name", "version", "entities"):
        if required not in given:
            raise ProfileError(required, "This is required.")
    allow, deny = (_strings(given, name, None) for name in ("allow", "deny"))
    if len(json.dumps([allow, deny], ensure_ascii=False).encode()) > MAX_LIST_BYTES:
        raise ProfileError("deny", f"Both lists together have at most {MAX_LIST_BYTES} bytes.")
    return Profile(
        name=_name(given["name"]),
        version=_version(given["version"]),
        entities=_entities(given["entities"]),
        image=ImagePolicy(**_policy(given.get("image", {}), "image", _IMAGE, ImagePolicy)),
        audio=AudioPolicy(**_policy(given.get("audio", {}), "audio", _AUDIO, AudioPolicy)),
        passes=frozenset(_strings(given, "passes", _MODALITY)),
        allow=allow,
        deny=deny,
        languages=_strings(given, "languages", _LANGUAGE),
    )


def keys_to(keys: RedactionKeys) -> dict[str, str]:
    """The keys as JSON-able text, for the way to the redaction server only."""
    return {
        "hash": base64.b64encode(keys.hash_key).decode(),
        "blind": base64.b64encode(keys.blind_key).decode(),
    }


def keys_from(data: object) -> RedactionKeys:
    """The opposite of ``keys_to``; no keys where ``data`` is None.

    Raises:
        ValueError: not of that form.
    """
    if data is None:
        return RedactionKeys()
    if not isinstance(data, Mapping) or set(data) != {"hash", "blind"}:
        raise ValueError("keys are two texts")
    hash_key, blind_key = (base64.b64decode(str(data[name])) for name in ("hash", "blind"))
    return RedactionKeys(hash_key=hash_key, blind_key=blind_key)


def _object(data: object, field: str, known: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise ProfileError(field, "This is a JSON object.")
    unknown = [key for key in data if key not in known]
    if unknown:
        raise ProfileError(
            field, f"Unknown: {len(unknown)}. Known are: {', '.join(sorted(known))}."
        )
    return data


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ProfileError(
            "name", "2 to 32 small letters, digits and dashes, beginning with a letter."
        )
    return value


def _version(value: object) -> int:
    if type(value) is not int or not 1 <= value <= _MOST_VERSION:
        raise ProfileError("version", "A whole number from 1.")
    return value


def _entities(value: object) -> dict[str, EntityRule]:
    if not isinstance(value, Mapping) or len(value) > _MOST_ENTRIES:
        raise ProfileError("entities", "A JSON object of rules by kind.")
    rules: dict[str, EntityRule] = {}
    for kind, rule in value.items():
        if not isinstance(kind, str) or not KIND.fullmatch(kind):
            raise ProfileError("entities", "A kind is 2 to 40 capital letters and underscores.")
        rules[kind] = _rule(rule, f"entities.{kind}")
    return rules


def _rule(value: object, field: str) -> EntityRule:
    given = _object(value, field, frozenset({"threshold", "operator", "review"}))
    if "threshold" not in given:
        raise ProfileError(f"{field}.threshold", "This is required.")
    threshold = _share(given["threshold"], f"{field}.threshold")
    review = given.get("review")
    if review is not None:
        review = _share(review, f"{field}.review")
        if review >= threshold:
            raise ProfileError(f"{field}.review", "This lies below the threshold.")
    operator = _choice(given.get("operator", "replace"), f"{field}.operator", Operator)
    return EntityRule(threshold=threshold, operator=operator, review=review)


def _policy(value: object, section: str, words: dict[str, Any], policy: type) -> dict[str, Any]:
    """A section's fields; those with a choice of words are in ``words``, the others are scores."""
    names = frozenset(policy.__dataclass_fields__)  # type: ignore[attr-defined] # a dataclass
    given = dict(_object(value, section, names))
    for name, one in given.items():
        field = f"{section}.{name}"
        if name in words:
            _choice(one, field, words[name])
        elif one is not None or not name.endswith("_review"):
            given[name] = _share(one, field)
    if section == "image":
        low, high = given.get("face_review"), given.get("face_threshold", policy().face_threshold)
        if low is not None and low >= high:
            raise ProfileError("image.face_review", "This lies below the threshold.")
    return given


def _choice(value: object, field: str, of: Any) -> Any:
    known = get_args(of)
    if value not in known:
        raise ProfileError(field, f"Choose of: {', '.join(known)}.")
    return value


def _share(value: object, field: str) -> float:
    number = float(value) if isinstance(value, int | float) and type(value) is not bool else -1.0
    if not 0.0 < number <= 1.0:
        raise ProfileError(field, "A number above 0 and up to 1.")
    return number


def _strings(given: Mapping[str, Any], field: str, form: re.Pattern[str] | None) -> tuple[str, ...]:
    value = given.get(field, ())
    if not isinstance(value, list | tuple) or len(value) > _MOST_ENTRIES:
        raise ProfileError(field, f"A list of at most {_MOST_ENTRIES}.")
    for one in value:
        usable = isinstance(one, str) and one.strip() == one and 1 <= len(one) <= MAX_WORD_CHARS
        if not usable or not one.isprintable() or (form and not form.fullmatch(one)):
            raise ProfileError(field, "An entry is not of the expected form.")
    return tuple(dict.fromkeys(value))
