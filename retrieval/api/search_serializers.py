"""What goes into a search, and what its answer and its explanation are made of."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.base import InputSerializer
from retrieval.api.asset_serializers import RedactionOutput, modality_field
from retrieval.api.fields import IdField, ObjectField
from retrieval.fusion import METHODS

VERDICTS = ["match", "uncertain"]
KINDS = ["whole", "chunk", "page", "time"]


class FiltersInput(InputSerializer):
    captured_after = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Inclusive."
    )
    captured_before = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Exclusive."
    )
    source = serializers.CharField(  # type: ignore[assignment]  # the contract's name; Field.source is another thing
        max_length=300, required=False, allow_blank=True
    )
    metadata = ObjectField(required=False, help_text="Must be contained in the asset's.")


class SearchInput(InputSerializer):
    text = serializers.CharField(
        max_length=100_000, required=False, allow_blank=True, allow_null=True
    )
    asset = IdField(required=False, allow_null=True, help_text="A stored asset as the query.")
    modalities = serializers.ListField(
        child=serializers.CharField(max_length=16),
        required=False,
        allow_null=True,
        max_length=100,
        help_text=(
            "How things are to be found. `text` finds by words: documents, what is said in sounds, "
            "what is written in pictures; `image` and `audio` by what is seen or heard. Empty: all"
        ),
    )
    collections = serializers.ListField(
        child=IdField(), required=False, allow_null=True, max_length=1000
    )
    filters = FiltersInput(required=False)
    purpose = serializers.CharField(max_length=300, required=False, allow_blank=True)
    top_k = serializers.IntegerField(min_value=1, max_value=100, required=False)
    include_uncertain = serializers.BooleanField(required=False)
    fusion = serializers.ChoiceField(choices=METHODS, required=False)
    weights = serializers.DictField(
        child=serializers.FloatField(min_value=0), required=False, help_text="By space."
    )


@extend_schema_field({"type": "string", "description": "The filters as JSON."})
class FiltersText(ObjectField):
    """The filters of a form, as JSON text."""

    def to_internal_value(self, data: object) -> dict[str, Any]:
        """The validated filters."""
        reader = FiltersInput(data=super().to_internal_value(data))
        reader.is_valid(raise_exception=True)
        values: dict[str, Any] = reader.validated_data
        return values


@extend_schema_field({"type": "string", "description": "Weights by space, as JSON."})
class WeightsText(ObjectField):
    """The weights of a form, as JSON text."""

    def to_internal_value(self, data: object) -> dict[str, Any]:
        """The validated weights."""
        child = serializers.DictField(child=serializers.FloatField(min_value=0))
        values: dict[str, Any] = child.run_validation(super().to_internal_value(data))
        return values


class SearchForm(SearchInput):
    file = serializers.FileField(
        required=False, allow_empty_file=True, help_text="Redacted in memory, never on a disk."
    )
    file_modality = modality_field(
        required=False,
        allow_blank=True,
        help_text="What an array of numbers (.npy) given as the file shows.",
    )
    filters = FiltersText(required=False)  # type: ignore[assignment]  # the same, as text
    weights = WeightsText(required=False)  # type: ignore[assignment]  # the same, as text


class QueryOutput(serializers.Serializer[Any]):
    modality = serializers.CharField()
    redactions = RedactionOutput(many=True)


class HitAsset(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField(allow_blank=True)
    modality = modality_field()
    collection = serializers.UUIDField()


class HitSegment(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=KINDS)
    text = serializers.CharField(allow_null=True)
    page = serializers.IntegerField(allow_null=True)
    start_ms = serializers.IntegerField(allow_null=True)
    end_ms = serializers.IntegerField(allow_null=True)


class Signal(serializers.Serializer[Any]):
    space = serializers.CharField()
    model = serializers.CharField(allow_null=True, help_text="Null where literal words matched.")
    query_modality = serializers.CharField()
    target_modality = serializers.CharField()
    similarity = serializers.FloatField(
        help_text="Cosine, rounded to two decimals; higher is nearer."
    )
    calibrated = serializers.FloatField(help_text="Probability of being relevant.")
    weight = serializers.FloatField()
    bridge = serializers.CharField(
        required=False,
        help_text="Names the bridge that carried the query into this space, where one did.",
    )


class HitInfluence(serializers.Serializer[Any]):
    signals = Signal(many=True)
    redactions = serializers.ListField(child=serializers.CharField())
    consent = serializers.CharField()


class SignalRecorded(Signal):
    segment = serializers.IntegerField(
        allow_null=True, help_text="The stored segment that this space found."
    )
    threshold = serializers.FloatField(
        allow_null=True, help_text="From here on `calibrated` counts as a match."
    )
    decided = serializers.BooleanField(
        allow_null=True, help_text="The strongest signal, whose place is the hit's."
    )
    route = serializers.CharField(
        allow_null=True, allow_blank=True, help_text="How its rows were reached: `exact`, `hnsw`…"
    )
    source = ObjectField(  # type: ignore[assignment]  # the record's name; Field.source is another thing
        help_text="What the confidence was computed from: calibration, reference bank, features."
    )


class VersionsRecorded(serializers.Serializer[Any]):
    redaction = serializers.CharField(
        allow_null=True, allow_blank=True, help_text="The redaction profile that was applied."
    )
    data = serializers.CharField(  # type: ignore[assignment]  # the record's name, read as a key
        allow_null=True, help_text="Which content was found, and since when it is what it was."
    )


class InfluenceRecorded(serializers.Serializer[Any]):
    signals = SignalRecorded(many=True)
    redactions = serializers.ListField(child=serializers.CharField())
    consent = serializers.CharField(help_text="In force when the search ran.")
    legal_basis = serializers.CharField(
        allow_blank=True, help_text="What the collection names for being searched, today."
    )
    versions = VersionsRecorded()


class HitLinks(serializers.Serializer[Any]):
    content = serializers.CharField()
    thumbnail = serializers.CharField()


class HitOutput(serializers.Serializer[Any]):
    rank = serializers.IntegerField()
    confidence = serializers.FloatField()
    verdict = serializers.ChoiceField(choices=VERDICTS)
    asset = HitAsset()
    segment = HitSegment()
    more_segments = serializers.IntegerField()
    influence = HitInfluence()
    links = HitLinks()


class SearchedOutput(serializers.Serializer[Any]):
    collections = serializers.IntegerField(help_text="Only those that the caller may read.")
    modalities = serializers.ListField(child=serializers.CharField())


class TimingOutput(serializers.Serializer[Any]):
    total = serializers.IntegerField()


class SearchOutput(serializers.Serializer[Any]):
    search_id = serializers.UUIDField()
    query = QueryOutput()
    confident = serializers.BooleanField()
    hits = HitOutput(many=True)
    searched = SearchedOutput()
    timing_ms = TimingOutput()


class ExplainedQuery(QueryOutput):
    kept = serializers.BooleanField(help_text="Whether the query itself is still kept.")
    kept_until = serializers.DateTimeField(allow_null=True)
    text = serializers.CharField(
        allow_null=True, help_text="For whoever searched, while it is kept."
    )
    asset = serializers.CharField(allow_null=True)


class ExplainedHit(serializers.Serializer[Any]):
    rank = serializers.IntegerField()
    withheld = serializers.BooleanField(
        help_text="Not for the reader to see now: all else is null."
    )
    confidence = serializers.FloatField(allow_null=True)
    verdict = serializers.ChoiceField(choices=VERDICTS, allow_null=True)
    asset = HitAsset(allow_null=True)
    segment = HitSegment(allow_null=True)
    influence = InfluenceRecorded(allow_null=True)
    links = HitLinks(allow_null=True)


class ModelBasis(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    space = serializers.CharField()
    manifest_sha256 = serializers.CharField(
        allow_blank=True, help_text="Stands for every file of the model's bundle."
    )


class BasisOutput(serializers.Serializer[Any]):
    models = serializers.DictField(child=ModelBasis(), help_text="By `name@version`.")
    bridges = serializers.DictField(
        child=serializers.CharField(), help_text="SHA-256 of each bridge that carried the query."
    )


class ExplanationOutput(serializers.Serializer[Any]):
    search_id = serializers.UUIDField()
    at = serializers.DateTimeField()
    query = ExplainedQuery()
    confident = serializers.BooleanField()
    searched = SearchedOutput()
    models = serializers.ListField(child=serializers.CharField())
    basis = BasisOutput()
    parameters = ObjectField()
    hits = ExplainedHit(many=True)
    timing_ms = TimingOutput()
