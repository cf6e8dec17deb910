from __future__ import annotations

from django.urls import path

from retrieval.api import erasures

_ONE = "erasures/<uuid:erasure_id>/"

urlpatterns = [
    path("erasures/", erasures.ErasuresView.as_view(), name="erasures"),
    path(_ONE, erasures.ErasureView.as_view(), name="erasure"),
    path(f"{_ONE}approve/", erasures.ErasureApproveView.as_view(), name="erasure-approve"),
    path(f"{_ONE}refuse/", erasures.ErasureRefuseView.as_view(), name="erasure-refuse"),
    path(
        f"{_ONE}candidates/<uuid:candidate_id>/",
        erasures.CandidateView.as_view(),
        name="erasure-candidate",
    ),
    path(
        f"{_ONE}receipts/<int:number>/",
        erasures.ErasureReceiptView.as_view(),
        name="erasure-receipt",
    ),
]
