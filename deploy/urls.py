"""Every address of the appliance."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

handler400 = "deploy.problems.bad_request"
handler404 = "deploy.problems.not_found"
handler500 = "deploy.problems.server_error"

urlpatterns = [
    path("console/", admin.site.urls),
    path("account/", include("allauth.account.urls")),
]
