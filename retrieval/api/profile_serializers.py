"""What goes in and comes out of the addresses of redaction profiles and of redacting anew."""

from __future__ import annotations

from typing import Any, get_args

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.base import InputSerializer
from retrieval.redaction.base import (
    Fill,
    MetadataPolicy,
    MutedAs,
    Operator,
    SpeechPolicy,
    TextInPictures,
    WithoutTranscriber,
)
from retrieval.redaction.profile_schema import MAX_LIST_BYTES, NAME
from retrieval.selectors.profiles import ProfileView
from retrieval.selectors.reredaction import LISTED_AT_MOST, ReredactionPlan

_WORDS = f"At most {MAX_LIST_BYTES} bytes together with the other list."
RUN_STATES = ["running", "done", "cancelled"]


def _of(choice: Any) -> list[str]:
    return list(get_args(choice))


class RuleInput(InputSerializer):
    threshold = serializers.FloatField(help_text="Found at this score or above; above 0, up to 1.")
    operator = serializers.ChoiceField(
        choices=_of(Operator),
        required=False,
        help_text="`hash` is keyed by collection: equal values stay equal within it.",
    )
    review = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="From this score up to the threshold: left in, and put before a steward.",
    )


class ImageInput(InputSerializer):
    metadata = serializers.ChoiceField(choices=_of(MetadataPolicy), required=False)
    text = serializers.ChoiceField(choices=_of(TextInPictures), required=False)
    faces = serializers.ChoiceField(choices=_of(Fill), required=False)
    codes = serializers.ChoiceField(choices=_of(Fill), required=False)
    face_threshold = serializers.FloatField(required=False)
    face_review = serializers.FloatField(required=False, allow_null=True)


class AudioInput(InputSerializer):
    metadata = serializers.ChoiceField(choices=_of(MetadataPolicy), required=False)
    speech = serializers.ChoiceField(choices=_of(SpeechPolicy), required=False)
    without_transcriber = serializers.ChoiceField(choices=_of(WithoutTranscriber), required=False)
    speech_threshold = serializers.FloatField(required=False)
    muted_as = serializers.ChoiceField(choices=_of(MutedAs), required=False)


class RulesInput(InputSerializer):
    entities = serializers.DictField(
        child=RuleInput(), help_text="By kind; what is not named is left in."
    )
    image = ImageInput(required=False)
    audio = AudioInput(required=False)
    passes = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Modalities in which nothing can be looked for and which pass; `*` is every one.",
    )
    allow = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text=f"Words that are never taken out. {_WORDS}",
    )
    deny = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text=f"Words that always are. {_WORDS}",
    )
    languages = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="ISO 639-1: let through although names are not reliably found; `*` is every one.",
    )


class ProfileVersionInput(InputSerializer):
    rules = RulesInput()


class ProfileInput(ProfileVersionInput):
    name = serializers.RegexField(rf"^{NAME.pattern}$", help_text="Small letters, digits, dashes.")


class FigureOutput(serializers.Serializer[Any]):
    what = serializers.CharField()
    missed = serializers.IntegerField()
    of = serializers.IntegerField()
    source = serializers.CharField(  # type: ignore[assignment]  # Field.source is another thing
        allow_blank=True
    )


class MeasuredOutput(serializers.Serializer[Any]):
    at = serializers.CharField(allow_blank=True)
    figures = FigureOutput(many=True, help_text="Empty: nobody has measured this profile.")


class ChangeOutput(serializers.Serializer[Any]):
    field = serializers.CharField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)


class ProfileOutput(serializers.Serializer[ProfileView]):
    name = serializers.CharField(source="profile.name")
    version = serializers.IntegerField(source="profile.version")
    ref = serializers.CharField(source="profile.ref", help_text="name@version")
    shipped = serializers.BooleanField()
    rules = serializers.SerializerMethodField()
    words_shown = serializers.BooleanField(
        help_text="Whether `allow` and `deny` are told; for others than whom they concern: empty."
    )
    takes_out = serializers.ListField(child=serializers.CharField())
    leaves_in = serializers.ListField(child=serializers.CharField())
    measured = MeasuredOutput(help_text="What it missed where that was measured.")
    changes = ChangeOutput(many=True, help_text="Against the version before.")
    collections = serializers.SerializerMethodField()
    used_elsewhere = serializers.IntegerField(
        allow_null=True,
        help_text="By how many other collections; told to governors and operators only.",
    )
    may_change = serializers.BooleanField()
    created_by = serializers.UUIDField(allow_null=True, help_text="The ledger's id of who made it.")
    created_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(RulesInput)
    def get_rules(self, view: ProfileView) -> dict[str, Any]:
        """All of its rules."""
        return view.rules

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_collections(self, view: ProfileView) -> list[str]:
        """Those that use it and that the caller governs."""
        return [str(one.pk) for one in view.collections]


class ReredactInput(InputSerializer):
    withhold_rest = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Withhold what shows more than the profile allows and has no original any more.",
    )


class ReredactQuery(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(required=False, default=False)


class BehindOutput(serializers.Serializer[Any]):
    profile_version = serializers.CharField()
    stricter = serializers.BooleanField(
        help_text="Whether the present profile takes out anything that this version left in."
    )
    with_original = serializers.IntegerField()
    without_original = serializers.IntegerField()


class RunOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    profile_version = serializers.CharField(help_text="When it was begun.")
    state = serializers.ChoiceField(choices=RUN_STATES)
    withhold_rest = serializers.BooleanField()
    total = serializers.IntegerField()
    begun = serializers.IntegerField()
    withheld = serializers.IntegerField()
    started_at = serializers.DateTimeField()


class ReredactOutput(serializers.Serializer[ReredactionPlan]):
    profile_version = serializers.CharField(source="profile.ref")
    again = serializers.IntegerField(help_text="Assets to be redacted anew from their originals.")
    not_any_more = serializers.IntegerField(
        help_text="Assets that cannot be: their originals have been destroyed."
    )
    exposed = serializers.IntegerField(
        help_text="Of those, assets that show what the present profile takes out."
    )
    returning = serializers.IntegerField(
        help_text="Assets withheld by an earlier run that come back."
    )
    stricter = serializers.BooleanField(
        help_text="Whether assets are withheld at once until they are through."
    )
    behind = BehindOutput(many=True)
    lost = serializers.ListField(
        child=serializers.UUIDField(),
        help_text=f"Assets that cannot be redacted anew, the first {LISTED_AT_MOST}.",
    )
    running = RunOutput(allow_null=True)


class LookupInput(InputSerializer):
    identifier = serializers.CharField(
        max_length=300, help_text="An e-mail address, telephone number, official number or name."
    )


class CandidateOutput(serializers.Serializer[Any]):
    asset = serializers.UUIDField()
    collection = serializers.UUIDField()
    modality = serializers.CharField(allow_blank=True)
    state = serializers.CharField()
    created_at = serializers.DateTimeField()
    linked = serializers.BooleanField(help_text="With the subject of this identifier.")


class LookupOutput(serializers.Serializer[Any]):
    lookup = serializers.UUIDField(help_text="Under this id the lookup is in the ledger.")
    subject = serializers.UUIDField(
        allow_null=True, help_text="Who is known by this identifier, if anybody is."
    )
    forms = serializers.ListField(
        child=serializers.CharField(), help_text="As what it was looked for: email, phone, ..."
    )
    candidates = CandidateOutput(many=True, help_text="For review: none is certain.")
