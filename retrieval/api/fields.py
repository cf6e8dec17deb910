"""Fields that serializers of this room share."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.parsers import check


@extend_schema_field({"type": "object", "additionalProperties": True})
class ObjectField(serializers.Field[Any, Any, Any, Any]):
    """A JSON object; in a form, its text."""

    default_error_messages = {"invalid": "This is not a JSON object that can be stored."}

    def to_internal_value(self, data: object) -> dict[str, Any]:
        """The object, without what Postgres cannot store."""
        try:
            value = json.loads(data) if isinstance(data, str) else data
            check(value)
        except (ValueError, RecursionError):
            self.fail("invalid")
        if not isinstance(value, dict):
            self.fail("invalid")
        return value

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        """The object as it is."""
        return value


class IdField(serializers.UUIDField):
    """An id as text. A number is none, though ``UUID`` would take one."""

    def to_internal_value(self, data: Any) -> UUID:
        """The id."""
        if not isinstance(data, str | UUID):
            self.fail("invalid", value=data)
        found: UUID = super().to_internal_value(data)
        return found
