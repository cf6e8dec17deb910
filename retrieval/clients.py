"""The clients of the model and redaction servers, one of each a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings

from retrieval.encoders.client import ModelClient
from retrieval.redaction.client import RedactionClient

_overrides: dict[str, object] = {}


@cache
def _redaction() -> RedactionClient:
    return RedactionClient(settings.PATHS.redaction_socket)


@cache
def _models() -> ModelClient:
    return ModelClient(settings.PATHS.model_socket)


def redaction() -> RedactionClient:
    """The client of the redaction server; nothing is connected before its first call."""
    return _overrides.get("redaction") or _redaction()  # type: ignore[return-value]  # tests put fakes here


def models() -> ModelClient:
    """The client of the model server; nothing is connected before its first call."""
    return _overrides.get("models") or _models()  # type: ignore[return-value]  # tests put fakes here


@contextmanager
def override(*, redaction: object = None, models: object = None) -> Iterator[None]:
    """Others in place of the clients, in all threads: fakes in tests, paced ones in a command."""
    before = dict(_overrides)
    _overrides.update(
        {k: v for k, v in {"redaction": redaction, "models": models}.items() if v is not None}
    )
    try:
        yield
    finally:
        _overrides.clear()
        _overrides.update(before)
