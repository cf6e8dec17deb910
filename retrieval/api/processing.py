"""Archives on people, and records of processing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import InputSerializer
from audit.processing import FIELDS, MOST_CHARACTERS, details_now, missing_details
from retrieval.api.base import ScopedView, UnheldView
from retrieval.api.streaming import safe
from retrieval.errors import NotAllowed
from retrieval.services.access_request import Archive, archive_begin, archive_stream
from retrieval.services.content import MAX_REASON
from retrieval.services.processing import processing_describe, processing_document

_TAGS = ["processing"]
ZIP = "application/zip"


class ArchiveInput(InputSerializer):
    """What to put in."""

    originals = serializers.BooleanField(
        default=False, help_text="Also originals that are kept, of assets about nobody else."
    )
    reason = serializers.CharField(
        max_length=MAX_REASON, required=False, default="", allow_blank=True,
        help_text="Why; needed for originals.",
    )  # fmt: skip


class DetailsInput(InputSerializer):
    """One member for each thing that no configuration tells."""

    def get_fields(self) -> dict[str, Any]:
        """A text each."""
        return {
            one.name: serializers.CharField(
                required=False,
                allow_blank=True,
                max_length=MOST_CHARACTERS,
                help_text=f"{one.label} (GDPR Art. {one.article}). {one.help}".strip(),
            )
            for one in FIELDS
        }


class MissingOutput(serializers.Serializer[Any]):
    """Something due that nobody said."""

    article = serializers.CharField()
    what = serializers.CharField()
    where = serializers.CharField()


class DetailsOutput(serializers.Serializer[Any]):
    """What was said, every field present."""

    details = serializers.DictField(child=serializers.CharField(allow_blank=True))
    missing = MissingOutput(many=True)


class ArchiveView(UnheldView):
    """Everything held on one person."""

    @extend_schema(
        operation_id="subjects_archive",
        tags=["subjects"],
        request=ArchiveInput,
        responses={
            (200, ZIP): OpenApiResponse(
                OpenApiTypes.BINARY,
                description="index.html to read, index.json signed, and the redacted files.",
            )
        },
    )
    def post(self, request: Request, subject_id: UUID) -> HttpResponseBase:
        """An archive for an access request (GDPR Art. 15), made while it is sent; governors.

        Nothing of it is kept. Recorded, with the reason where originals are asked for.
        """
        archive = archive_begin(
            by=self.caller(), subject_id=subject_id, **self.parsed(ArchiveInput)
        )
        return archive_response(archive)


class DetailsView(ScopedView):
    """What the organisation says of itself."""

    @extend_schema(operation_id="processing_details", tags=_TAGS, responses=DetailsOutput)
    def get(self, request: Request) -> Response:
        """What was said, and what is still missing; governors."""
        if not self.caller().is_governor:
            raise NotAllowed("Records of processing are for governors.")
        return self._now()

    @extend_schema(
        operation_id="processing_details_update",
        tags=_TAGS,
        request=DetailsInput,
        responses=DetailsOutput,
    )
    def patch(self, request: Request) -> Response:
        """Say what no configuration tells: controller, contacts, purposes; governors. Recorded."""
        processing_describe(by=self.caller(), changes=self.parsed(DetailsInput))
        return self._now()

    def _now(self) -> Response:
        said = {"details": details_now(), "missing": missing_details()}
        return Response(DetailsOutput(said).data)


class DocumentView(ScopedView):
    """A document made from what is configured."""

    kind = "record"

    def _made(self) -> Response:
        return Response(processing_document(by=self.caller(), kind=self.kind))


class RecordView(DocumentView):
    """The record of processing activities."""

    kind = "record"

    @extend_schema(operation_id="processing_record", tags=_TAGS, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """GDPR Art. 30(1), signed, with what is `missing` and open findings; governors."""
        return self._made()


class AssessmentView(DocumentView):
    """Inputs to an impact assessment."""

    kind = "dpia"

    @extend_schema(operation_id="processing_dpia", tags=_TAGS, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """GDPR Art. 35(7), signed: risks, measures in force, stored figures; governors."""
        return self._made()


def archive_response(archive: Archive) -> StreamingHttpResponse:
    """The archive on its way to who asked for it: a file, never a page, kept nowhere between."""
    response = StreamingHttpResponse(archive_stream(archive), content_type=ZIP)
    safe(response, name=archive.name, attachment=True)
    return response
