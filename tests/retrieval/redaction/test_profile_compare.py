"""Which of two profiles takes out more, both together, and what differs, in words."""

from dataclasses import replace

import pytest

from retrieval.redaction import profile_words
from retrieval.redaction.base import AudioPolicy, EntityRule, ImagePolicy, Profile
from retrieval.redaction.profile_compare import combined, differences, tightens
from retrieval.redaction.profile_schema import rules_to
from retrieval.redaction.profile_words import leaves_in, measured, takes_out
from retrieval.redaction.profiles import OPEN, SHIPPED, STANDARD, STRICT

BASE = Profile(
    name="base",
    version=1,
    entities={
        "PERSON": EntityRule(threshold=0.5),
        "URL": EntityRule(threshold=0.5, operator="keep"),
    },
    image=ImagePolicy(faces="keep"),
    audio=AudioPolicy(speech="mute_pii"),
    allow=("x",),
    languages=("de", "fr"),
)


@pytest.mark.parametrize(
    ("change", "tighter", "laxer"),
    [
        ({"version": 2}, False, False),
        (
            {"entities": {"PERSON": EntityRule(threshold=0.5, operator="mask", review=0.2)}},
            False,
            False,
        ),
        ({"entities": {"PERSON": EntityRule(threshold=0.4)}}, True, False),
        ({"entities": {}}, False, True),
        ({"entities": {"URL": EntityRule(threshold=0.9)}}, True, True),
        ({"image": ImagePolicy()}, True, False),
        ({"image": ImagePolicy(faces="keep", face_threshold=0.1)}, False, False),
        ({"image": ImagePolicy(faces="keep", metadata="keep")}, False, True),
        ({"audio": AudioPolicy()}, True, False),
        ({"audio": AudioPolicy(speech="keep")}, False, True),
        ({"deny": ("y",)}, True, False),
        ({"allow": ()}, True, False),
        ({"languages": ("*",)}, False, True),
        ({"languages": ("de",)}, True, False),
        ({"passes": frozenset({"imu"})}, False, True),
    ],
)
def test_a_change_takes_out_more_or_less_or_both(change, tighter, laxer):
    changed = replace(BASE, **change)
    assert tightens(old=BASE, new=changed) is tighter
    assert tightens(old=changed, new=BASE) is laxer


def test_the_shipped_ones_are_in_order():
    assert tightens(old=STANDARD, new=STRICT)
    assert tightens(old=OPEN, new=STANDARD)
    assert not tightens(old=STRICT, new=OPEN)


def test_together_they_take_out_what_any_takes_out():
    both = combined([OPEN, BASE])
    for one in (OPEN, BASE):
        assert not tightens(old=both, new=one)
    assert combined([BASE]) is BASE
    assert both.ref == "combined@1"
    with pytest.raises(ValueError, match="nothing"):
        combined([])


def test_differences_name_the_fields_and_not_the_words_of_lists():
    changed = replace(BASE, entities={"PERSON": EntityRule(threshold=0.4)}, deny=("Ann Secret",))
    told = {
        one.field: (one.before, one.after) for one in differences(rules_to(BASE), rules_to(changed))
    }
    assert told == {
        "entities.PERSON": ("replace from 0.5", "replace from 0.4"),
        "entities.URL": ("keep from 0.5", ""),
        "deny": ("0 words", "1 words (1 new, 0 gone)"),
    }


@pytest.mark.parametrize("profile", [*SHIPPED, BASE], ids=lambda one: one.name)
def test_everything_is_either_taken_out_or_left_in(profile):
    out, left = takes_out(profile), leaves_in(profile)
    assert not set(out) & set(left)
    for label in ("faces", "names of people", "web addresses"):
        assert (label in out) != (label in left)


def test_measured_misses_are_shown_for_the_profile_they_are_of(tmp_path, monkeypatch):
    file = tmp_path / "measured.json"
    monkeypatch.setattr(profile_words, "MEASURED", file)
    profile_words._file.cache_clear()
    assert measured(STANDARD).figures == ()
    file.write_text(
        '{"measured_at": "2026-11-21", "figures": ['
        '{"profile": "standard@2", "kind": "PERSON", "missed": 7, "of": 100, "source": "x"},'
        '{"profile": "standard@1", "kind": "PERSON", "missed": 50, "of": 100, "source": "x"}]}'
    )
    profile_words._file.cache_clear()
    (figure,) = measured(STANDARD).figures
    assert (figure.what, figure.percent, measured(STANDARD).at) == ("PERSON", 7.0, "2026-11-21")
    assert measured(BASE).figures == ()
    profile_words._file.cache_clear()
