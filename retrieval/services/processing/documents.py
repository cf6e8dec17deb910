"""The two documents, signed, and as pages that open anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from django.template.loader import render_to_string

from accounts.models import User
from accounts.trail import actor_id
from audit import signing
from audit.processing import details_save
from retrieval import scope
from retrieval.errors import Invalid, NotAllowed
from retrieval.services.processing.assessment import assessment_body
from retrieval.services.processing.facts import facts_gather
from retrieval.services.processing.findings import findings_open
from retrieval.services.processing.measures import measures_now
from retrieval.services.processing.record import record_body

KINDS: Final = ("record", "dpia")
_PURPOSE: Final = {"record": "processing-record", "dpia": "processing-dpia"}


def processing_document(*, by: User | None, kind: str) -> dict[str, Any]:
    """A record of processing (``record``) or inputs to an impact assessment (``dpia``), signed.

    ``by`` is None on the command line.

    Raises:
        NotAllowed: ``by`` is no governor. Invalid: there is no such document.
    """
    _governor(by)
    if kind not in KINDS:
        raise Invalid("There is a record and there is a dpia.")
    with scope.system():
        facts, measures = facts_gather(), measures_now()
        found = findings_open(facts, measures)
        if kind == "record":
            body = record_body(facts, measures)
        else:
            body = assessment_body(facts, measures, found)
        body["open_findings"] = [asdict(one) for one in found]
        return signing.signed(_PURPOSE[kind], body)


def processing_describe(*, by: User, changes: Mapping[str, str]) -> dict[str, str]:
    """What the organisation says of itself from now on; see ``audit.processing``.

    Raises:
        NotAllowed: ``by`` is no governor. audit.processing.ProcessingInvalid: as it says.
    """
    _governor(by)
    return details_save(by=actor_id(by), changes=changes)


def as_html(document: Mapping[str, Any], *, kind: str) -> str:
    """The document as one page without anything from elsewhere."""
    return render_to_string(f"processing/{kind}.html", {"it": document})


def _governor(by: User | None) -> None:
    if by is not None and not (by.is_active and by.is_governor):
        raise NotAllowed("Records of processing are for governors.")
