"""The archive itself: who may have it, what goes into it, and that it was made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, Final
from uuid import UUID, uuid4

from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger, processing, signing
from audit.chaining import chain_pending
from audit.ledger import PersonalTo
from audit.subject_models import DataSubject
from retrieval import media, scope
from retrieval.erasure_stores import stores
from retrieval.errors import Gone, NotAllowed, NotVisible
from retrieval.models import Asset
from retrieval.services.access_request import parts
from retrieval.services.access_request.zipping import Packed, StreamedZip
from retrieval.services.content import stated_reason
from retrieval.states import RawState

EVENT: Final = "subject:archive:export"
FORMAT: Final = "vitrine-access-archive/1"
PURPOSE: Final = "access-archive"
# What GDPR Art. 15(1)(e), (f) and 15(3) have told beside the data.
RIGHTS: Final = (
    "You may ask for rectification, erasure or restriction, and object to the processing.",
    "You may withdraw a consent at any time; what was done before stays lawful.",
    "You may complain to a supervisory authority.",
)
_ENDINGS: Final = {
    "text/plain": ".txt",
    "image/webp": ".webp",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "application/pdf": ".pdf",
}


@dataclass(frozen=True)
class _File:
    """Something to be put in: where from, and what the index calls it."""

    asset: UUID
    kind: media.Blob
    media_type: str
    path: str
    what: str


@dataclass
class Archive:
    """What will be sent: ``index`` lacks only the files' hashes, which come with their bytes."""

    id: UUID
    name: str
    at: datetime
    index: dict[str, Any] = field(repr=False)
    files: list[_File] = field(repr=False)
    worded: list[UUID] = field(repr=False)  # assets with words of their own: sounds and pictures


def archive_begin(
    *, by: User | None, subject_id: UUID, originals: bool = False, reason: str = ""
) -> Archive:
    """Everything held on a person, gathered and recorded; ``archive_stream`` sends it.

    Redacted renditions, so that others' data stays out. ``originals``: also those still kept, with
    a ``reason``, and only of assets that are about nobody else. ``by`` is None on the command line.

    Raises:
        NotAllowed: ``by`` is no governor. NotVisible: no such person. Gone: erased.
        Invalid: originals without a reason, or a long one.
    """
    if by is not None and not (by.is_active and by.is_governor):
        raise NotAllowed("Archives on people are made by governors.")
    stated = stated_reason(reason) if originals or reason else ""
    chain_pending()  # what happened a moment ago belongs in it too
    with scope.system():
        subject = DataSubject.objects.filter(id=subject_id).first()
        if subject is None:
            raise NotVisible("There is no such subject.")
        if subject.state == DataSubject.State.ERASED:
            raise Gone("What there was about the person has been erased.")
        archive = _gathered(subject, originals=originals)
        ledger.record(
            event=EVENT,
            actor=actor_id(by) if by is not None else None,
            refs={"subject": subject.pk, "archive": archive.id},
            payload={
                "assets": len(archive.index["assets"]),
                "originals": sum(one.kind is media.Blob.RAW for one in archive.files),
                "reason": stated,
            },
            personal_to=PersonalTo("subject", subject.pk),
        )
    return archive


def archive_stream(archive: Archive) -> Iterator[bytes]:
    """The zip, piece by piece: files, then the signed ``index.json``, ``index.html`` and the key.

    Holds no transaction while it waits for whoever takes it. What vanishes meanwhile is said to
    have. It must be read to its end: cut short, it is no archive.
    """
    pack = StreamedZip(archive.at)
    by_asset = {one["id"]: one for one in archive.index["assets"]}
    for file in archive.files:
        packed = Packed(file.path)
        pieces = _begun(file)
        if pieces is None:
            by_asset[str(file.asset)]["missing"].append(file.what)
            continue
        yield from pack.add(packed, pieces, media_type=file.media_type)
        by_asset[str(file.asset)]["files"].append({"what": file.what, **vars(packed)})
    for asset_id in archive.worded:
        with scope.system():
            words = "\n\n".join(parts.words_of(asset_id))
        packed = Packed(f"assets/{asset_id}/words.txt")
        if words:
            yield from pack.add(packed, [words.encode()], media_type="text/plain")
            by_asset[str(asset_id)]["files"].append({"what": "words, redacted", **vars(packed)})
    yield from _indexed(pack, archive)
    yield from pack.end()


def _indexed(pack: StreamedZip, archive: Archive) -> Iterator[bytes]:
    document = signing.signed(PURPOSE, archive.index)
    empty = sum(number == 0 for number in archive.index["stores"].values())
    words = {"index": document, "rights": RIGHTS, "empty_stores": empty}
    page = render_to_string("access/archive.html", words)
    for path, text in (
        ("index.json", processing.readable_json(document)),
        ("index.html", page),
        ("signing-key.pem", signing.public_key_pem()),
    ):
        yield from pack.add(Packed(path), [text.encode()])


def _begun(file: _File) -> Iterator[bytes] | None:
    """The plaintext, whose beginning has been read; None where it is gone or does not open."""
    pieces = media.iter_blob(file.kind, file.asset)
    try:
        first = next(pieces, b"")
    except (media.BlobMissing, media.BlobDamaged):
        return None
    return chain([first], pieces)


def _gathered(subject: DataSubject, *, originals: bool) -> Archive:
    now, made = timezone.now(), uuid4()
    assets = parts.assets_of(subject.pk)
    ids = [one.pk for one in assets]
    shared = parts.with_others(ids, subject.pk)
    consents = parts.consents_part(subject.pk)
    index: dict[str, Any] = {
        "format": FORMAT,
        "archive": str(made),
        "made_at": now.isoformat(),
        "controller": processing.controller_lines(),
        "subject": parts.subject_part(subject),
        "consents": consents,
        "legal_holds": parts.holds_part(subject.pk, ids),
        "assets": _assets(subject.pk, assets),
        "stores": {
            one.name: one.count(asset_ids=ids, subject_ids=[subject.pk]) for one in stores()
        },
        "ledger": parts.ledger_part(subject.pk),
        "candidates": parts.candidates_part(subject, ids),
        "recipients": parts.recipients_part({one.collection_id for one in assets}, consents),
        "not_included": _left_out(assets, shared, originals=originals),
    }
    return Archive(
        id=made,
        name=f"access-{subject.pk}-{now:%Y%m%d}.zip",
        at=now,
        index=index,
        files=list(_files(assets, shared, originals=originals)),
        worded=[one.pk for one in assets if one.modality != "text"],
    )


def _assets(subject_id: UUID, assets: list[Asset]) -> list[dict[str, Any]]:
    ids = [one.pk for one in assets]
    links, steps = parts.links_part(subject_id), parts.provenance_part(ids)
    found, seen = parts.found_part(ids), parts.seen_part(ids)
    return [
        {
            **parts.asset_part(one),
            **links.get(one.pk, {}),
            "provenance": steps.get(one.pk, []),
            "found_by_searches": found.get(one.pk, []),
            "looked_at": seen.get(one.pk, []),
            "files": [],
            "missing": [],
        }
        for one in assets
    ]


def _files(assets: list[Asset], shared: set[UUID], *, originals: bool) -> Iterator[_File]:
    for asset in assets:
        folder = f"assets/{asset.pk}"
        if media.has_blob(media.Blob.RENDITION, asset.pk):
            path = f"{folder}/rendition{_ending(asset.media_type)}"
            kind = media.Blob.RENDITION
            yield _File(asset.pk, kind, asset.media_type, path, "rendition, redacted")
        if originals and asset.raw_state == RawState.KEPT and asset.pk not in shared:
            path = f"{folder}/original{_ending(asset.source_type)}"
            yield _File(asset.pk, media.Blob.RAW, asset.source_type, path, "original")


def _left_out(assets: list[Asset], shared: set[UUID], *, originals: bool) -> list[str]:
    kept = sum(one.raw_state == RawState.KEPT for one in assets)
    both = sum(one.raw_state == RawState.KEPT and one.pk in shared for one in assets)
    lines = [
        "Vectors: numbers computed from the redacted renditions, by which search finds them.",
        "What other people's keys protect: who searched, looked or decided, by name.",
        "Backups: they hold what is here, as it was when they were made.",
    ]
    if kept and not originals:
        lines.append(f"Originals: {kept} are kept; they were not asked for.")
    if both and originals:
        lines.append(f"Originals of {both} assets that are about other people as well.")
    return lines


def _ending(media_type: str) -> str:
    plain = media_type.split(";", maxsplit=1)[0].strip().lower()
    return _ENDINGS.get(plain, ".bin")
