"""How the pages spell numbers and names."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from retrieval.excerpts import excerpt

register = template.Library()

# What has no placeholder in a text, in words; the others are named as their placeholders are.
_KINDS = {
    "VOICE": "voices (muted)",
    "FACE": "faces (covered)",
    "CODE": "QR or bar codes (covered)",
    "PLATE": "licence plates (covered)",
    "UNREADABLE": "writing that cannot be read (covered)",
    "DRAWN": "marked by a steward",
}
_THINGS = {"text": "document", "image": "picture", "audio": "sound"}
# A confidence in words, from this much on.
_LIKELY = ((0.9, "very likely right"), (0.7, "likely right"), (0.4, "may be right"))
_NOUNS = {"text": "words", "image": "picture", "audio": "sound"}


@register.filter
def percent(probability: float) -> str:
    """A probability in [0, 1] as whole percent; never a rounded-up certainty."""
    value = max(0.0, min(float(probability), 1.0)) * 100
    if value > 99:  # noqa: PLR2004 - percent
        return "over 99 %"
    return f"{value:.0f} %" if value >= 1 else "under 1 %"


@register.filter
def share(counted: float) -> str:
    """A share of what was counted, as whole percent: 0 % and 100 % are what they say."""
    return f"{float(counted) * 100:.0f} %"


@register.filter
def decimal(value: float) -> str:
    """A number with a point, whatever the locale, for HTML attributes."""
    return f"{float(value):.3f}"


@register.filter
def seconds(milliseconds: int) -> str:
    """Milliseconds as seconds with one decimal, for media fragments."""
    return f"{milliseconds / 1000:.1f}"


@register.filter
def clock(milliseconds: int | None) -> str:
    """Milliseconds as ``m:ss``."""
    minutes, rest = divmod(int(milliseconds or 0) // 1000, 60)
    return f"{minutes}:{rest:02d}"


@register.filter
def noun(modality: str) -> str:
    """What a person calls a modality: words, picture, sound."""
    return _NOUNS.get(modality, modality)


@register.filter
def thing(modality: str) -> str:
    """What an asset of a modality is called: document, picture, sound."""
    return _THINGS.get(modality, "asset")


@register.filter
def likely(probability: float, verdict: str = "") -> str:
    """A confidence in words; where many things may fit, a match is seldom sure to be the one."""
    rest = "one of what may fit" if verdict == "match" else "probably not right"
    return next((words for least, words in _LIKELY if probability >= least), rest)


@register.filter
def marked(text: str, asked: str) -> SafeString:
    """The part of a hit's text around the first of the words asked for, all of them marked."""
    return format_html_join(
        "",
        "{}",
        (
            (format_html("<mark>{}</mark>", part) if hit else part,)
            for part, hit in excerpt(text, asked)
        ),
    )


@register.filter
def kind(found: object) -> str:
    """The kind of a redaction, whether it comes as a name or with its count."""
    name = str(found.get("kind", "")) if isinstance(found, Mapping) else str(found)
    return _KINDS.get(name, name)


@register.filter
def lookup(names: Mapping[str, str], key: object) -> str:
    """``names[key]``, or nothing."""
    return names.get(str(key), "")
