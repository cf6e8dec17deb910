"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path

from retrieval.web import explaining, judging, pages, searching, tracing, uploading

app_name = "web"

urlpatterns = [
    path("", searching.search_page, name="search"),
    path("search/", searching.search_run_view, name="run"),
    path("searches/", searching.searches_page, name="searches"),
    path("searches/<uuid:search_id>/", explaining.record_page, name="record"),
    path(
        "searches/<uuid:search_id>/hits/<int:rank>/map/",
        explaining.saliency_part,
        name="saliency",
    ),
    path("searches/<uuid:search_id>/why-not/", explaining.why_not_part, name="why-not"),
    path("searches/<uuid:search_id>/replay/", explaining.replay_part, name="replay"),
    path("searches/<uuid:search_id>/feedback/", judging.judge, name="feedback"),
    path("traces/", tracing.traces_page, name="traces"),
    path("traces/<slug:what>/", tracing.traces_page, name="traces-of"),
    path("upload/", uploading.upload_page, name="upload"),
    path("assets/<uuid:asset_id>/", pages.asset_page, name="asset"),
    path("assets/<uuid:asset_id>/row/", uploading.row, name="row"),
]
