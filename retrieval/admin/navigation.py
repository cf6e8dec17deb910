"""The console's menu, in the order a steward thinks, and its search over ids and names.

What a visitor may not open is not in it. A list that is registered and not named here shows up
under "More", so that no page can be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from retrieval.admin.console.pages import may_open


@dataclass(frozen=True)
class Entry:
    """A line of the menu: a model's list (``app.model``) or a page (its name)."""

    title: str
    icon: str
    to: str


MENU: Final[dict[str, tuple[Entry, ...]]] = {
    "": (
        Entry("Overview", "space_dashboard", "index"),
        Entry("Find", "search", "console_find"),
    ),
    "Holdings": (
        Entry("Collections", "folder_open", "retrieval.collection"),
        Entry("Assets", "perm_media", "retrieval.asset"),
        Entry("Segments", "segment", "retrieval.segment"),
        Entry("Datasets", "dataset", "retrieval.datasetversion"),
        Entry("Review queue", "rate_review", "retrieval.review"),
        Entry("Redaction profiles", "ink_eraser", "retrieval.redactionprofile"),
    ),
    "Data subjects": (
        Entry("Subjects", "badge", "audit.datasubject"),
        Entry("Consents", "handshake", "audit.consentrecord"),
        Entry("Access requests", "folder_zip", "console_access_requests"),
    ),
    "Retention": (
        Entry("Policies", "policy", "audit.retentionpolicy"),
        Entry("Calendar", "calendar_month", "console_calendar"),
        Entry("Holds", "gavel", "audit.legalhold"),
        Entry("Pauses", "pause_circle", "audit.retentionpause"),
        Entry("Purge runs", "delete_sweep", "audit.purgerun"),
        Entry("Erasure", "delete_forever", "audit.erasurerequest"),
    ),
    "Audit": (
        Entry("Searches", "manage_search", "audit.searchrecord"),
        Entry("Disclosures", "key_visualizer", "audit.disclosure"),
        Entry("Unusual use", "flag", "audit.anomalyflag"),
        Entry("Monitoring agreements", "contract", "audit.monitoringagreement"),
        Entry("Ledger", "verified_user", "console_ledger"),
        Entry("Entries", "link", "audit.ledgerentry"),
        Entry("Not chained yet", "hourglass_empty", "audit.ledgerpending"),
        Entry("Checkpoints", "verified", "audit.checkpoint"),
        Entry("Actors", "person_search", "audit.actor"),
        Entry("Processing records", "assignment", "console_processing"),
    ),
    "Models": (
        Entry("Models", "deployed_code", "retrieval.modelversion"),
        Entry("Spaces", "scatter_plot", "retrieval.space"),
        Entry("Vector tables", "table_rows", "retrieval.vectortable"),
        Entry("Calibrations", "tune", "retrieval.calibration"),
        Entry("Evaluations", "monitoring", "retrieval.evaluationrun"),
        Entry("Declared tasks", "checklist", "retrieval.evaluationtask"),
    ),
    "Appliance": (
        Entry("Jobs", "work_history", "console_jobs"),
        Entry("Storage", "hard_drive", "console_storage"),
        Entry("Repeated requests", "repeat", "retrieval.idempotencykey"),
    ),
    "People and access": (
        Entry("Grants", "vpn_key", "retrieval.grant"),
        Entry("Users", "person", "accounts.user"),
        Entry("Teams", "group", "accounts.team"),
        Entry("Memberships", "group_add", "accounts.membership"),
    ),
}


@dataclass(frozen=True)
class Link:
    """A line of the menu for this visitor."""

    title: str
    icon: str
    href: str


def links(request: HttpRequest) -> dict[str, list[Link]]:
    """What the visitor may open, by heading."""
    admins = {_label(model): one for model, one in admin.site._registry.items()}  # noqa: SLF001 - Django has no other list of them
    found: dict[str, list[Link]] = {}
    for heading, entries in MENU.items():
        found[heading] = [link for one in entries for link in _link(request, one, admins)]
    named = {entry.to for entries in MENU.values() for entry in entries}
    others = [
        Entry(str(one.model._meta.verbose_name_plural).capitalize(), "more_horiz", label)  # noqa: SLF001 - as above
        for label, one in admins.items()
        if label not in named
    ]
    found["More"] = [link for one in others for link in _link(request, one, admins)]
    return {heading: some for heading, some in found.items() if some}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu as unfold's settings describe one."""
    return [
        {
            "title": heading or None,
            "separator": False,
            "items": [
                {
                    "title": link.title,
                    "icon": link.icon,
                    "link": link.href,
                    "active": _here(request.path, link.href),
                }
                for link in some
            ],
        }
        for heading, some in links(request).items()
    ]


def _here(path: str, href: str) -> bool:
    if href == reverse("admin:index"):
        return path == href
    return path.startswith(href)


def _link(request: HttpRequest, entry: Entry, admins: dict[str, Any]) -> Iterator[Link]:
    app, dot, model = entry.to.partition(".")
    try:
        href = reverse(f"admin:{app}_{model}_changelist" if dot else f"admin:{entry.to}")
    except NoReverseMatch:
        return
    if dot:
        one = admins.get(entry.to)
        if one is None or not one.has_module_permission(request):
            return
    elif not may_open(request, admin.site, entry.to):
        return
    yield Link(entry.title, entry.icon, href)


def _label(model: Any) -> str:
    label: str = model._meta.label_lower  # noqa: SLF001 - Django's own way to name a model
    return label
