"""Where the shipped profiles are looked up by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.redaction.errors import UnknownProfileError
from retrieval.redaction.profiles import SHIPPED

if TYPE_CHECKING:
    from retrieval.redaction.base import Profile


def profile_names() -> tuple[str, ...]:
    """Names of the registered profiles, strictest first."""
    return tuple(profile.name for profile in SHIPPED)


def shipped(name: str) -> Profile | None:
    """The newest shipped profile called ``name``, if there is one."""
    return next((profile for profile in SHIPPED if profile.name == name), None)


def get_profile(name: str) -> Profile:
    """The newest version of the shipped profile called ``name``.

    Raises:
        UnknownProfileError: nobody registered it; callers must not fall back to a laxer one.
    """
    profile = shipped(name)
    if profile is None:
        raise UnknownProfileError("no redaction profile of that name")
    return profile
