"""Security measures as they are configured (GDPR Art. 32), in force or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.utils import timezone

from audit import second_person
from audit.backups import backups_living
from audit.checkpoint_models import Checkpoint, CheckpointDelivery
from audit.monitoring_models import MonitoringAgreement

State = Literal["in force", "partly", "not in force"]


@dataclass(frozen=True)
class Measure:
    """One measure, whether it is in force, and what is configured."""

    name: str
    state: State
    detail: str


def measures_now() -> list[Measure]:
    """Every measure that this appliance knows of. A few queries and one file read."""
    return [*_built_in(), *_configured(), _checkpoints(), _backups(), _monitoring()]


def _built_in() -> list[Measure]:
    """What the product does whatever is configured; the tests of each release hold it to it."""
    return [
        Measure(
            "redaction before indexing",
            "in force",
            "Search sees redacted renditions only; what cannot be redacted is quarantined.",
        ),
        Measure(
            "access by grants",
            "in force",
            "No access by default; roles by collection, checked in the query, on its results and by"
            " row-level security.",
        ),
        Measure(
            "encryption at rest of originals and renditions",
            "in force",
            "AES-256-GCM, two keys for each asset outside the database; erasing destroys the key.",
        ),
        Measure(
            "decoding of files apart",
            "in force",
            "In child processes with limits, without network and credentials.",
        ),
        Measure(
            "ledger that cannot be changed unnoticed",
            "in force",
            "Hash chain, appended to by the database owner's function alone.",
        ),
        Measure("no connection outward", "in force", "Models are installed; nothing is fetched."),
    ]


def _configured() -> list[Measure]:
    acts = [act.replace("_", " ") for act in second_person.ACTS]
    needed = [act.replace("_", " ") for act in second_person.ACTS if second_person.needed(act)]
    kept_apart = settings.VITRINE_MASTER_KEY_FILE or settings.VITRINE_MASTER_PASSPHRASE_FILE
    return [
        Measure(
            "second person",
            "in force" if len(needed) == len(acts) else "partly" if needed else "not in force",
            f"Needed for: {', '.join(needed) or 'nothing'}. Not for:"
            f" {', '.join(sorted(set(acts) - set(needed))) or 'nothing'}.",
        ),
        Measure(
            "master key apart from the data",
            "in force" if kept_apart else "not in force",
            "From a file or passphrase that the operator keeps."
            if kept_apart
            else "It lies in the data folder: whoever takes the folder takes the key.",
        ),
        Measure(
            "encryption in transit",
            "in force" if settings.TLS else "not in force",
            "TLS." if settings.TLS else "No TLS is configured.",
        ),
    ]


def _checkpoints() -> Measure:
    sinks = settings.VITRINE_CHECKPOINT_SINKS
    latest = Checkpoint.objects.order_by("-tree_size").first()
    name = "checkpoints of the ledger kept elsewhere"
    if not sinks:
        return Measure(name, "not in force", "No sink is configured.")
    outside = [one for one in sinks if one.kind != "directory"]
    waiting = CheckpointDelivery.objects.filter(delivered_at=None, tries__gt=0).count()
    when = f"last signed {latest.signed_at:%Y-%m-%d %H:%M} UTC" if latest else "none signed yet"
    said = f"{len(sinks)} configured, {len(outside)} outside this machine's folders; {when};"
    good = bool(latest) and bool(outside) and not waiting
    return Measure(
        name, "in force" if good else "partly", f"{said} {waiting} wait after a failure."
    )


def _backups() -> Measure:
    living = backups_living()
    if not living:
        return Measure("backups", "not in force", "No backup is known.")
    newest = max(one.made_at for one in living)
    return Measure(
        "backups",
        "in force",
        f"{len(living)} kept, the newest of {newest:%Y-%m-%d}; their keys lie apart, and go first.",
    )


def _monitoring() -> Measure:
    agreement = MonitoringAgreement.objects.filter(ended_at=None).first()
    if agreement is None:
        return Measure(
            "looking for anomalies in searches",
            "not in force",
            "No agreement is named, so nothing is computed.",
        )
    days = (timezone.now() - agreement.begun_at).days
    return Measure(
        "looking for anomalies in searches",
        "in force",
        f"Under “{agreement.reference}” of {agreement.agreed_on:%Y-%m-%d}, for {days} days.",
    )
