"""Profiles to JSON and back; what is not understood is refused with the place named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.redaction.base import AudioPolicy, EntityRule, ImagePolicy, Profile, RedactionKeys
from retrieval.redaction.errors import ProfileError
from retrieval.redaction.kinds import GROUPS, KINDS
from retrieval.redaction.profile_schema import (
    MAX_LIST_BYTES,
    keys_from,
    keys_to,
    profile_from,
    profile_to,
)
from retrieval.redaction.profiles import SHIPPED, STRICT

share = st.integers(1, 100).map(lambda percent: percent / 100)
rules = st.builds(
    lambda threshold, part, operator: EntityRule(
        threshold=threshold,
        operator=operator,
        review=None if part is None else threshold * part,
    ),
    share,
    st.none() | st.sampled_from([0.25, 0.5, 0.75]),
    st.sampled_from(["replace", "mask", "hash", "keep"]),
)
words = st.lists(
    st.text("aé漢 x.", min_size=1, max_size=9).map(str.strip).filter(bool), unique=True
)
profiles = st.builds(
    Profile,
    name=st.from_regex(r"[a-z][a-z0-9-]{1,20}", fullmatch=True),
    version=st.integers(1, 99),
    entities=st.dictionaries(st.sampled_from(sorted(KINDS)), rules, max_size=5),
    image=st.builds(
        ImagePolicy,
        faces=st.sampled_from(["fill", "keep"]),
        face_threshold=st.just(0.6),
        face_review=st.none() | st.just(0.2),
    ),
    audio=st.builds(AudioPolicy, speech=st.sampled_from(["mute_speech", "mute_pii", "keep"])),
    passes=st.frozensets(st.sampled_from(["*", "depth", "imu"])),
    allow=words.map(tuple),
    deny=words.map(tuple),
    languages=st.just(("de", "*")),
)


@given(profiles)
def test_a_profile_survives_the_way_there_and_back(profile):
    assert profile_from(json.loads(json.dumps(profile_to(profile)))) == profile


@pytest.mark.parametrize("profile", SHIPPED, ids=lambda one: one.name)
def test_the_shipped_ones_can_be_sent(profile):
    assert profile_from(profile_to(profile)) == profile


def bad(**changes):
    return {**profile_to(SHIPPED[1]), "name": "ours", **changes}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ([], ""),
        (bad(colour=1), ""),
        ({"name": "ours", "version": 1}, "entities"),
        (bad(name="Ours"), "name"),
        (bad(version=True), "version"),
        (bad(entities={"email": {"threshold": 0.5}}), "entities"),
        (bad(entities={"PERSON": {}}), "entities.PERSON.threshold"),
        (bad(entities={"PERSON": {"threshold": 1.5}}), "entities.PERSON.threshold"),
        (bad(entities={"PERSON": {"threshold": float("nan")}}), "entities.PERSON.threshold"),
        (
            bad(entities={"PERSON": {"threshold": 0.5, "operator": "blur"}}),
            "entities.PERSON.operator",
        ),
        (bad(entities={"PERSON": {"threshold": 0.5, "review": 0.5}}), "entities.PERSON.review"),
        (bad(entities={"PERSON": {"threshold": 0.5, "note": 1}}), "entities.PERSON"),
        (bad(image={"faces": "blur"}), "image.faces"),
        (bad(image={"faces": ["fill"]}), "image.faces"),
        (bad(image={"face_threshold": 0}), "image.face_threshold"),
        (bad(image={"face_threshold": None}), "image.face_threshold"),
        (bad(image={"face_review": 0.9}), "image.face_review"),
        (bad(audio={"speech": "mute"}), "audio.speech"),
        (bad(audio=None), "audio"),
        (bad(allow="word"), "allow"),
        (bad(allow=[""]), "allow"),
        (bad(deny=["line\nbreak"]), "deny"),
        (bad(deny=["é" * 200, *(f"{n:x}" * 20 for n in range(256, 1500))]), "deny"),
        (bad(languages=["english"]), "languages"),
        (bad(passes=["Depth"]), "passes"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(data, field):
    with pytest.raises(ProfileError) as error:
        profile_from(data)
    assert error.value.field == field


def test_the_lists_limit_is_one_for_both():
    half = [f"{n:04}" * 25 for n in range(MAX_LIST_BYTES // 250)]
    assert profile_from(bad(allow=half)).allow == tuple(half)
    with pytest.raises(ProfileError):
        profile_from(bad(allow=half, deny=[*half, *("x" * 99 + str(n) for n in range(60))]))


def test_keys_travel_and_say_nothing_when_shown():
    keys = RedactionKeys(hash_key=b"\x00\xff" * 16, blind_key=b"b" * 32)
    assert keys_from(json.loads(json.dumps(keys_to(keys)))) == keys
    assert keys_from(None) == RedactionKeys()
    assert "b" * 8 not in repr(keys)
    with pytest.raises(ValueError, match="two texts"):
        keys_from({"hash": "AA=="})


def test_strict_takes_out_every_kind_that_anything_names():
    assert set(STRICT.entities) == KINDS
    assert len(KINDS) == sum(len(group.kinds) for group in GROUPS)
