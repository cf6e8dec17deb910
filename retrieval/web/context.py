from __future__ import annotations

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from retrieval import access


def console(request: HttpRequest) -> dict[str, object]:
    """``may_enter_console``: whether to link to the console; asked only if a template looks."""
    return {
        "may_enter_console": SimpleLazyObject(lambda: access.may_enter_console(user=request.user))
    }
