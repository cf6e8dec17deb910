import pytest

from retrieval.redaction.errors import UnknownProfileError
from retrieval.redaction.profiles import OPEN, STANDARD
from retrieval.redaction.registry import get_profile, profile_names
from retrieval.redaction.text import StructuredTextRedactor
from retrieval.redaction.types import Verdict
from retrieval.redaction.verify import INCOMPLETE, verify_metadata, verify_text, verifying_redactor


def test_what_redaction_left_behind_is_named():
    verdict = verify_text("see bob@x.org, 10.0.0.1", profile=STANDARD)
    assert (verdict.reason, verdict.kinds) == (INCOMPLETE, ["EMAIL_ADDRESS", "IP_ADDRESS"])
    assert verify_text("see bob@x.org", profile=OPEN) == Verdict()


def test_a_redacted_text_is_clean_and_a_forged_placeholder_is_no_cover():
    text = "tel 020 7946 0958, ann@example.org, BSN 111222333, born 1980-03-12. " * 200
    shown = StructuredTextRedactor().redact(text, profile=STANDARD).text
    assert verify_text(shown, profile=STANDARD) == Verdict()
    assert verify_text("<4111111111111111>", profile=STANDARD).kinds == ["CREDIT_CARD"]
    forged = "<EMAIL_ADDRESS_1>bob@x.org"
    assert verify_text(forged, profile=STANDARD).kinds == ["EMAIL_ADDRESS"]


def test_the_second_look_cuts_elsewhere():
    assert verifying_redactor()._core_chars != StructuredTextRedactor()._core_chars


def test_metadata_kinds_are_named():
    assert verify_metadata(["gps", "exif", "gps"]).kinds == ["METADATA:exif", "METADATA:gps"]
    assert verify_metadata([]) == Verdict()


def test_profiles_are_found_by_name_and_never_replaced_by_another():
    assert profile_names() == ("strict", "standard", "open")
    assert get_profile("standard").ref == "standard@2"
    with pytest.raises(UnknownProfileError):
        get_profile("lax")
