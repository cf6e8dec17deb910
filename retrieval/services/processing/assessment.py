"""Inputs to a data-protection impact assessment, as GDPR Art. 35(7) lists them.

Inputs, not the assessment: whether the processing is proportionate and a risk is borne, people
decide. Each risk is told with the measures that meet it, whether they are in force, and the figures
that are stored on this appliance; where there are none, that is said.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from audit.models import LedgerEntry, SearchRecord
from audit.processing import controller_lines, details_now, lines_of, missing_details
from audit.subject_models import ConsentRecord, DataSubject
from retrieval.models import EvaluationRun
from retrieval.redaction.errors import UnknownProfileError
from retrieval.redaction.profile_words import measured
from retrieval.selectors.profiles import profile_named
from retrieval.services.processing.facts import Facts
from retrieval.services.processing.findings import Finding
from retrieval.services.processing.measures import Measure
from retrieval.services.processing.record import transfers

FORMAT = "vitrine-processing-dpia/1"
_MOST_RUNS: Final = 50
_FLOW: Final = (
    "An upload is encrypted on arrival and lies in quarantine.",
    (
        "What identifies people is taken out of text, pictures, sound and metadata; a second look"
        " verifies it; what does not pass waits for a person."
    ),
    "The redacted rendition, never the original, becomes vectors by which search finds it.",
    (
        "A search sees what the searcher's grants, the collections' purposes and consents allow,"
        " and is recorded together with its answer."
    ),
    "Originals go when their period is over; an erasure takes everything, with a signed receipt.",
)


@dataclass(frozen=True)
class _Risk:
    """A risk to people, the measures that meet it by name, and the findings that bear on it."""

    code: str
    risk: str
    measures: tuple[str, ...]
    findings: tuple[str, ...]


_RISKS: Final = (
    _Risk(
        "missed-redaction",
        "Something that identifies a person stays visible in a rendition.",
        ("redaction before indexing",),
        ("weak-profile", "reviews-open"),
    ),
    _Risk(
        "vectors",
        "Vectors tell something about people that was taken out of what they were made from.",
        ("redaction before indexing", "access by grants"),
        ("weak-profile",),
    ),
    _Risk(
        "unauthorised-sight",
        "Somebody sees what is not theirs to see, or originals without need.",
        (
            "access by grants",
            "encryption at rest of originals and renditions",
            "encryption in transit",
            "master key apart from the data",
        ),
        ("raw-grants", "no-steward", "demo", "measure"),
    ),
    _Risk(
        "use-without-ground",
        "Something is used without, or against, the ground on which it was taken in.",
        ("access by grants",),
        ("no-legal-basis", "special-categories", "consent-missing"),
    ),
    _Risk(
        "kept-too-long",
        "Personal data stays longer than it is needed, or comes back after erasure.",
        ("backups",),
        (
            "no-retention",
            "raw-kept",
            "raw-endless",
            "retention-paused",
            "clock",
            "erasures-open",
            "erasures-failed",
        ),
    ),
    _Risk(
        "wrong-match",
        "A search shows somebody's picture or words as a match that is none.",
        ("access by grants",),
        (),
    ),
    _Risk(
        "watched-staff",
        "What people search is used to judge them.",
        ("second person", "looking for anomalies in searches"),
        ("no-second-person", "too-few-governors"),
    ),
    _Risk(
        "bent-history",
        "Somebody changes or cuts the record of what was done.",
        ("ledger that cannot be changed unnoticed", "checkpoints of the ledger kept elsewhere"),
        ("measure",),
    ),
)


def assessment_body(
    facts: Facts, measures: list[Measure], findings: list[Finding]
) -> dict[str, Any]:
    """The inputs, of JSON types only. Inside ``retrieval.scope.system``."""
    said = details_now()
    figures = _figures(facts)
    by_name = {one.name: one for one in measures}
    return {
        "format": FORMAT,
        "made_at": facts.at.isoformat(),
        "controller": controller_lines(),
        "description": _description(facts, said),
        "necessity": {
            "said": lines_of(said["necessity"]),
            "views_of_subjects": lines_of(said["views_of_subjects"]),
            "collections": [
                {
                    "collection": one.name,
                    "without_legal_basis": one.without_basis,
                    "special_categories": one.special,
                    "redaction_profile": one.profile,
                    "weaker_than_standard": one.weaker,
                    "retention_policy": one.policy.name if one.policy else None,
                    "withheld": dict(one.kept_back),
                }
                for one in facts.collections
            ],
        },
        "risks": [
            {
                "code": risk.code,
                "risk": risk.risk,
                "measures": [asdict(by_name[name]) for name in risk.measures],
                "figures": figures.get(risk.code, []),
                "open": [asdict(one) for one in findings if one.code in risk.findings],
            }
            for risk in _RISKS
        ],
        "measures": [asdict(one) for one in measures],
        "missing": [
            *[asdict(one) for one in missing_details()],
            *[
                {"article": "35(7)(c)", "what": f"A measured figure for: {risk.risk}", "where": ""}
                for risk in _RISKS
                if risk.code in {"missed-redaction", "vectors", "wrong-match"}
                and not figures.get(risk.code)
            ],
        ],
    }


def _description(facts: Facts, said: dict[str, str]) -> dict[str, Any]:
    return {
        "purposes": lines_of(said["purposes"]),
        "whom_it_is_about": lines_of(said["subject_categories"]),
        "flow": list(_FLOW),
        "transfers": [*transfers(), *lines_of(said["transfers"])],
        "assets": facts.holdings.assets,
        "assets_by_modality": dict(sorted(facts.holdings.by("modality").items())),
        "assets_by_state": dict(sorted(facts.holdings.by("state").items())),
        "people_known_as_subjects": DataSubject.objects.exclude(state="erased").count(),
        "consents_recorded": ConsentRecord.objects.count(),
        "accounts": facts.people,
        "searches_recorded": SearchRecord.objects.count(),
        "models": facts.models,
    }


def _figures(facts: Facts) -> dict[str, list[dict[str, str]]]:
    """Measured figures that are stored here, by risk; each with where it comes from."""
    return {
        "missed-redaction": _missed(facts),
        "vectors": _leakages(),
        "wrong-match": _runs("live", "model"),
        "unauthorised-sight": [_counted("content:raw:view", "looks at originals in the ledger")],
        "watched-staff": [
            _counted("search:query:disclose", "times that somebody's query was read by another")
        ],
    }


def _missed(facts: Facts) -> list[dict[str, str]]:
    """What the profiles in use missed where they were measured, as the product ships it."""
    found = []
    for name in sorted({one.profile for one in facts.collections}):
        try:
            said = measured(profile_named(name))
        except UnknownProfileError:
            continue
        found += [
            {
                "figure": f"profile {name}: {one.what} missed {one.missed} of {one.of}",
                "source": f"{one.source}, {said.at}",
            }
            for one in said.figures
        ]
    return found


def _leakages() -> list[dict[str, str]]:
    """How often people were guessed from redacted vectors, by each model's latest attack."""
    seen: set[tuple[str, str]] = set()
    found = []
    for run in EvaluationRun.objects.filter(kind="leakage").order_by("-created_at")[:_MOST_RUNS]:
        for where, one in run.result.get("leakage", {}).items():
            if (run.model, where) in seen:
                continue
            seen.add((run.model, where))
            after, before = one["after"]["value"], one["before"]["value"]
            said = f"{run.model}, {where}: {one['attribute']} guessed for {after:.0%} of redacted"
            said += f" vectors, {before:.0%} of unredacted ones; chance {one['chance']:.0%}"
            source = f"evaluation {run.pk} of {run.created_at:%Y-%m-%d}"
            found.append({"figure": said, "source": source})
    return found


def _runs(*kinds: str) -> list[dict[str, str]]:
    """The latest run of each data set, as far as they are of these kinds."""
    seen: set[tuple[str, str]] = set()
    found = []
    for run in EvaluationRun.objects.filter(kind__in=kinds).order_by("-created_at")[:_MOST_RUNS]:
        if (run.dataset, run.model) in seen:
            continue
        seen.add((run.dataset, run.model))
        figures = _leaves(run.result)
        if figures:
            found.append(
                {
                    "figure": f"{run.model} on {run.dataset}: {'; '.join(figures)}",
                    "source": f"evaluation {run.pk} of {run.created_at:%Y-%m-%d}",
                }
            )
    return found


_TOLD: Final = ("ece", "answerable_kept", "unanswerable_held", "recall@10", "accuracy")
_MOST_TOLD: Final = 12


def _leaves(result: Any, path: str = "") -> list[str]:
    """Figures by the names that matter here, wherever they stand in a run's result."""
    found: list[str] = []
    if isinstance(result, dict):
        for name, value in sorted(result.items()):
            where = f"{path} {name}".strip()
            if name in _TOLD and isinstance(value, int | float):
                found.append(f"{where} {value:.3g}")
            else:
                found += _leaves(value, where)
    return found[:_MOST_TOLD]


def _counted(event: str, what: str) -> dict[str, str]:
    number = LedgerEntry.objects.filter(event=event).count()
    return {"figure": f"{number} {what}", "source": "the ledger"}
