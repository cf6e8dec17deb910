from __future__ import annotations

from django.urls import path

from retrieval.api import collections

urlpatterns = [
    path("me/", collections.MeView.as_view(), name="me"),
    path("collections/", collections.CollectionsView.as_view(), name="collections"),
    path("collections/<uuid:collection_id>/", collections.CollectionView.as_view(), name="collection"),
    path("collections/<uuid:collection_id>/grants/", collections.GrantsView.as_view(), name="grants"),
    path(
        "collections/<uuid:collection_id>/grants/<uuid:grant_id>/",
        collections.GrantView.as_view(),
        name="grant",
    ),
]
