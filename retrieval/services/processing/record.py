"""A record of processing activities, point by point as GDPR Art. 30(1) lists them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings

from audit.processing import controller_lines, details_now, lines_of, missing_details
from retrieval.services.processing.facts import PURPOSES, CollectionFacts, Facts
from retrieval.services.processing.measures import Measure

FORMAT = "vitrine-processing-record/1"
_PURPOSES = {"search": "search", "training": "training", "raw_access": "seeing originals"}


def record_body(facts: Facts, measures: list[Measure]) -> dict[str, Any]:
    """The record, of JSON types only; ``missing`` names what is due and not there."""
    said = details_now()
    return {
        "format": FORMAT,
        "made_at": facts.at.isoformat(),
        "controller": {
            **controller_lines(),
            "joint_controllers": lines_of(said["joint_controllers"]),
        },
        "purposes": {
            "said": lines_of(said["purposes"]),
            "configured": [_purposes(one) for one in facts.collections],
        },
        "categories_of_subjects": lines_of(said["subject_categories"]),
        "categories_of_data": {
            "said": lines_of(said["data_categories"]),
            "held": dict(sorted(facts.holdings.by("modality").items())),
            "taken_out_of_it": dict(facts.found.most_common()),
            "special_categories_in": [one.name for one in facts.collections if one.special],
        },
        "recipients": {
            "said": lines_of(said["recipients"]),
            "inside": [_people(one) for one in facts.collections],
            "governors": facts.governors,
            "operators": facts.operators,
        },
        "transfers": {"said": lines_of(said["transfers"]), "by_the_appliance": transfers()},
        "time_limits": {
            "collections": [_limits(one) for one in facts.collections],
            "others": dict(facts.periods),
        },
        "security": {
            "measures": [asdict(one) for one in measures],
            "outside": lines_of(said["other_security"]),
        },
        "missing": missing(facts),
    }


def missing(facts: Facts) -> list[dict[str, str]]:
    """What is due by Art. 30(1) and neither said nor configured."""
    found = [asdict(one) for one in missing_details()]
    for one in facts.collections:
        found += [
            {
                "article": "6",
                "what": f"Legal basis of “{one.name}” for {_PURPOSES[purpose]}",
                "where": "console: the collection's purposes",
            }
            for purpose in one.without_basis
        ]
        if one.policy is None:
            found.append(
                {
                    "article": "30(1)(f)",
                    "what": f"Time limits of “{one.name}”",
                    "where": "console: the collection's retention policy",
                }
            )
    return found


def transfers() -> list[str]:
    """What leaves this machine by configuration: the appliance itself sends no content anywhere."""
    lines = ["None: everything runs on this machine, and nothing connects outward by itself."]
    if settings.EMAIL_HOST:
        lines.append("Warnings, by counts and names of collections, go to a mail server.")
    outside = [one for one in settings.VITRINE_CHECKPOINT_SINKS if one.kind != "directory"]
    if outside:
        lines.append(f"Checkpoints of the ledger, hashes alone, go to {len(outside)} places.")
    return lines


def _purposes(one: CollectionFacts) -> dict[str, Any]:
    return {
        "collection": one.name,
        **{
            purpose: {
                "consent": (one.purposes.get(purpose) or {}).get("consent", "not_required"),
                "legal_basis": (one.purposes.get(purpose) or {}).get("legal_basis", ""),
                "art9_condition": (one.purposes.get(purpose) or {}).get("art9_condition", ""),
            }
            for purpose in PURPOSES
        },
    }


def _people(one: CollectionFacts) -> dict[str, Any]:
    return {
        "collection": one.name,
        "people_by_role": dict(sorted(one.people.items())),
        "may_see_originals": one.originals,
    }


def _limits(one: CollectionFacts) -> dict[str, Any]:
    return {
        "collection": one.name,
        "policy": one.policy.name if one.policy else None,
        "rules": [dict(rule) for rule in one.policy.rules] if one.policy else [],
    }
