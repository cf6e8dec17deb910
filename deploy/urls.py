"""Every address of the appliance."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from audit.api.urls import urlpatterns as audit_urls
from deploy import docs, health
from retrieval.api.policies import PoliciesView

handler400 = "deploy.problems.bad_request"
handler403 = "deploy.problems.permission_denied"
handler404 = "deploy.problems.not_found"
handler500 = "deploy.problems.server_error"

# The console's own log-in form knows no limits; everybody logs in by the one page that does.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

api: list[URLPattern | URLResolver] = [
    path("", include("accounts.api.urls")),
    path("", include("retrieval.api.urls")),
    # Before audit's own, which cannot keep answers for a repetition: it lies below accounts.
    path("retention-policies/", PoliciesView.as_view(), name="retention-policies"),
    path("", include([one for one in audit_urls if one.name != "retention-policies"])),
    path("schema/", docs.SchemaView.as_view(), name="schema"),
    path("docs/", docs.DocsView.as_view(), name="docs"),
]

urlpatterns = [
    path("api/v1/", include(api)),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("console/", admin.site.urls),
    path("account/", include("deploy.account_urls")),
    path("", include("retrieval.web.urls")),
]
