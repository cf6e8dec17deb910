"""Stored media as their keys open them: what redaction left in renditions, what originals hold.

On the disk they are ciphertext, in which nothing can be found (``Folder`` searches that too).
Opened, originals are where identifiers belong until their period is over; renditions are where they
must never be.
"""

from __future__ import annotations

from uuid import UUID, uuid4

from audit.canary.base import CannotLook, Controls, Look
from audit.masterkey import MasterKeyError
from deploy.canary.samples import sample
from retrieval import media
from retrieval.media import Blob


class Media:
    """Every blob of some kinds, decrypted piece by piece in memory."""

    def __init__(self, name: str, kinds: tuple[Blob, ...], *, permitted: bool = False) -> None:
        self.name, self.permitted = name, permitted
        self._kinds = kinds
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


def originals() -> Media:
    """Raw media and the words they came with; tokens may be there and are counted apart."""
    return Media("originals, opened", media.RAW_BLOBS, permitted=True)


def renditions() -> Media:
    """What users are shown."""
    return Media("renditions, opened", media.REDACTED_BLOBS)
