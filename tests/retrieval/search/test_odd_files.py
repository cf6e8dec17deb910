"""Files that show or say nothing, through the real servers: an honest answer or a clear refusal."""

from __future__ import annotations

import io
import wave

import pytest
from PIL import Image

from retrieval import scope
from retrieval.encoders.bundle import BUILTIN, load_reference
from retrieval.errors import Unprocessable
from retrieval.models import Segment
from retrieval.services.models import active_models, model_install
from retrieval.services.search import SearchRequest, search_run
from retrieval.vectors import VectorRow, backend
from tests.factories import make_asset, make_collection, make_reader
from tests.workers.live_servers import live_servers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


def silence(seconds: float) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"\0\0" * int(16_000 * seconds))
    return made.getvalue()


def picture(size: tuple[int, int], mode: str = "RGB") -> bytes:
    made = io.BytesIO()
    Image.new(mode, size).save(made, "PNG")
    return made.getvalue()


FILES = {
    "silence.wav": silence(3),
    "a moment.wav": silence(0.01),
    "no sample.wav": silence(0),
    "dot.png": picture((1, 1)),
    "line.png": picture((1, 400)),
    "clear.png": picture((3, 3), "LA"),
    "half.png": picture((64, 64))[:60],
    "empty.txt": b" \n",
    "unknown.bin": bytes(range(256)),
}
REFUSED = {"no sample.wav", "half.png", "empty.txt", "unknown.bin"}


def stocked(each: int = 20):
    """A collection of real photos, sounds and texts, as the bundle's reference has them."""
    collection = make_collection("odd")
    with scope.system():
        [model] = active_models()
        for modality in ("image", "audio", "text"):
            for vector in load_reference(BUILTIN)[modality][:each]:
                asset = make_asset(collection, modality=modality, segments=("",))
                row = VectorRow(
                    segment_id=Segment.objects.get(asset=asset).pk,
                    asset_id=asset.pk,
                    collection_id=collection.pk,
                    modality=modality,
                    vector=vector,
                )
                backend().upsert(table=model.table, rows=[row])
    return collection


def test_nothing_to_see_or_hear(tmp_path, settings):
    with live_servers(tmp_path, settings, prepare=lambda: model_install("builtin")):
        reader = make_reader(stocked())
        for name, data in FILES.items():
            request = SearchRequest(file=data, file_name=name, include_uncertain=True)
            try:
                answer = search_run(user=reader, request=request)
            except Unprocessable:
                assert name in REFUSED, name
            else:
                assert name not in REFUSED, name
                assert len(answer.hits) == request.top_k, name
                assert not answer.confident, (name, [hit.confidence for hit in answer.hits])
