"""Addresses of retention and of legal holds."""

from __future__ import annotations

from django.urls import path

from retrieval.api import holds, retention

urlpatterns = [
    path("holds/", holds.HoldsView.as_view(), name="holds"),
    path("holds/<uuid:hold_id>/", holds.HoldView.as_view(), name="hold"),
    path("holds/<uuid:hold_id>/assets/", holds.HeldAssetsView.as_view(), name="hold-assets"),
    path("holds/<uuid:hold_id>/release/", holds.ReleaseView.as_view(), name="hold-release"),
    path(
        "retention-policies/<uuid:policy_id>/",
        retention.PolicyView.as_view(),
        name="retention-policy",
    ),
    path("retention/calendar/", retention.CalendarView.as_view(), name="retention-calendar"),
    path("retention/due/", retention.DueView.as_view(), name="retention-due"),
    path("retention/pauses/", retention.PausesView.as_view(), name="retention-pauses"),
    path(
        "retention/pauses/<uuid:pause_id>/end/",
        retention.PauseEndView.as_view(),
        name="retention-pause-end",
    ),
    path("retention/runs/", retention.RunsView.as_view(), name="retention-runs"),
    path("retention/runs/<uuid:run_id>/", retention.RunView.as_view(), name="retention-run"),
]
