"""Acts on an appliance from a process of its own: ``python world.py VERB``, JSON in and out."""

import contextlib
import importlib.util
import io
import json
import os
import sys
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")
os.environ["VITRINE_SECOND_PERSON"] = "none"

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402

from accounts.models import User  # noqa: E402
from audit.backups import backups_living  # noqa: E402
from audit.consents import Terms  # noqa: E402
from audit.holds import Held, hold_place  # noqa: E402
from audit.keystore import KeyDestroyed, KeyMissing, default_keystore  # noqa: E402
from audit.models import ConsentRecord, LegalHold  # noqa: E402
from audit.tombstones import tombstones_file_all  # noqa: E402
from deploy.management.commands.prepare import as_owner  # noqa: E402
from retrieval import media, scope  # noqa: E402
from retrieval.models import Asset, AssetSubject  # noqa: E402
from retrieval.services.consents import consent_end, consent_record, subject_register  # noqa: E402
from retrieval.services.erasure_run import erasure_run  # noqa: E402
from retrieval.services.erasures import erasure_request  # noqa: E402


def factories():
    place = Path(__file__).resolve().parents[2] / "factories.py"
    spec = importlib.util.spec_from_file_location("factories", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def live(given):
    """A new appliance with an asset for each token, a backup of it, and what happens afterwards."""
    with as_owner():
        call_command("migrate", interactive=False, verbosity=0)
        call_command("setup_roles", stdout=sys.stderr)
    told = seed(given["tokens"])
    call_command("backup", given["backups"], stdout=sys.stderr)
    since(told)
    call_command("backup", given["later"], stdout=sys.stderr)
    told["living"] = [entry.place for entry in backups_living()]
    return told


def seed(tokens):
    """Each token is in all that is kept of one asset; the last one is about somebody."""
    make = factories()
    default_keystore()
    governor = make.make_user("gwen", is_governor=True)
    collection = make.make_collection("Case files")
    assets = [
        make.make_asset(
            collection,
            raw=f"raw {token}".encode(),
            rendition=f"rendition {token}".encode(),
            thumbnail=b"t",
            segments=(f"segment {token}",),
            title=f"title {token}",
        )
        for token in tokens
    ]
    subject = subject_register(by=governor, identifier="somebody@example.org").subject.id
    link(assets[-1].pk, subject)
    return {"assets": [str(one.pk) for one in assets], "subject": str(subject)}


def link(asset_id, subject):
    with scope.system():
        AssetSubject.objects.create(asset_id=asset_id, subject=subject, via="upload")


def since(told):
    """Two are erased; somebody is found in one more and withdraws; another is held."""
    governor = User.objects.get(username="gwen")
    for asset_id in told["assets"][:2]:
        request = erasure_request(by=governor, asset_id=UUID(asset_id))
        assert erasure_run(request_id=request.pk)
    tombstones_file_all()
    subject = UUID(told["subject"])
    link(told["assets"][3], subject)
    done = consent_record(by=governor, subject_id=subject, terms=Terms(purposes=["search"]))
    consent_end(by=governor, consent_id=done.record.id, how="letter")
    with scope.system():
        hold_place(actor=None, on=Held(asset=UUID(told["assets"][2])), reason="A case")


def look(told):
    """What there is of each asset, what was decided, and where a canary finds which token."""
    kept = []
    for asset_id in map(UUID, told["assets"]):
        with scope.system():
            row = Asset.objects.filter(pk=asset_id).first()
            segments = row.segments.count() if row else 0
        try:
            key = bool(default_keystore().get("asset", str(asset_id)))
        except (KeyDestroyed, KeyMissing):
            key = False
        blobs = sum(media.has_blob(kind, asset_id) for kind in media.Blob)
        kept.append([row.state if row else None, segments, key, blobs])
    with scope.system():
        holds = [str(one) for one in LegalHold.objects.values_list("asset", flat=True)]
        withdrawn = ConsentRecord.objects.filter(withdrawn_at__isnull=False).count()
    return {"assets": kept, "withdrawn": withdrawn, "holds": holds, "found": canary(told["tokens"])}


def canary(tokens):
    """The tokens that any store holds in the clear, by their numbers."""
    sys.stdin = io.TextIOWrapper(io.BytesIO("\n".join(tokens).encode()))
    said = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command("canary", "--json", stdout=said)
    stores = json.loads(said.getvalue())["stores"]
    assert all(store["looked"] for store in stores)
    return sorted({hit["line"] - 1 for store in stores for hit in store["hits"]})


if __name__ == "__main__":
    given = json.loads(sys.stdin.read())
    sys.stdout.write(json.dumps({"live": live, "look": look}[sys.argv[1]](given)))
