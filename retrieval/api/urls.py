from __future__ import annotations

from django.urls import path

from retrieval.api import (
    assets,
    collections,
    disclosures,
    erasure_urls,
    evaluations,
    explaining,
    feedback,
    models,
    people_urls,
    processing,
    profiles,
    retention_urls,
    reviews,
    search,
)

urlpatterns = [
    *erasure_urls.urlpatterns,
    *people_urls.urlpatterns,
    *retention_urls.urlpatterns,
    path("me/", collections.MeView.as_view(), name="me"),
    path("me/traces/", collections.TracesView.as_view(), name="my-traces"),
    path("me/traces/<slug:what>/", collections.TracesOfView.as_view(), name="my-traces-of"),
    path("collections/", collections.CollectionsView.as_view(), name="collections"),
    path(
        "collections/<uuid:collection_id>/", collections.CollectionView.as_view(), name="collection"
    ),
    path(
        "collections/<uuid:collection_id>/grants/", collections.GrantsView.as_view(), name="grants"
    ),
    path(
        "collections/<uuid:collection_id>/grants/<uuid:grant_id>/",
        collections.GrantView.as_view(),
        name="grant",
    ),
    path("collections/<uuid:collection_id>/assets/", assets.UploadView.as_view(), name="upload"),
    path("assets/", assets.AssetsView.as_view(), name="assets"),
    path("assets/<uuid:asset_id>/", assets.AssetView.as_view(), name="asset"),
    path("assets/<uuid:asset_id>/content/", assets.ContentView.as_view(), name="content"),
    path("assets/<uuid:asset_id>/thumbnail/", assets.ThumbnailView.as_view(), name="thumbnail"),
    path("assets/<uuid:asset_id>/raw/", assets.RawView.as_view(), name="raw"),
    path("reviews/", reviews.ReviewsView.as_view(), name="reviews"),
    path("reviews/<uuid:review_id>/", reviews.ReviewView.as_view(), name="review"),
    path("reviews/<uuid:review_id>/preview/", reviews.PreviewView.as_view(), name="review-preview"),
    path(
        "reviews/<uuid:review_id>/thumbnail/",
        reviews.PreviewThumbnailView.as_view(),
        name="review-thumbnail",
    ),
    path(
        "reviews/<uuid:review_id>/uncovered/",
        reviews.UncoveredView.as_view(),
        name="review-uncovered",
    ),
    path(
        "collections/<uuid:collection_id>/reredact/",
        profiles.ReredactView.as_view(),
        name="reredact",
    ),
    path("redaction-profiles/", profiles.ProfilesView.as_view(), name="profiles"),
    path("redaction-profiles/<slug:name>/", profiles.ProfileDetailView.as_view(), name="profile"),
    path("subjects/lookup/", profiles.LookupView.as_view(), name="subject-lookup"),
    path("search/", search.SearchView.as_view(), name="search"),
    path("searches/<uuid:search_id>/", explaining.SearchRecordView.as_view(), name="search-record"),
    path(
        "searches/<uuid:search_id>/hits/<int:rank>/saliency/",
        explaining.SaliencyView.as_view(),
        name="saliency",
    ),
    path("searches/<uuid:search_id>/why-not/", explaining.WhyNotView.as_view(), name="why-not"),
    path(
        "searches/<uuid:search_id>/disclosures/",
        disclosures.DisclosuresOfSearchView.as_view(),
        name="search-disclosures",
    ),
    path("disclosures/", disclosures.DisclosuresView.as_view(), name="disclosures"),
    path(
        "disclosures/<uuid:disclosure_id>/", disclosures.DisclosureView.as_view(), name="disclosure"
    ),
    path(
        "disclosures/<uuid:disclosure_id>/approve/",
        disclosures.DisclosureApproveView.as_view(),
        name="disclosure-approve",
    ),
    path(
        "disclosures/<uuid:disclosure_id>/refuse/",
        disclosures.DisclosureRefuseView.as_view(),
        name="disclosure-refuse",
    ),
    path(
        "disclosures/<uuid:disclosure_id>/query/",
        disclosures.DisclosedView.as_view(),
        name="disclosed",
    ),
    path("subjects/<uuid:subject_id>/archive/", processing.ArchiveView.as_view(), name="archive"),
    path("processing/details/", processing.DetailsView.as_view(), name="processing-details"),
    path("processing/record/", processing.RecordView.as_view(), name="processing-record"),
    path("processing/dpia/", processing.AssessmentView.as_view(), name="processing-dpia"),
    path("monitoring/", disclosures.MonitoringView.as_view(), name="monitoring"),
    path("monitoring/flags/", disclosures.FlagsView.as_view(), name="monitoring-flags"),
    path("searches/<uuid:search_id>/feedback/", feedback.FeedbackView.as_view(), name="feedback"),
    path(
        "collections/<uuid:collection_id>/labelled-queries/",
        feedback.LabelledQueriesView.as_view(),
        name="labelled-queries",
    ),
    path(
        "collections/<uuid:collection_id>/labelled-queries/<uuid:labelled_id>/",
        feedback.LabelledQueryView.as_view(),
        name="labelled-query",
    ),
    path("models/", models.ModelsView.as_view(), name="models"),
    path("models/<uuid:model_id>/promote/", models.PromoteView.as_view(), name="model-promote"),
    path("models/<uuid:model_id>/rollback/", models.RollbackView.as_view(), name="model-rollback"),
    path("evaluations/", evaluations.EvaluationsView.as_view(), name="evaluations"),
    path(
        "evaluations/<uuid:evaluation_id>/", evaluations.EvaluationView.as_view(), name="evaluation"
    ),
    path(
        "evaluations/<uuid:evaluation_id>/cases/",
        evaluations.CasesView.as_view(),
        name="evaluation-cases",
    ),
    path("collections/<uuid:collection_id>/tasks/", evaluations.TasksView.as_view(), name="tasks"),
    path(
        "evaluation-tasks/<uuid:task_id>/withdraw/",
        evaluations.TaskWithdrawView.as_view(),
        name="task-withdraw",
    ),
]
