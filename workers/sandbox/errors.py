"""Errors of the sandbox: `DecodeError` about a file, `SandboxUnavailable` about the sandbox."""

from __future__ import annotations

from workers.sandbox.types import Disposition


class SandboxError(Exception):
    """Root of this package's errors. `transient` says whether trying again can help."""

    transient: bool = False


class DecodeError(SandboxError):
    """The file cannot be taken.

    `code` is stable and for programs, `reason` is one sentence for people and never holds content
    or a file name, `disposition` says whether a human may help (quarantined) or not (rejected).
    """

    def __init__(self, code: str, reason: str, disposition: Disposition) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason
        self.disposition = disposition


class SandboxUnavailable(SandboxError):
    """The sandbox does not run: walls cannot be built here, or its process died repeatedly."""

    transient = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
