"""What a person is handed about a record of consent: a signed document, for machines and people.

Its members are called as in ISO/IEC TS 27560:2023 (Table 1, the header; Table 2, the processing of
personal data; parties; events); ``@context`` says which terms of the Data Privacy Vocabulary
(https://w3id.org/dpv, version 2) they and their values are. It holds random ids, never a name: the
person knows who it was given to.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django.utils import timezone

from audit import ledger, signing
from audit.consents import state_of, versions_of
from audit.subject_models import ConsentRecord

PURPOSE: Final = "consent-receipt"
SCHEMA: Final = "ISO/IEC TS 27560:2023"
PROFILE: Final = "https://w3id.org/dpv/schema/dpv-27560#receipt"
# What each purpose means, and the nearest purpose of the vocabulary.
PURPOSES: Final = {
    "search": (
        "Being found by searches of those who may read the collection.",
        "SearchFunctionalities",
    ),
    "training": ("Training and calibrating the models that search.", "ResearchAndDevelopment"),
    "raw_access": (
        "Being seen unredacted by those who may, each time with a reason.",
        "ServiceProvision",
    ),
}
# Terms of https://w3id.org/dpv/legal/eu/gdpr
BASES: Final = {
    "consent": "eu-gdpr:A6-1-a",
    "contract": "eu-gdpr:A6-1-b",
    "legal_obligation": "eu-gdpr:A6-1-c",
    "vital_interests": "eu-gdpr:A6-1-d",
    "public_task": "eu-gdpr:A6-1-e",
    "legitimate_interests": "eu-gdpr:A6-1-f",
}
_STATUS: Final = {
    "valid": "dpv:ConsentGiven",
    "future": "dpv:ConsentGiven",
    "expired": "dpv:ConsentExpired",
    "superseded": "dpv:ConsentInvalidated",
    "withdrawn": "dpv:ConsentWithdrawn",
}
_CONTEXT: Final = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "dct": "http://purl.org/dc/terms/",
    "receipt_id": "dct:identifier",
    "record_id": "dct:identifier",
    "issued_at": {"@id": "dct:issued", "@type": "http://www.w3.org/2001/XMLSchema#dateTime"},
    "record": "dpv:hasRecordOfActivity",
    "pii_principal_id": "dpv:hasDataSubject",
    "pii_controllers": "dpv:hasDataController",
    "privacy_notice": "dpv:hasNotice",
    "language": "dct:language",
    "purposes": "dpv:hasProcess",
    "purpose_type": {"@id": "dpv:hasPurpose", "@type": "@id"},
    "lawful_basis": {"@id": "dpv:hasLegalBasis", "@type": "@id"},
    "pii_information": "dpv:hasPersonalData",
    "storage_locations": "dpv:hasStorageCondition",
    "recipient_third_parties": "dpv:hasRecipient",
    "jurisdictions": "dpv:hasJurisdiction",
    "event_state": {"@id": "dpv:hasConsentStatus", "@type": "@id"},
    "event_type": {"@id": "dpv:hasIndicationMethod", "@type": "@id"},
}


def receipt_issue(*, record: ConsentRecord, by: UUID | None) -> dict[str, Any]:
    """A signed receipt of a record as it stands now. That it was issued is in the ledger."""
    receipt_id = uuid4()
    document = signing.signed(PURPOSE, receipt_body(record, receipt_id=receipt_id))
    ledger.record(
        event="consent:receipt:issue",
        actor=by,
        refs={"consent": record.id, "subject": record.subject, "receipt": receipt_id},
    )
    return document


def receipt_body(
    record: ConsentRecord, *, receipt_id: UUID, now: datetime | None = None
) -> dict[str, Any]:
    """The document without its signature. One query: what became of the record's versions."""
    moment = now or timezone.now()
    consents = record.legal_basis == "consent"
    return {
        "@context": _CONTEXT,
        "@type": "dpv:ConsentReceipt" if consents else "dpv:RecordsOfActivities",
        "dct:conformsTo": PROFILE,
        "schema_version": SCHEMA,
        "receipt_id": str(receipt_id),
        "issued_at": _text(moment),
        "record": {
            "@type": "dpv:ConsentRecord" if consents else "dpv:RecordsOfActivities",
            "schema_version": SCHEMA,
            "record_id": str(record.id),
            "series": str(record.series),
            "version": record.version,
            "pii_principal_id": str(record.subject),
            **_processing(record),
            "event": _events(versions_of(record), moment),
        },
    }


def _processing(record: ConsentRecord) -> dict[str, Any]:
    """Table 2 of the standard; what nobody has stated is left empty, not made up."""
    special = record.special_condition
    return {
        "privacy_notice": record.notice_ref,
        "language": record.language,
        "purposes": [
            {
                "purpose": PURPOSES[name][0],
                "purpose_id": name,
                "purpose_type": f"dpv:{PURPOSES[name][1]}",
                "lawful_basis": [BASES[record.legal_basis]]
                + ([f"eu-gdpr:A9-2-{special}"] if special else []),
            }
            for name in record.purposes
        ],
        "pii_information": [
            {"pii_type": name, "special_pii_category": bool(special)}
            for name in record.data_categories
        ],
        "pii_controllers": ["controller"] if record.controller else [],
        "collection_method": record.collection_method,
        "processing_method": "Redacted, then embedded and indexed for search on one appliance.",
        "storage_locations": [record.storage_location] if record.storage_location else [],
        "retention_period": {
            "starts_at": _text(record.starts_at),
            "expires_at": _text(record.expires_at),
        },
        "jurisdictions": list(record.jurisdictions),
        "recipient_third_parties": list(record.recipients),
        "withdrawal_method": record.withdrawal_method,
        "privacy_rights": [
            f"eu-gdpr:A{article}" for article in ("7-3", "15", "16", "17", "18", "21")
        ],
        "party_identification": [
            {
                "party_id": "controller",
                "party_name": record.controller,
                "party_contact": record.controller_contact,
                "party_role": "dpv:DataController",
            }
        ]
        * bool(record.controller),
    }


def _events(versions: Sequence[ConsentRecord], now: datetime) -> list[dict[str, Any]]:
    """What happened to the record and its other versions, in the order in which it did."""
    events: list[dict[str, Any]] = []
    for one in sorted(versions, key=lambda row: row.version):
        kind = (
            "dpv:ExplicitlyExpressedConsent"
            if one.special_condition == "a"
            else "dpv:ExpressedConsent"
        )
        said = {"event_type": kind} if one.legal_basis == "consent" else {}
        base = {"record_id": str(one.id), "version": one.version, "entity_id": str(one.subject)}
        events.append(
            base
            | said
            | {
                "event_time": _text(one.recorded_at),
                "event_state": "dpv:ConsentGiven"
                if one.version == 1
                else "dpv:RenewedConsentGiven",
                "validity_duration": {"from": _text(one.starts_at), "until": _text(one.expires_at)},
            }
        )
        ended = one.withdrawn_at or one.superseded_at or one.expired_at or one.expires_at
        state = state_of(one, now=now)
        if state not in {"valid", "future"} and ended is not None:
            how = {"manner": one.withdrawal.get("how", "")} if state == "withdrawn" else {}
            events.append(base | how | {"event_time": _text(ended), "event_state": _STATUS[state]})
    return events


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
