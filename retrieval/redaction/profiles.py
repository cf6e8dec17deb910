"""The profiles that ship: strict, standard, open. A change of any rule is a new version.

Thresholds are on Presidio's scale: 1.0 where a checksum holds, 0.4 and above where a pattern is
specific or a context word stands near, 0.1 to 0.3 for a bare pattern that other numbers fit too.
"""

from __future__ import annotations

from typing import Final

from retrieval.redaction import kinds as k
from retrieval.redaction.base import AudioPolicy, EntityRule, ImagePolicy, Profile

# The threshold of most kinds: specific patterns, and weak ones beside a context word. Presidio
# scores every phone number 0.4.
_USUAL: Final = 0.4
# Weak patterns of medium strength count even alone.
_EAGER: Final = 0.3
# Below the usual threshold, but worth a steward's look.
_REVIEW: Final = 0.25


def _rules(
    threshold: float, *groups: k.KindGroup, review: float | None = None
) -> dict[str, EntityRule]:
    rule = EntityRule(threshold=threshold, review=review)
    return {kind: rule for group in groups for kind in group.kinds}


_IDENTIFYING: Final = (
    k.NAMES,
    k.BELIEFS,
    k.ADDRESSES,
    k.BIRTH,
    k.CONTACT,
    k.NETWORK,
    k.PAYMENT,
    k.GOVERNMENT,
    k.HEALTH,
    k.PLATES,
    k.SECRETS,
)

STRICT: Final = Profile(
    name="strict",
    version=2,
    entities={
        **_rules(_EAGER, *_IDENTIFYING, k.PLACES, k.ORGANISATIONS, k.TITLES, k.DATES, k.AGES),
        # A full British postcode stands for some fifteen addresses.
        "UK_POSTCODE": EntityRule(threshold=0.1),
        "UUID": EntityRule(threshold=_USUAL),
        "URL": EntityRule(threshold=0.5),
    },
    image=ImagePolicy(face_threshold=0.3),
    audio=AudioPolicy(speech="mute_speech", speech_threshold=0.35),
)

STANDARD: Final = Profile(
    name="standard",
    version=2,
    entities={
        **_rules(_USUAL, *_IDENTIFYING, review=_REVIEW),
        # Addresses that carry a password or a token; others are kept.
        "URL": EntityRule(threshold=0.85),
    },
    image=ImagePolicy(face_review=0.3),
)

OPEN: Final = Profile(
    name="open",
    version=3,
    passes=frozenset({"*"}),
    languages=("*",),
    # For collections meant to be read widely (a photo library): contact details, faces and voices
    # stay, what can be abused at once goes.
    entities={
        **_rules(0.5, k.PAYMENT, k.GOVERNMENT, k.SECRETS),
        "URL": EntityRule(threshold=0.85),
    },
    image=ImagePolicy(faces="keep", codes="keep"),
    audio=AudioPolicy(speech="keep"),
)

SHIPPED: Final = (STRICT, STANDARD, OPEN)
