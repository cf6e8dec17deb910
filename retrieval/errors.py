"""What can go wrong in retrieval.

``status`` is the HTTP status a view answers with; ``transient`` says whether trying again helps.
"""

from __future__ import annotations


class RetrievalError(Exception):
    """Base of this room's errors. Messages carry ids and shapes, never content."""

    status = 500
    title = "Something went wrong"
    transient = False

    def __init__(self, detail: str = "", *, fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields or {}


class NotVisible(RetrievalError):
    """It does not exist, or the caller may not know that it does. Both answer alike."""

    status = 404
    title = "Not found"


class NotAllowed(RetrievalError):
    """The caller may see it, but not do this."""

    status = 403
    title = "Not allowed"


class Invalid(RetrievalError):
    """The request cannot be understood or asks for something impossible."""

    status = 400
    title = "Invalid request"


class Conflict(RetrievalError):
    """The request does not fit the present state."""

    status = 409
    title = "Conflict"


class Gone(RetrievalError):
    """It was here and has been destroyed, as the retention policy says."""

    status = 410
    title = "Gone"


class TooLarge(RetrievalError):
    """More bytes than this appliance accepts."""

    status = 413
    title = "Too large"


class Unprocessable(RetrievalError):
    """The content was understood as a file, but cannot be used."""

    status = 422
    title = "The file cannot be used"


class TooMany(RetrievalError):
    """More often than anybody does this by hand; it is welcome again in a while."""

    status = 429
    title = "Too many requests"
    transient = True
    retry_after_seconds = 60


class Unavailable(RetrievalError):
    """A part of the appliance does not answer right now; nothing was let through."""

    status = 503
    title = "Not available right now"
    transient = True
