"""Where profiles are looked up by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.redaction.errors import UnknownProfileError
from retrieval.redaction.profiles import SHIPPED

if TYPE_CHECKING:
    from retrieval.redaction.base import Profile


def profile_names() -> tuple[str, ...]:
    """Names of the registered profiles, strictest first."""
    return tuple(profile.name for profile in SHIPPED)


def get_profile(name: str) -> Profile:
    """The newest version of the profile called ``name``.

    Raises:
        UnknownProfileError: nobody registered it; callers must not fall back to a laxer one.
    """
    for profile in SHIPPED:
        if profile.name == name:
            return profile
    raise UnknownProfileError("no redaction profile of that name")
