"""What goes into logs when something breaks: kinds of errors and lines of code, no messages.

An exception's message may hold what somebody typed or stored: ``invalid literal for int(): '…'``.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

_FRAMES = 6
_PLAIN_SPEAKERS = frozenset({"celery", "kombu", "amqp", "granian", "_granian"})
_REDIRECTED = frozenset({"celery.redirected"})  # whatever anything in a worker prints


def where(error: BaseException | None, trace: TracebackType | None = None) -> dict[str, Any]:
    """The error's type and the lines it went through, without its message."""
    found = trace if error is None else error.__traceback__ or trace
    lines = traceback.extract_tb(found)[-_FRAMES:]
    return {
        "error": type(error).__name__ if error is not None else "",
        "at": [f"{Path(frame.filename).name}:{frame.lineno}" for frame in lines],
    }


def without_messages(
    _logger: Any, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: an exception that comes with an event loses its message."""
    told = event.pop("exc_info", None)
    event.pop("stack_info", None)
    event.pop("exception", None)
    error = told[1] if isinstance(told, tuple) else told
    if told is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event.update(where(error))
    return event


def names_for_strangers(
    _logger: Any, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A processor for other libraries' messages: of most only who speaks, as they may quote input.

    The queue's and the web server's own are kept, which name addresses and ids.
    """
    record = event.get("_record")
    if record is not None:
        spoke = record.name
        if spoke.partition(".")[0] not in _PLAIN_SPEAKERS or spoke in _REDIRECTED:
            event["event"] = spoke
    return event


def hook_all() -> None:
    """Errors that nobody catches, in any thread, are told without their messages from now on."""
    logger = structlog.get_logger("vitrine.process")

    def uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        logger.critical("uncaught", **where(error, trace))

    def in_thread(told: threading.ExceptHookArgs) -> None:
        logger.critical("uncaught_in_thread", **where(told.exc_value, told.exc_traceback))

    def unraisable(told: Any) -> None:
        logger.error("unraisable", **where(told.exc_value, told.exc_traceback))

    sys.excepthook = uncaught
    threading.excepthook = in_thread
    sys.unraisablehook = unraisable
