"""The stand-alone verifier: shipped as a file, imported by nothing here."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FILE_NAME: Final = "vitrine_verify.py"


def source() -> str:
    """The verifier's text, to be handed to an auditor. Reads a file."""
    return Path(__file__).with_name(FILE_NAME).read_text(encoding="utf-8")
