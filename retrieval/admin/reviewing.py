"""What the console shows of one review: findings in words, and what its scripts draw."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse

from retrieval.redaction.amending import DRAWN
from retrieval.review_models import Review
from retrieval.selectors.reviews import Decision, ReviewView
from retrieval.templatetags.web import clock

_HEADINGS = {
    "redaction-incomplete": "Something was left in",
    "low-confidence": "The machine was not sure",
    "language-unsupported": "In a language it cannot read well",
    "picture-unreadable": "Writing that could not be read",
    "drawn-before": "Redacted anew since you drew on it",
}
_NOUNS = {"text": "Text", "image": "Picture", "audio": "Sound"}
_WORDS = {
    Decision.ACCEPT: ("Accept it as it is", "What was found is a false alarm, or may stay."),
    Decision.REDACT: ("Take out what is marked", "The rest of what was found may stay."),
    Decision.REJECT: ("Reject the asset", "Final: nothing of it is shown or found any more."),
    Decision.RETRY: ("Run it again from the original", "After a change of profile, for example."),
}
_KEYS = {Decision.ACCEPT: "a", Decision.REDACT: "t", Decision.REJECT: "r", Decision.RETRY: "g"}


@dataclass(frozen=True)
class ShownFinding:
    """One finding in words; ``sure`` in whole percent; ``place`` as the modality tells places."""

    number: int
    kind: str
    sure: int
    recognizer: str
    place: str


@dataclass(frozen=True)
class ShownOption:
    """One decision with its key on the keyboard."""

    value: str
    label: str
    note: str
    why_not: str
    key: str


@dataclass(frozen=True)
class ShownReview:
    """One review, ready for its page; ``data`` is for the scripts, as JSON."""

    heading: str
    what: str
    doubts: list[ShownFinding]
    findings: list[ShownFinding]
    counts: list[tuple[str, int]]
    options: list[ShownOption]
    next_url: str
    data: dict[str, Any]


def shown(view: ReviewView, *, following: UUID | None) -> ShownReview:
    """The review as its page shows it."""
    review, asset = view.review, view.asset
    return ShownReview(
        heading=_HEADINGS.get(review.reason, "Waiting for a decision"),
        what=_NOUNS.get(asset.modality, asset.modality.capitalize() or "File"),
        doubts=[_finding(number, one) for number, one in enumerate(view.doubts, 1)],
        findings=[_finding(number, one) for number, one in enumerate(view.findings, 1)],
        counts=sorted(Counter(str(one["kind"]) for one in view.findings).items()),
        options=[
            ShownOption(option.decision, *_WORDS[option.decision], option.why_not, key)
            for option in view.options
            for key in _KEYS[option.decision]
        ],
        next_url=reverse("admin:retrieval_review_change", args=[following]) if following else "",
        data={
            "modality": asset.modality,
            "width": asset.width,
            "height": asset.height,
            "duration_ms": asset.duration_ms,
            "open": review.state == Review.State.OPEN,
            "preview": reverse("review-preview", args=[review.pk]) if view.has_preview else "",
            "uncovered": reverse("review-uncovered", args=[review.pk]),
            "doubts": view.doubts,
            "findings": _in_the_preview(view),
            "regions": list(review.regions),
        },
    )


def _in_the_preview(view: ReviewView) -> list[dict[str, Any]]:
    """Findings whose places are those of the preview: characters count in the original."""
    if view.asset.modality == "text":
        return []
    return [one for one in view.findings if _placed(one)]


def _placed(finding: dict[str, Any]) -> bool:
    return bool(
        finding.get("box")
        or "start_ms" in finding
        or finding.get("end", 0) > finding.get("start", 0)
    )


def _finding(number: int, finding: dict[str, Any]) -> ShownFinding:
    return ShownFinding(
        number=number,
        kind=str(finding["kind"]),
        sure=round(100 * float(finding["score"])),
        recognizer=str(finding["recognizer"]),
        place=_place(finding),
    )


def _place(finding: dict[str, Any]) -> str:
    page = f"page {finding['page']}, " if finding.get("page") else ""
    if finding.get("box"):
        x, y, width, height = finding["box"]
        return f"{page}{width} by {height} pixels at {x}, {y}"
    if "start_ms" in finding:
        return f"{clock(finding['start_ms'])} to {clock(finding['end_ms'])}"
    if not _placed(finding):
        return "drawn by hand before" if finding["kind"] == DRAWN else "beside the content"
    return f"{page}characters {finding['start']} to {finding['end']}"
