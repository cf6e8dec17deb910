"""Bodies of requests.

A JSON object of plain strings and finite numbers, of bounded size, or a clear refusal.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from accounts.errors import TooLarge

_MAX_DEPTH = 32


class JSONParser(BaseParser):
    """JSON objects only.

    What Postgres or JSON cannot hold again (NUL, lone surrogates, infinity) is refused here.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The object in the body.

        Raises:
            ParseError: not UTF-8, not JSON, not an object, nested too deeply, or with impossible
            characters. TooLarge: longer than ``DATA_UPLOAD_MAX_MEMORY_SIZE``.
        """
        limit = int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"The body may be at most {limit} bytes long.")
        try:
            data = json.loads(body.decode("utf-8"), parse_constant=_refuse)
            check(data)
        except (ValueError, RecursionError):
            raise ParseError from None
        if not isinstance(data, dict):
            raise ParseError
        return data


def check(value: object, depth: int = 0) -> None:
    """Nothing, if ``value`` can be stored and sent again as JSON.

    Raises:
        ValueError: a NUL or a lone surrogate in a string, a number that is not finite, or too many
        levels.
    """
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("NUL in a string")
        value.encode("utf-8")  # raises UnicodeEncodeError, a ValueError, for a lone surrogate
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("number out of range")
    elif isinstance(value, dict):
        for key, item in value.items():
            check(key, depth + 1)
            check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check(item, depth + 1)


def _refuse(constant: str) -> None:
    raise ValueError("not JSON")
