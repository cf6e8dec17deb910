"""The whole redaction server: its socket, recognisers and sandbox, through the thin client."""

import io
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.redaction.base import EntityRule, Profile, RedactionKeys
from retrieval.redaction.client import RedactionClient
from retrieval.redaction.errors import RedactionRefused, RedactionUnavailable
from retrieval.redaction.profiles import STANDARD
from retrieval.redaction.types import MAX_WINDOWS, TensorSpec

pytestmark = pytest.mark.timeout(240)

SPEECH = Path(__file__).parents[2] / "retrieval" / "redaction" / "audio" / "speech" / "french.ogg"
CARD = "4111 1111 1111 1111"
NOTE = f"# Minutes\n\nAnn (ann@example.org) paid with {CARD}.\n\nCall +44 20 7946 0958."


def picture() -> bytes:
    image = Image.new("RGB", (320, 200), (200, 30, 30))
    exif = image.getexif()
    exif[0x010F] = "Camera of Ann"
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


def sound(seconds: float) -> bytes:
    rate = 16_000
    samples = np.sin(np.arange(int(rate * seconds)) * 0.2) * 8000
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def prepare(client, data, name="file", title="", profile="standard"):
    return client.prepare([data[:7], data[7:]], name=name, title=title, profile=profile)


def test_a_text_is_redacted_chunked_and_clean_afterwards(client):
    made = prepare(client, NOTE.encode(), name="ann_078-05-1121.md")
    text = made.rendition.decode()
    assert made.modality == "text"
    assert "<EMAIL_ADDRESS_1>" in text
    assert "<CREDIT_CARD_1>" in text
    assert not any(secret in text for secret in ("ann@", CARD, "7946"))
    assert made.title == "<PERSON_1> <US_SSN_1>"
    for segment in made.segments:
        assert segment.kind == "chunk"
        assert text[segment.start : segment.end] == segment.text
    assert {count.kind: count.count for count in made.redactions} == {
        "CREDIT_CARD": 1,
        "EMAIL_ADDRESS": 1,
        "PERSON": 2,
        "PHONE_NUMBER": 1,
        "US_SSN": 1,
    }
    assert made.profile_version == "standard@2"
    assert [step.step for step in made.steps][-2:] == ["redact", "segment"]
    assert made.thumbnail.startswith(b"RIFF")
    assert not client.verify(made.rendition, media_type=made.media_type, profile="standard").reason


def test_the_second_look_finds_what_was_left(client):
    kinds = client.verify(b"mail bob@x.org", media_type="text/plain", profile="standard").kinds
    assert kinds == ["EMAIL_ADDRESS"]
    kinds = client.verify(picture(), media_type="image/jpeg", profile="standard").kinds
    assert kinds
    assert all(kind.startswith("METADATA:") for kind in kinds)


def test_a_picture_loses_its_metadata_and_gives_pixels(client):
    made = prepare(client, picture(), name="a.jpg", title=f"my card {CARD}")
    assert (made.modality, made.width, made.height) == ("image", 320, 200)
    assert b"Camera of Ann" not in made.rendition
    assert "exif" in made.metadata_removed
    assert made.title == "my card <CREDIT_CARD_1>"
    assert [segment.kind for segment in made.segments] == ["whole"]
    assert not client.verify(made.rendition, media_type=made.media_type, profile="standard").reason
    spec = TensorSpec(longest_side=64)
    (pixels,) = client.tensors(made.rendition, media_type=made.media_type, spec=spec)
    assert pixels.shape == (40, 64, 3)
    assert pixels.dtype == np.uint8


def test_a_sound_gives_windows(client):
    made = prepare(client, sound(12), name="a.wav")
    assert made.modality == "audio"
    windows = [(segment.start_ms, segment.end_ms) for segment in made.segments]
    assert windows[0] == (0, 10_000)
    assert windows[-1][1] == made.duration_ms
    assert not client.verify(made.rendition, media_type=made.media_type, profile="standard").reason
    spec = TensorSpec(sample_rate=16_000, windows_ms=tuple(windows))
    whole = client.tensors(made.rendition, media_type=made.media_type, spec=spec)
    assert [wave.shape for wave in whole] == [(160_000,)] * len(windows)
    batches = client.tensor_batches(made.rendition, media_type=made.media_type, spec=spec, batch=1)
    np.testing.assert_array_equal(np.stack([b[0] for b in batches]), np.stack(whole))


def test_too_many_windows_are_a_mistake_of_the_caller(client):
    spec = TensorSpec(windows_ms=((0, 1),) * (MAX_WINDOWS + 1))
    with pytest.raises(ValueError, match="windows"):
        client.tensors(b"", media_type="audio/ogg", spec=spec)


def test_a_query_file_is_redacted_in_memory(client):
    found = client.query_file(NOTE.encode(), profile="standard", name="q.md")
    assert found.modality == "text"
    assert CARD not in found.text
    assert {count.kind for count in found.redactions} >= {"CREDIT_CARD", "EMAIL_ADDRESS"}
    found = client.query_file(picture(), profile="standard")
    assert found.modality == "image"
    assert found.rendition


def test_a_voice_in_a_querys_sound_is_muted_and_told(client):
    said = SPEECH.read_bytes()
    found = client.query_file(said, profile="standard", name="call.ogg")
    assert [(count.kind, count.count) for count in found.redactions] == [("VOICE", 1)]
    spec = TensorSpec(sample_rate=16_000, windows_ms=((300, 1_500),))
    (samples,) = client.tensors(found.rendition, media_type="audio/ogg", spec=spec)
    assert float((samples**2).mean()) < 1e-7
    kept = client.query_file(said, profile="open", name="call.ogg")
    (samples,) = client.tensors(kept.rendition, media_type="audio/ogg", spec=spec)
    assert float((samples**2).mean()) > 1e-4
    assert client.verify(kept.rendition, media_type="audio/ogg", profile="standard").kinds == [
        "VOICE"
    ]


def test_texts_of_one_asset_share_their_numbers(client):
    first, second = client.redact_texts([f"a {CARD}", f"b {CARD}"], profile="strict")
    assert (first.text, second.text) == ("a <CREDIT_CARD_1>", "b <CREDIT_CARD_1>")
    assert first.findings[0].start == 2
    assert client.redact_text("plain", profile="open").text == "plain"


REFUSED = [
    (b"", "a.txt", "empty-file", "rejected"),
    (b"\x00\x01\x02\x03" * 10, "a.bin", "unknown-type", "rejected"),
    (b"\xff\xd8\xff\xe0" + b"\0" * 40, "a.jpg", None, "rejected"),
    (b"x" * (2 * 1024 * 1024 + 1), "a.txt", "too-large", "rejected"),
]


@pytest.mark.parametrize(("data", "name", "code", "disposition"), REFUSED)
def test_what_cannot_be_taken_is_refused_with_a_reason(client, data, name, code, disposition):
    with pytest.raises(RedactionRefused) as refused:
        prepare(client, data, name=name)
    assert code is None or refused.value.code == code
    assert refused.value.disposition == disposition
    assert refused.value.reason.endswith(".")


def test_an_unknown_profile_is_refused_not_replaced(client):
    with pytest.raises(RedactionRefused) as refused:
        prepare(client, b"hello", profile="lax")
    assert (refused.value.code, refused.value.disposition) == ("unknown-profile", "quarantined")


def test_a_report_gives_offsets_of_the_file_as_it_was_sent(client):
    sent = f"\ufeffone  \r\n\r\n\r\n\r\nmail ann@example.org\r\ncafe\u0301 {CARD}\r\n"
    made = client.prepare([sent.encode()], name="a.txt", title="", profile="standard")
    findings = [f for f in made.findings if f.kind in {"EMAIL_ADDRESS", "CREDIT_CARD"}]
    assert [sent[f.start : f.end] for f in findings] == ["ann@example.org", CARD]
    assert b"ann@" not in made.rendition


def test_many_at_once_are_all_served(redaction_process):
    answers = []

    def work(number):
        client = RedactionClient(redaction_process[1])
        made = prepare(client, f"note {number} {CARD}".encode(), name="n.txt")
        answers.append(made.rendition.decode())
        client.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [f"note {number} <CREDIT_CARD_1>" for number in range(8)]


def test_health_tells_of_sandbox_profiles_and_memory(client):
    health = client.health()
    assert health["status"] == "ok"
    assert health["profiles"] == ["strict@2", "standard@2", "open@3"]
    assert health["covers"] == list(STANDARD.covers)
    assert all(wall["held"] for wall in health["sandbox"]["walls"])
    assert 0 < health["memory"]["proportional"] < 400 * 1024 * 1024


def test_torch_is_in_none_of_its_processes(redaction_process, client):
    client.health()
    process = redaction_process[0]
    for pid in [process.pid, *_children(process.pid)]:
        maps = Path(f"/proc/{pid}/maps").read_text()
        assert "libtorch" not in maps
        assert "python" in maps


def test_the_socket_is_private(redaction_process):
    assert redaction_process[1].stat().st_mode & 0o777 == 0o600


def test_the_log_holds_codes_and_no_content(redaction_process, client):
    name = "secret-name-of-ann.txt"
    prepare(client, f"mail ann@example.org {CARD}".encode(), name=name)
    with pytest.raises(RedactionRefused):
        prepare(client, b"", name=name)
    log = redaction_process[2].read_text()
    assert "empty-file" in log
    assert not any(word in log for word in ("secret-name", "ann@", "4111", "Traceback"))


def test_no_server_is_transient(tmp_path):
    with pytest.raises(RedactionUnavailable):
        RedactionClient(tmp_path / "none.sock").redact_text("x", profile="standard")


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def test_a_profile_of_ones_own_comes_whole_with_its_keys(client):
    words = tuple(f"ünüsual-{n}" for n in range(1200))  # a header of some 40 kB
    ours = Profile(
        name="ours",
        version=7,
        entities={"EMAIL_ADDRESS": EntityRule(threshold=0.4, operator="hash")},
        allow=words,
    )
    keys = RedactionKeys(hash_key=b"h" * 32, blind_key=b"b" * 32)
    made = client.prepare([NOTE.encode()], name="a.md", title="", profile=ours, keys=keys)
    text = made.rendition.decode()
    assert made.profile_version == "ours@7"
    assert CARD in text  # this profile does not name cards
    assert "ann@" not in text
    assert "<EMAIL_ADDRESS_1>" not in text
    assert [entry.kind for entry in made.blind] == ["email"]
    again, blind = client.redact_words(["from ann@example.org"], profile=ours, keys=keys)
    assert again[0].text.removeprefix("from ") in text
    assert blind == made.blind
    assert not client.verify(made.rendition, media_type=made.media_type, profile=ours).reason
    assert prepare(client, NOTE.encode()).blind == ()


def test_a_profile_that_cannot_be_read_lets_nothing_through(client):
    broken = Profile(name="Not A Name", version=1, entities={})
    with pytest.raises(RedactionRefused) as refused:
        client.redact_text("a@x.org", profile=broken)
    assert (refused.value.code, refused.value.disposition) == ("bad-profile", "quarantined")
