from __future__ import annotations

from django.urls import path

from audit.api.views import EntriesView, PoliciesView, VerifyView

urlpatterns = [
    path("audit/entries/", EntriesView.as_view(), name="audit-entries"),
    path("audit/verify/", VerifyView.as_view(), name="audit-verify"),
    path("retention-policies/", PoliciesView.as_view(), name="retention-policies"),
]
