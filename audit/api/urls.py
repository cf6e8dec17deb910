from __future__ import annotations

from django.urls import path

from audit.api.searches import SearchesExportView, SearchesView
from audit.api.views import EntriesView, PoliciesView, VerifyView

urlpatterns = [
    path("audit/entries/", EntriesView.as_view(), name="audit-entries"),
    path("audit/searches/", SearchesView.as_view(), name="audit-searches"),
    path("audit/searches/export/", SearchesExportView.as_view(), name="audit-searches-export"),
    path("audit/verify/", VerifyView.as_view(), name="audit-verify"),
    path("retention-policies/", PoliciesView.as_view(), name="retention-policies"),
]
