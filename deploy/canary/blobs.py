"""Stored media as their keys open them: what redaction left in renditions, what originals hold.

On the disk they are ciphertext, in which nothing can be found (``Folder`` searches that too).
Opened, originals are where identifiers belong until their period is over; renditions are where they
must never be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

from django.db import DatabaseError

from audit.canary.base import CannotLook, Controls, Look
from audit.masterkey import MasterKeyError
from deploy.canary.samples import sample
from retrieval import media, scope
from retrieval.media import Blob
from retrieval.models import Asset
from retrieval.states import State


class Media:
    """Every blob of some kinds, decrypted piece by piece in memory."""

    def __init__(
        self,
        name: str,
        kinds: tuple[Blob, ...],
        *,
        permitted: bool = False,
        wanted: Callable[[UUID], bool] = lambda _: True,
    ) -> None:
        """``wanted``: of which assets."""
        self.name, self.permitted = name, permitted
        self._kinds, self._wanted = kinds, wanted
        self._planted: UUID | None = None

    def plant(self, controls: Controls) -> None:
        """A blob of each kind, encrypted like every other, under an asset id of its own."""
        self._planted = uuid4()
        try:
            for kind in self._kinds:
                content = sample(controls, where=f"{kind.value} ")
                media.write_blob(kind, self._planted, content).publish()
        except MasterKeyError:
            raise CannotLook("the key store does not open") from None

    def search(self, look: Look) -> None:
        """Each blob whose key is there; one whose key was destroyed can be read by nobody."""
        sealed = 0
        for kind in self._kinds:
            for asset_id in media.stored_ids(kind):
                if asset_id != self._planted and not self._wanted(asset_id):
                    continue
                try:
                    look.through(f"{kind.value} {asset_id}", media.iter_blob(kind, asset_id))
                except media.BlobMissing:
                    sealed += 1
                except media.BlobDamaged:
                    look.failed(f"{kind.value} {asset_id} does not authenticate")
        if sealed:
            look.note(f"{sealed} without a key: nobody can open them any more")

    def clean(self) -> None:
        """The planted blobs and their keys are gone."""
        if self._planted is not None:
            media.destroy_all(self._planted)
            self._planted = None


class HeldBack:
    """Which assets wait for a steward because redaction missed something, or were refused."""

    def __init__(self) -> None:
        self._ids: set[UUID] | None = None

    def __contains__(self, asset_id: object) -> bool:
        """Asks the database once; where it does not answer none is known to be held back."""
        if self._ids is None:
            self._ids = _held_back()
        return asset_id in self._ids


def _held_back() -> set[UUID]:
    try:
        with scope.system():
            states = [State.QUARANTINED, State.REJECTED]
            return set(Asset.objects.filter(state__in=states).values_list("id", flat=True))
    except DatabaseError:
        return set()


def opened() -> Iterator[Media]:
    """Everything below ``media/``, as keys open it.

    Originals and the words they came with may hold tokens, and so may a rendition that is held back
    because something is still in it; both are counted apart. What users are shown may not.
    """
    held = HeldBack()
    yield Media("renditions, opened", media.REDACTED_BLOBS, wanted=lambda one: one not in held)
    yield Media(
        "renditions held back, opened",
        media.REDACTED_BLOBS,
        permitted=True,
        wanted=lambda one: one in held,
    )
    yield Media("originals, opened", media.RAW_BLOBS, permitted=True)
