"""Addresses of lists behind numbers, and sizes in words."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Model
from django.urls import NoReverseMatch, reverse

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")


def list_of(model: type[Model], **filters: Any) -> str:
    """The list of ``model`` with these filters; empty where the console has no such list."""
    meta = model._meta  # noqa: SLF001 - Django's own way to name a model
    asked = {name: str(value) for name, value in filters.items()}
    try:
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist", query=asked or None)
    except NoReverseMatch:
        return ""


def page_of(name: str, *args: Any) -> str:
    """The console's page of this name; empty where there is none."""
    try:
        return reverse(f"admin:{name}", args=args)
    except NoReverseMatch:
        return ""


def size_in_words(size_bytes: float) -> str:
    """``12.3 MiB``."""
    size = float(size_bytes)
    for unit in _UNITS:
        if size < 1024 or unit == _UNITS[-1]:  # noqa: PLR2004 - 2**10, as the units say
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1024
    raise AssertionError
