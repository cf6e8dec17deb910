"""Which name model redaction asks: ours, or an installed one whose files are what was installed."""

from __future__ import annotations

import os
from collections.abc import Iterator

from django.conf import settings

from deploy.doctor.finding import Finding
from retrieval.redaction.ner import installed, manifest

_WHAT = "name model"


def look() -> Iterator[Finding]:
    """The model in use; a mend where its files are not as they were."""
    try:
        ours = manifest.read_manifest(manifest.BUILTIN)
        manifest.verify(manifest.BUILTIN, ours)
    except manifest.NamesBundleError as error:
        yield Finding(_WHAT, str(error), "Bring this version's files back: it ships with the code.")
        return
    try:
        folder = installed.find(settings.PATHS.models, os.environ.get("VITRINE_NAMES") or "")
        theirs = installed.check(folder) if folder else None
    except manifest.NamesBundleError as error:
        yield Finding(_WHAT, str(error), "manage.py models install-names DIR --name NAME")
        return
    yield Finding(
        _WHAT,
        f"{theirs.name} ({theirs.form}, installed)" if theirs else f"ours, version {ours.version}",
    )
