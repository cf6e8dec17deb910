"""How the page of a record spells what made a hit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template

register = template.Library()

_METHODS = {
    "occlusion": "by taking parts out and comparing again",
    "gradient": "by following what each part adds",
    "literal": "by the words as they are written",
}
_ROUTES = {
    "exact": "compared with every one permitted",
    "hnsw": "found over an index",
    "fallback": "compared with every one permitted, after the index gave too few",
    "words": "found by its words",
}


@register.filter
def points(share: float | None) -> str:
    """A share of 0 to 1 as 0 to 100 with a point, for places in a drawing."""
    return f"{100 * max(0.0, min(float(share or 0.0), 1.0)):.1f}"


@register.filter
def method(name: str) -> str:
    """How a map was made, in words."""
    return _METHODS.get(name, name)


@register.filter
def route(name: str | None) -> str:
    """How a hit's rows were reached, in words."""
    return _ROUTES.get(name or "", name or "")


@register.filter
def moment(written: str | None) -> datetime | None:
    """An ISO time of a record, for Django's ``date``."""
    return datetime.fromisoformat(written) if written else None


@register.filter
def since(version: str | None) -> str:
    """The day part of a data version (``digest@time``)."""
    return (version or "").partition("@")[2][:10]


@register.filter
def decided(signals: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The signal that a hit's confidence is of."""
    return next((one for one in signals if one.get("decided")), signals[0] if signals else {})


@register.filter
def lookup_object(found: Mapping[str, Any], key: object) -> Any:
    """``found[key]``, or None."""
    return found.get(str(key))


@register.filter
def facts(source: Mapping[str, Any]) -> list[str]:
    """What a confidence was computed from, flat: ``features: mean 0.1, peak 2.3``."""
    found: list[str] = []
    for name, value in source.items():
        many = isinstance(value, list) and value and _nested(value[0])
        found += [_flat(one) for one in value] if many else [f"{name}: {_flat(value)}"]
    return found


def _nested(value: object) -> bool:
    return isinstance(value, Mapping)


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        parts = (f"{name} {_flat(one)}" for name, one in value.items() if one not in (None, ""))
        return ", ".join(parts)
    if isinstance(value, list):
        return ", ".join(_flat(one) for one in value)
    return str(value)
