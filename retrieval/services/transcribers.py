"""Installing a transcriber: a Whisper model by which spoken personal data is found."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from audit import ledger
from retrieval import scope
from retrieval.errors import Invalid
from retrieval.redaction.audio.whisper_bundle import (
    WhisperBundle,
    WhisperBundleError,
    bundle_folder,
    bundle_install,
    bundle_read,
)


def transcriber_install(*, source: Path, name: str) -> WhisperBundle:
    """The bundle made of ``source``, copied, hashed and read back; the ledger tells of it.

    The redaction server uses it from its next start on.

    Raises:
        Invalid: it is no Whisper model in CTranslate2's form, or the name is not usable.
    """
    try:
        bundle = bundle_read(bundle_install(source, models=settings.PATHS.models, name=name))
    except WhisperBundleError as error:
        raise Invalid(str(error)) from None
    with scope.system():
        ledger.record(
            event="models:transcriber:install",
            actor=None,
            refs={"transcriber": bundle.name, "digest": bundle.digest},
        )
    return bundle


def transcriber_installed(*, name: str = "") -> WhisperBundle | None:
    """The transcriber called ``name``, or the only one, its files checked; None where none is.

    Raises:
        Invalid: there are several and none is named, or a file is not the one installed.
    """
    try:
        folder = bundle_folder(settings.PATHS.models, name)
        return None if folder is None else bundle_read(folder)
    except WhisperBundleError as error:
        raise Invalid(str(error)) from None
