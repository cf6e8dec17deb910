"""What is wrong with a bundle."""

from __future__ import annotations


class BundleError(Exception):
    """A bundle that must not be used; ``reason`` is a plain sentence, ``code`` is for programs."""

    permanent = True

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
