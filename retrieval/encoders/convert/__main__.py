"""``python -m retrieval.encoders.convert``: a request on standard input, the outcome on output."""

from __future__ import annotations

import json
import os
import sys

from retrieval.encoders.convert.run import convert, request_from
from retrieval.encoders.errors import BundleError


def main() -> int:
    """Converts what is asked; answers ``{"code", "reason"}``, both empty when all went well."""
    answer = os.dup(1)
    os.dup2(2, 1)
    code = reason = ""
    try:
        convert(request_from(json.load(sys.stdin)))
    except BundleError as error:
        code, reason = error.code, error.reason
    except OSError as error:
        code, reason = "file", f"A file cannot be read or written: {error.strerror}."
    os.write(answer, json.dumps({"code": code, "reason": reason}).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
