"""Values as exports write them: CSV that no spreadsheet takes for a formula, and JSON lines. Pure.

A cell that begins with one of the characters below is read as a formula by spreadsheets; an
apostrophe before it makes them read text: https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from django.utils.html import strip_tags
from django.utils.safestring import SafeString

FORMATS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_FORMULA = re.compile(r"^[\s'\"]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")


def plain(value: object) -> object:  # noqa: PLR0911 - one a kind of value
    """``value`` as JSON can hold it: times in ISO 8601, markup as its words."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, SafeString):
        return html.unescape(strip_tags(value)).strip()
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, Iterable):
        return [plain(one) for one in value]
    return str(value)


def csv_cell(value: object) -> str:
    """``value`` as one cell of CSV. Numbers stay numbers, negative ones too."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if _FORMULA.match(text) else text


def lines(
    kind: str, head: Sequence[str], rows: Iterable[Sequence[object]], *, first: bool
) -> bytes:
    """``rows`` as text of ``kind``; in CSV with the heads before them if they are the ``first``."""
    if kind == "jsonl":
        said = (dict(zip(head, (plain(one) for one in row), strict=True)) for row in rows)
        return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in said).encode()
    out = io.StringIO()
    writer = csv.writer(out)
    if first:
        writer.writerow([csv_cell(name) for name in head])
    writer.writerows([csv_cell(one) for one in row] for row in rows)
    return out.getvalue().encode()
