"""The OpenAPI description, completed by what holds for every address.

Problems and idempotency keys.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

_VERBS = {"get", "post", "put", "patch", "delete"}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "object",
            "description": "What is wrong, by field.",
            "additionalProperties": True,
        },
    },
}


class Schema(AutoSchema):
    """spectacular's view of a view, with the header that idempotent POSTs accept."""

    def get_override_parameters(self) -> list[Any]:
        """Parameters beside those that spectacular finds itself."""
        found = list(super().get_override_parameters())
        if self.method == "POST" and getattr(self.view, "idempotent", False):
            found.append(
                OpenApiParameter(
                    "Idempotency-Key",
                    str,
                    OpenApiParameter.HEADER,
                    description="For 24 hours, repeats under the same key are done once.",
                )
            )
        return found


def add_problems(result: dict[str, Any], generator: Any, **kwargs: Any) -> dict[str, Any]:
    """``result`` with the problem documents that each operation may answer with."""
    result["components"].setdefault("schemas", {})["Problem"] = _PROBLEM
    for path, operations in result["paths"].items():
        for verb, operation in operations.items():
            if verb in _VERBS:
                for code, text in _problems(path, verb, operation).items():
                    operation["responses"].setdefault(code, _response(text))
    return result


def _problems(path: str, verb: str, operation: dict[str, Any]) -> dict[str, str]:
    found = {
        "429": "Too many requests.",
        "500": "The request failed.",
        "503": "A part does not answer right now.",
    }
    if path.endswith("/auth/token/"):
        found["401"] = "The name or the password is wrong."
    if operation.get("security"):
        found |= {"401": "No valid token or session.", "403": "Readable, but this is not allowed."}
    if "requestBody" in operation:
        found |= {"413": "Too large.", "415": "Not a content type that this address takes."}
    if "requestBody" in operation or operation.get("parameters"):
        found["400"] = "Some of what was sent is not valid."
    if "{" in path or any(one["name"] == "page" for one in operation.get("parameters", [])):
        found["404"] = "Not there, or not for the caller to see."
    if verb in {"post", "patch", "delete"}:
        found["409"] = "Does not fit the present state, or the Idempotency-Key was used otherwise."
    return found


def _response(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": text, "content": {"application/problem+json": {"schema": schema}}}
