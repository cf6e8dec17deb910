"""Putting one model version in another's place, and going back.

A promotion is gated by what ``promotion_review`` finds. What only speaks against it can be
overruled by force, with a reason; what makes it impossible cannot. Both directions are one short
transaction, so a search runs wholly before it or wholly after it.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from retrieval import scope
from retrieval.encoders.bundle import BundleError, bundle_folder
from retrieval.errors import Conflict, Invalid, NotAllowed, NotVisible
from retrieval.evaluation.findings import Finding
from retrieval.models import Collection, ModelVersion, Space
from retrieval.promotion_models import Promotion
from retrieval.selectors.models import maintained_models
from retrieval.selectors.promotions import Review, promotion_review, review_of
from retrieval.selectors.versions import version_by_ref
from retrieval.services.active_file import active_file_write
from retrieval.services.maintained import fence_take
from retrieval.services.model_sets import model_set_override
from retrieval.services.reembed import reembed_status
from retrieval.services.warming import warm

__all__ = ["Review", "promote", "promotion_review", "rollback"]

MAX_REASON = 300
_Status = ModelVersion.Status


def promote(
    *,
    ref: str,
    collection: UUID | None = None,
    replaces: str | None = None,
    by: User | None,
    force: bool = False,
    reason: str = "",
) -> Promotion:
    """``ref`` in use from now on: everywhere, or for one ``collection``; recorded.

    It takes the place of its space's active version, or of ``replaces`` in another space; where
    there is neither, it is used beside the others. The model server has it loaded before the swap.
    Call it outside any transaction. ``by`` None is the appliance's own command line.

    Raises:
        NotVisible: no such model or collection. NotAllowed: not an operator.
        Conflict: it is in use already, its vectors are not complete, or something speaks against
        it and ``force`` is not given. Invalid: force without a reason.
        Unavailable: the model server does not answer.
    """
    _permitted(by, collection)
    reason = _reason(reason)
    review = promotion_review(ref=ref, collection=collection, replaces=replaces)
    _passed(review, force=force, reason=reason)
    _complete(ref)
    warm(review.version)
    with transaction.atomic():
        fence_take()
        _locked(review.version, review.replaced)
        now = review_of(
            version=version_by_ref(ref),
            replaced=None if review.replaced is None else version_by_ref(review.replaced.ref),
            collection=collection,
        )
        if collection is None:
            same = ModelVersion.objects.filter(
                space_id=now.version.space_id, status=_Status.ACTIVE
            ).first()
            if same is not None and (now.replaced is None or same.pk != now.replaced.pk):
                raise Conflict("Another version was promoted in this moment.")
        _passed(now, force=force, reason=reason)
        if all(model.ref != ref for model in maintained_models()):
            # Uploads may have left it out since; what is maintained stays complete.
            _complete(ref)
        replaced = now.replaced
        if collection is None:
            _swap(out=replaced, into=now.version)
        else:
            replaced = model_set_override(collection_id=collection, version=now.version)
        done = Promotion.objects.create(
            version=now.version,
            replaced=replaced,
            replaced_ref=replaced.ref if replaced else "",
            collection_id=collection,
            actor=_actor(by),
            forced=bool(now.gating),
            reason=reason,
            evaluations=[str(run.pk) for run in now.evaluations],
            findings=[finding.to_json() for finding in now.findings],
        )
        _record("models:version:promote", done, by, now.gating)
        transaction.on_commit(active_file_write, robust=True)
    return done


def rollback(
    *,
    ref: str | None = None,
    space: str | None = None,
    collection: UUID | None = None,
    by: User | None,
    reason: str = "",
) -> Promotion:
    """The latest promotion of ``ref``, or in ``space``, undone at once; what it replaced is back.

    Its vectors and those of what it gives way to stay, so nothing is embedded. With ``collection``
    the promotion for that collection alone.

    Raises:
        NotVisible: no such model or collection. NotAllowed: not an operator.
        Conflict: there is nothing to undo, or what it replaced has been removed.
    """
    _permitted(by, collection)
    reason = _reason(reason)
    with transaction.atomic():
        undone = _latest(ref, space, collection)
        _locked(undone.version, undone.replaced)
        undone = Promotion.objects.select_for_update().get(pk=undone.pk)
        if undone.rolled_back_at is not None:
            raise Conflict("It was rolled back in this moment.")
        if undone.replaced_ref and undone.replaced is None:
            raise Conflict(f"{undone.replaced_ref} has been removed; promote another version.")
        if undone.replaced is not None:
            _files_there(undone.replaced)
        if collection is None:
            _swap(out=undone.version, into=undone.replaced)
        else:
            back = undone.replaced
            model_set_override(
                collection_id=collection,
                version=back,
                space=undone.version.space_id if back is None else None,
            )
        undone.rolled_back_at = timezone.now()
        undone.save(update_fields=["rolled_back_at"])
        _record("models:version:rollback", undone, by, (), reason=reason)
        transaction.on_commit(active_file_write, robust=True)
    return undone


def _latest(ref: str | None, space: str | None, collection: UUID | None) -> Promotion:
    rows = Promotion.objects.filter(rolled_back_at=None, collection=collection)
    if ref is not None:
        version = version_by_ref(ref)
        rows = rows.filter(version=version)
    elif space is not None and Space.objects.filter(pk=space).exists():
        rows = rows.filter(version__space_id=space)
    else:
        raise NotVisible("There is no such space.")
    if collection is None:
        rows = rows.filter(version__status=_Status.ACTIVE)
    found = rows.order_by("-at").first()
    if found is None:
        raise Conflict("It is in use by no promotion, so there is nothing to go back to.")
    return found


def _permitted(by: User | None, collection: UUID | None) -> None:
    """Operators; for one collection only those who may know of it. None: the command line."""
    if by is not None and not (by.is_active and by.is_operator):
        raise NotAllowed("Only operators may do this.")
    if collection is None:
        return
    with scope.system() if by is None else scope.user(by.pk):
        if not Collection.objects.filter(pk=collection).exists():
            raise NotVisible("There is no such collection.")


def _reason(reason: str) -> str:
    reason = reason.strip()
    if len(reason) > MAX_REASON:
        message = f"At most {MAX_REASON} characters."
        raise Invalid(message, fields={"reason": [message]})
    return reason


def _passed(review: Review, *, force: bool, reason: str) -> None:
    if review.blocked:
        raise Conflict(review.blocked)
    if not review.gating:
        return
    if not force:
        said = [f"{one.code} {one.where}".strip() + f": {one.detail}" for one in review.gating]
        raise Conflict(
            f"{review.version.ref} is not promoted, as {_counted(review.gating)} against it. "
            "Force it with a reason if that is wanted nevertheless.",
            fields={"findings": said},
        )
    if not reason:
        raise Invalid("Force needs a reason.", fields={"reason": ["Say why."]})


def _counted(findings: tuple[Finding, ...]) -> str:
    one = len(findings) == 1
    return f"{len(findings)} {'finding speaks' if one else 'findings speak'}"


def _complete(ref: str) -> None:
    status = reembed_status(ref=ref)
    if status is None or not status.complete:
        raise Conflict(f"The vectors of {ref} are not complete: manage.py models reembed {ref}")


def _locked(*versions: ModelVersion | None) -> None:
    """Locks what a swap writes, in one order for all, so that two of them wait, not deadlock."""
    ids = [version.pk for version in versions if version is not None]
    spaces = [version.space_id for version in versions if version is not None]
    list(Space.objects.select_for_update().filter(pk__in=spaces).order_by("pk"))
    list(ModelVersion.objects.select_for_update().filter(pk__in=ids).order_by("pk"))


def _swap(*, out: ModelVersion | None, into: ModelVersion | None) -> None:
    """``out`` retired, then ``into`` active: a space never has two, which a constraint holds."""
    if out is not None:
        moved = ModelVersion.objects.filter(pk=out.pk, status=_Status.ACTIVE)
        if not moved.update(status=_Status.RETIRED):
            raise Conflict(f"{out.ref} is not in use any more.")
    if into is not None:
        others = ModelVersion.objects.filter(space_id=into.space_id, status=_Status.ACTIVE)
        if others.exists():
            raise Conflict(f"Another version of {into.space_id} is in use.")
        ModelVersion.objects.filter(pk=into.pk).update(status=_Status.ACTIVE)


def _files_there(version: ModelVersion) -> None:
    try:
        bundle_folder(version.ref, models_dir=settings.PATHS.models)
    except BundleError:
        raise Conflict(f"The files of {version.ref} are gone; install it again.") from None


def _actor(by: User | None) -> UUID | None:
    return None if by is None else actor_id(by)


def _record(
    event: str,
    done: Promotion,
    by: User | None,
    findings: tuple[Finding, ...],
    *,
    reason: str | None = None,
) -> None:
    refs: dict[str, str | UUID] = {"model": done.version.ref, "promotion": done.pk}
    if done.replaced_ref:
        refs["replaced"] = done.replaced_ref
    if done.collection_id is not None:
        refs["collection"] = done.collection_id
    ledger.record(
        event=event,
        actor=_actor(by),
        refs=refs,
        payload={
            "reason": done.reason if reason is None else reason,
            "forced": bool(findings),
            "findings": [f"{one.code} {one.where}".strip() for one in findings],
        },
    )
