"""Requests to read what somebody asked, and monitoring under an agreement."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from retrieval import scope
from retrieval.api import disclosure_serializers as s
from retrieval.api.base import ScopedView
from retrieval.selectors.disclosures import disclosure_get, disclosure_rows, disclosure_views
from retrieval.selectors.monitoring import flag_rows, monitoring_state
from retrieval.services import disclosures as services
from retrieval.services.monitoring import agreement_begin, agreement_end

_TAGS = ["audit"]


class DisclosuresOfSearchView(ScopedView):
    """Asking to read one kept query."""

    idempotent = True

    @extend_schema(
        operation_id="disclosures_create",
        tags=_TAGS,
        request=s.DisclosureInput,
        responses={201: s.DisclosureOutput},
    )
    def post(self, request: Request, search_id: UUID) -> Response:
        """Ask to read what somebody asked, with a reason; stewards and governors. Recorded.

        Somebody else decides, unless this appliance's policy needs no second person.
        """
        made = services.disclosure_request(
            by=self.caller(), search_id=search_id, **self.parsed(s.DisclosureInput)
        )
        shown = disclosure_views(user=self.caller(), rows=[made])[0]
        return Response(s.DisclosureOutput(shown).data, status=201)


class DisclosuresView(ScopedView):
    """Requests to read kept queries."""

    @extend_schema(
        operation_id="disclosures_list", tags=_TAGS, responses=s.DisclosureOutput(many=True)
    )
    def get(self, request: Request) -> Response:
        """Requests, newest first: all for governors, those on their collections for stewards."""
        user = self.caller()
        with scope.system():
            return self.page(
                disclosure_rows(user=user),
                s.DisclosureOutput,
                each=lambda rows: list(disclosure_views(user=user, rows=rows)),
            )


class DisclosureView(ScopedView):
    """One request."""

    @extend_schema(operation_id="disclosures_get", tags=_TAGS, responses=s.DisclosureOutput)
    def get(self, request: Request, disclosure_id: UUID) -> Response:
        """Who wanted to read which query, why, and what was decided."""
        found = disclosure_get(user=self.caller(), disclosure_id=disclosure_id)
        return Response(s.DisclosureOutput(found).data)


class _DecisionView(ScopedView):
    approve: bool

    def _decide(self, disclosure_id: UUID) -> Response:
        disclosure_get(user=self.caller(), disclosure_id=disclosure_id)
        services.disclosure_decide(
            by=self.caller(), disclosure_id=disclosure_id, approve=self.approve
        )
        found = disclosure_get(user=self.caller(), disclosure_id=disclosure_id)
        return Response(s.DisclosureOutput(found).data)


class DisclosureApproveView(_DecisionView):
    """Letting somebody read a kept query."""

    approve = True

    @extend_schema(
        operation_id="disclosures_approve", tags=_TAGS, request=None, responses=s.DisclosureOutput
    )
    def post(self, request: Request, disclosure_id: UUID) -> Response:
        """Let the other person read it for a short time. Never who asked, nor the searcher."""
        return self._decide(disclosure_id)


class DisclosureRefuseView(_DecisionView):
    """Refusing it."""

    approve = False

    @extend_schema(
        operation_id="disclosures_refuse", tags=_TAGS, request=None, responses=s.DisclosureOutput
    )
    def post(self, request: Request, disclosure_id: UUID) -> Response:
        """Refuse it. The same people decide as would approve."""
        return self._decide(disclosure_id)


class DisclosedView(ScopedView):
    """What was asked."""

    @extend_schema(operation_id="disclosures_query", tags=_TAGS, responses=s.DisclosedOutput)
    def get(self, request: Request, disclosure_id: UUID) -> Response:
        """What was asked, for who requested it, for a short time; 410 afterwards. Recorded."""
        found = services.disclosure_read(by=self.caller(), disclosure_id=disclosure_id)
        response = Response(s.DisclosedOutput(found).data)
        response["Cache-Control"] = "private, no-store"
        return response


class MonitoringView(ScopedView):
    """Whether it is looked at how people search."""

    @extend_schema(operation_id="monitoring_get", tags=_TAGS, responses=s.MonitoringOutput)
    def get(self, request: Request) -> Response:
        """The agreement in force, if any; governors."""
        return Response(s.MonitoringOutput(monitoring_state(user=self.caller())).data)

    @extend_schema(
        operation_id="monitoring_begin",
        tags=_TAGS,
        request=s.AgreementInput,
        responses={201: s.MonitoringOutput},
    )
    def post(self, request: Request) -> Response:
        """Name the agreement under which anomalies are looked for from now on; governors."""
        agreement_begin(by=self.caller(), **self.parsed(s.AgreementInput))
        return Response(s.MonitoringOutput(monitoring_state(user=self.caller())).data, status=201)

    @extend_schema(
        operation_id="monitoring_end",
        tags=_TAGS,
        responses={204: OpenApiResponse(description="Off, and every flag deleted.")},
    )
    def delete(self, request: Request) -> Response:
        """Switch it off; every flag goes with it; governors."""
        agreement_end(by=self.caller())
        return Response(status=204)


class FlagsView(ScopedView):
    """What was unusual."""

    @extend_schema(operation_id="monitoring_flags", tags=_TAGS, responses=s.FlagOutput(many=True))
    def get(self, request: Request) -> Response:
        """Flags, newest first; governors. Whom they are about sees them in the own traces."""
        with scope.system():
            return self.page(flag_rows(user=self.caller()), s.FlagOutput)
