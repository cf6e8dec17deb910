from __future__ import annotations

from django.urls import path

from audit.api.checkpoint_views import (
    CheckpointsView,
    CheckpointView,
    ConsistencyView,
    EntryProofView,
    ExportView,
    InclusionView,
    KeyView,
    VerifierView,
)
from audit.api.searches import SearchesExportView, SearchesView
from audit.api.views import EntriesView, PoliciesView, VerifyView

urlpatterns = [
    path("audit/entries/", EntriesView.as_view(), name="audit-entries"),
    path("audit/searches/", SearchesView.as_view(), name="audit-searches"),
    path("audit/searches/export/", SearchesExportView.as_view(), name="audit-searches-export"),
    path("audit/entries/<int:seq>/proof/", EntryProofView.as_view(), name="audit-entry-proof"),
    path("audit/checkpoints/", CheckpointsView.as_view(), name="audit-checkpoints"),
    path("audit/checkpoints/<int:size>/", CheckpointView.as_view(), name="audit-checkpoint"),
    path(
        "audit/checkpoints/<int:size>/inclusion/",
        InclusionView.as_view(),
        name="audit-checkpoint-inclusion",
    ),
    path(
        "audit/checkpoints/<int:size>/consistency/",
        ConsistencyView.as_view(),
        name="audit-checkpoint-consistency",
    ),
    path("audit/export/", ExportView.as_view(), name="audit-export"),
    path("audit/verifier/", VerifierView.as_view(), name="audit-verifier"),
    path("audit/key/", KeyView.as_view(), name="audit-key"),
    path("audit/verify/", VerifyView.as_view(), name="audit-verify"),
    path("retention-policies/", PoliciesView.as_view(), name="retention-policies"),
]
