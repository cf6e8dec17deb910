"""Bundles on their way in: copied, looked at, tried and only then given their place."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings

from audit.durable import make_private_directory, sync_directory
from retrieval.calibration import PairCalibration
from retrieval.encoders.bundle import SIGNATURE, verify_bundle
from retrieval.encoders.contents import contents_check
from retrieval.encoders.errors import BundleError
from retrieval.encoders.manifest import Manifest
from retrieval.encoders.staging import stage
from retrieval.errors import Conflict, Invalid
from retrieval.models import Calibration
from retrieval.services.signers import Signed, signature_of

_FITTED_ON_LENGTH = 300


@dataclass(frozen=True)
class Bundle:
    """A verified bundle: its manifest, the SHA-256 of that, its calibrations and its signer."""

    folder: Path
    form: Manifest
    manifest: dict[str, Any]
    sha256: str
    pairs: list[Calibration]
    signed: Signed

    @property
    def ref(self) -> str:
        """``name@version``."""
        return self.form.ref


def bundle_read(folder: Path) -> Bundle:
    """The bundle in ``folder``, every hash and its signature checked.

    Raises:
        Invalid: it cannot be used; the message says why.
    """
    try:
        form = verify_bundle(folder)
        signed = signature_of(folder=folder)
    except BundleError as error:
        raise Invalid(f"The bundle cannot be used: {error.reason}") from None
    manifest = (folder / "manifest.json").read_bytes()
    return Bundle(
        folder=folder,
        form=form,
        manifest=json.loads(manifest),
        sha256=hashlib.sha256(manifest).hexdigest(),
        pairs=_calibrations(folder),
        signed=signed,
    )


@contextmanager
def bundle_staged(source: Path) -> Iterator[Bundle]:
    """A verified copy of the bundle in ``source``, a folder or a tar, whose contents are harmless.

    It lies in the models folder under a name nobody looks for, and goes when the block ends unless
    ``bundle_place`` has given it its own.

    Raises:
        Invalid: it cannot be used; the message says why.
    """
    models = Path(settings.PATHS.models)
    make_private_directory(models)
    part = models / f".{uuid4().hex}.part"
    part.mkdir(mode=0o700)
    try:
        try:
            stage(source, part)
            bundle = bundle_read(part)
            contents_check(part, bundle.form)
        except BundleError as error:
            raise Invalid(f"The bundle cannot be used: {error.reason}") from None
        except OSError as error:
            raise Invalid(f"The bundle cannot be read: {error.strerror}.") from None
        yield bundle
    finally:
        shutil.rmtree(part, ignore_errors=True)


def bundle_in_place(bundle: Bundle) -> bool:
    """Whether this very bundle lies, whole, where it belongs."""
    try:
        return bundle_read(Path(settings.PATHS.models) / bundle.ref).sha256 == bundle.sha256
    except Invalid:
        return False


def bundle_place(bundle: Bundle) -> None:
    """Gives a staged bundle its place, ``<models>/<ref>``.

    What lies there already is damaged, or was left by an installation that broke off, and goes.

    Raises:
        Conflict: the place cannot be had.
    """
    target = Path(settings.PATHS.models) / bundle.ref
    if target.exists():
        shutil.rmtree(target)
    try:
        bundle.folder.rename(target)
    except OSError:
        raise Conflict(f"Something else took the place of {bundle.ref}.") from None
    sync_directory(target.parent)


def bundle_sign(bundle: Bundle) -> None:
    """Copies the signature of ``bundle`` beside the manifest of its installed twin."""
    target = Path(settings.PATHS.models) / bundle.ref / SIGNATURE
    part = target.with_name(f".{uuid4().hex}.part")
    shutil.copyfile(bundle.folder / SIGNATURE, part)
    part.replace(target)
    sync_directory(target.parent)


def bundle_files_remove(ref: str) -> None:
    """Takes away the installed files of ``ref``, and what was fitted or measured for it here."""
    models = Path(settings.PATHS.models)
    for folder in (models / ref, models / f"{ref}.fitted"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in models.glob(f"{ref}.runtime*"):
        if file.is_dir():
            shutil.rmtree(file, ignore_errors=True)
        else:
            file.unlink(missing_ok=True)


@contextmanager
def one_installation() -> Iterator[None]:
    """One at a time on this machine; a second one waits."""
    models = Path(settings.PATHS.models)
    make_private_directory(models)
    descriptor = os.open(models / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _calibrations(folder: Path) -> list[Calibration]:
    """A row, not saved, for every pair that ``calibration.json`` names; none without the file."""
    path = folder / "calibration.json"
    if not path.is_file():
        return []
    try:
        pairs = [
            Calibration(
                query_modality=str(pair["query_modality"]),
                target_modality=str(pair["target_modality"]),
                parameters=PairCalibration.from_json(pair["parameters"]).to_json(),
                fitted_on=str(pair.get("fitted_on", ""))[:_FITTED_ON_LENGTH],
            )
            for pair in json.loads(path.read_bytes())["pairs"]
        ]
    except (KeyError, TypeError, ValueError):
        raise Invalid("The bundle cannot be used: its calibration.json is malformed.") from None
    if len({(pair.query_modality, pair.target_modality) for pair in pairs}) != len(pairs):
        raise Invalid("The bundle cannot be used: it calibrates a pair twice.")
    return pairs
