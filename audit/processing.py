"""What the organisation says of itself for its record of processing activities (GDPR Art. 30).

No configuration tells who the controller is. What is not said is listed as missing wherever it is
due; nothing is filled in on anybody's behalf.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from audit import ledger
from audit.errors import AuditError
from audit.processing_models import ProcessingDetails

MOST_CHARACTERS: Final = 4000


class ProcessingInvalid(AuditError):
    """Details that cannot be meant so; ``fields`` says where."""

    status = 400


@dataclass(frozen=True)
class Field:
    """One thing to be said. ``article`` is where the GDPR asks for it; ``due``: it must be said."""

    name: str
    label: str
    article: str
    due: bool = True
    lines: bool = False
    help: str = ""


FIELDS: Final = (
    Field("controller_name", "Controller", "30(1)(a)", help="The organisation's full name."),
    Field("controller_address", "Address of the controller", "30(1)(a)", lines=True),
    Field("controller_contact", "Contact of the controller", "30(1)(a)"),
    Field("joint_controllers", "Joint controllers", "30(1)(a)", due=False, lines=True),
    Field("representative", "Representative in the Union", "30(1)(a)", due=False),
    Field("dpo_name", "Data protection officer", "30(1)(a)"),
    Field("dpo_contact", "Contact of the data protection officer", "30(1)(a)"),
    Field(
        "purposes",
        "What the holdings are searched and used for",
        "30(1)(b)",
        lines=True,
        help="In the organisation's own words, one purpose a line.",
    ),
    Field(
        "subject_categories",
        "Whom the holdings are about",
        "30(1)(c)",
        lines=True,
        help="One category of people a line, e.g. employees, visitors.",
    ),
    Field("data_categories", "Which data on them", "30(1)(c)", lines=True),
    Field(
        "recipients",
        "Recipients outside the teams that have access",
        "30(1)(d)",
        lines=True,
        help="One a line; “none” if there are none.",
    ),
    Field(
        "transfers",
        "Transfers to third countries",
        "30(1)(e)",
        lines=True,
        help="The appliance makes none. “none”, or what the organisation does with what it takes"
        " out, with the safeguards.",
    ),
    Field(
        "necessity", "Why this processing is necessary and proportionate", "35(7)(b)", lines=True
    ),
    Field(
        "views_of_subjects",
        "Views of data subjects or their representatives",
        "35(9)",
        due=False,
        lines=True,
    ),
    Field("other_security", "Security measures outside this appliance", "32", False, lines=True),
)
_CONTROLLER: Final = (
    "controller_name",
    "controller_address",
    "controller_contact",
    "representative",
    "dpo_name",
    "dpo_contact",
)
_NAMES: Final = frozenset(field.name for field in FIELDS)


@dataclass(frozen=True)
class Missing:
    """Something due that nobody has said or configured, and where to."""

    article: str
    what: str
    where: str


def details_now() -> dict[str, str]:
    """What was last said, every field present; empty where nothing was. One query."""
    latest = ProcessingDetails.objects.order_by("-at").values_list("body", flat=True).first() or {}
    return {field.name: str(latest.get(field.name, "")) for field in FIELDS}


@transaction.atomic
def details_save(*, by: UUID | None, changes: Mapping[str, str]) -> dict[str, str]:
    """What is said from now on; what ``changes`` does not name stays. Recorded.

    The ledger learns which fields changed, not what stands in them: there are people's names.

    Raises:
        ProcessingInvalid: a field nobody knows, or too much in one.
    """
    unknown = set(changes) - _NAMES
    wrong = {
        name: [f"At most {MOST_CHARACTERS} characters."]
        for name, text in changes.items()
        if len(text) > MOST_CHARACTERS
    }
    if unknown or wrong:
        raise ProcessingInvalid("The details cannot be recorded so.", fields=wrong)
    before = details_now()
    after = before | {name: _tidy(text) for name, text in changes.items()}
    changed = sorted(name for name in _NAMES if before[name] != after[name])
    if changed:
        ProcessingDetails.objects.create(body=after, by=by)
        ledger.record(
            event="audit:processing:describe", actor=by, refs={}, payload={"fields": changed}
        )
    return after


def missing_details() -> list[Missing]:
    """What is due and was not said. One query."""
    said = details_now()
    return [
        Missing(field.article, field.label, "console: processing")
        for field in FIELDS
        if field.due and not said[field.name]
    ]


def controller_lines() -> dict[str, str]:
    """Who answers for the processing and whom to ask, as far as it was said. One query."""
    said = details_now()
    return {name: said[name] for name in _CONTROLLER}


def lines_of(text: str) -> list[str]:
    """What stands on each line that says anything."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def readable_json(document: Mapping[str, Any]) -> str:
    """A document as a file that people open: indented, as it is signed otherwise."""
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").strip().split("\n"))
