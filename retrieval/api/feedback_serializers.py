"""What goes into a vote on a hit and into labelled queries, and what comes out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.base import InputSerializer
from retrieval.services.labelled import MOST_CHARACTERS


class RankQuery(serializers.Serializer[Any]):
    rank = serializers.IntegerField(min_value=0, max_value=100, help_text="0: the whole answer.")


class FeedbackInput(InputSerializer):
    rank = serializers.IntegerField(
        min_value=0,
        max_value=100,
        help_text="Of the hit; 0 with `relevant` false: nothing in the answer was right.",
    )
    relevant = serializers.BooleanField(allow_null=True, help_text="Null takes it back.")
    share_words = serializers.BooleanField(
        required=False,
        help_text=(
            "The stewards and curators of the hit's collection may see the redacted words of this "
            "search, as an example of what the hit answers. Off unless said."
        ),
    )


class FeedbackOutput(serializers.Serializer[Any]):
    search_id = serializers.UUIDField()
    rank = serializers.IntegerField()
    relevant = serializers.BooleanField(allow_null=True)
    words_shared = serializers.BooleanField()
    at = serializers.DateTimeField(allow_null=True)


class LabelledInput(InputSerializer):
    text = serializers.CharField(max_length=MOST_CHARACTERS, help_text="Redacted before stored.")
    asset = serializers.UUIDField(help_text="A searchable asset of the collection.")


class LabelledForm(InputSerializer):
    file = serializers.FileField(help_text="CSV in UTF-8 with the columns `query` and `asset`.")


class LabelledAdded(serializers.Serializer[Any]):
    added = serializers.IntegerField()
    already = serializers.IntegerField(help_text="Were written down before.")
    left_out = serializers.IntegerField(help_text="Name no searchable asset of the collection.")


class LabelledOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    text = serializers.CharField()
    asset = serializers.UUIDField()
    origin = serializers.ChoiceField(
        choices=["searcher", "written"],
        help_text="`searcher`: somebody let these words of a search be seen.",
    )
    at = serializers.DateTimeField()
