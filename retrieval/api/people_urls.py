"""Addresses of people, their consents, and links from assets to them."""

from __future__ import annotations

from django.urls import path

from retrieval.api import consents, subjects

urlpatterns = [
    path("subjects/", subjects.SubjectsView.as_view(), name="subjects"),
    path("subjects/<uuid:subject_id>/", subjects.SubjectView.as_view(), name="subject"),
    path(
        "subjects/<uuid:subject_id>/assets/",
        subjects.SubjectAssetsView.as_view(),
        name="subject-assets",
    ),
    path(
        "subjects/<uuid:subject_id>/identifier/",
        subjects.IdentifierView.as_view(),
        name="subject-identifier",
    ),
    path(
        "subjects/<uuid:subject_id>/restrict/",
        subjects.RestrictView.as_view(),
        name="subject-restrict",
    ),
    path(
        "subjects/<uuid:subject_id>/object/", subjects.ObjectView.as_view(), name="subject-object"
    ),
    path("subjects/<uuid:subject_id>/lift/", subjects.LiftView.as_view(), name="subject-lift"),
    path("consents/", consents.ConsentsView.as_view(), name="consents"),
    path("consents/import/", consents.ImportView.as_view(), name="consents-import"),
    path(
        "consents/<uuid:consent_id>/receipt/",
        consents.ReceiptView.as_view(),
        name="consent-receipt",
    ),
    path("consents/<uuid:consent_id>/", consents.ConsentView.as_view(), name="consent"),
    path(
        "consents/<uuid:consent_id>/withdraw/",
        consents.WithdrawView.as_view(),
        name="consent-withdraw",
    ),
    path(
        "assets/<uuid:asset_id>/subjects/",
        subjects.AssetSubjectsView.as_view(),
        name="asset-subjects",
    ),
    path(
        "assets/<uuid:asset_id>/subjects/<uuid:subject_id>/",
        subjects.AssetSubjectView.as_view(),
        name="asset-subject",
    ),
]
