"""Redaction profiles in the console: what each takes out, leaves in and was measured to miss."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from retrieval.admin.base import ReadOnly, visitor
from retrieval.admin.profile_form import ProfileForm
from retrieval.errors import NotAllowed, NotVisible, RetrievalError
from retrieval.profile_models import RedactionProfile
from retrieval.redaction.errors import ProfileError
from retrieval.redaction.profile_compare import Change, differences
from retrieval.redaction.profile_schema import profile_from, rules_to
from retrieval.redaction.profile_words import leaves_in
from retrieval.selectors.profiles import ProfileView, may_make, profile_list, profile_versions
from retrieval.services.profiles import profile_change, profile_create

_TEMPLATES = "admin/retrieval/redactionprofile"
_STARTS_FROM = "standard"
_SAVE = "save"  # the button's name: without it a form is only looked at


@admin.register(RedactionProfile)
class RedactionProfileAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    exportable = False  # no list of rows: profiles are shown as cards, each with a page

    def get_urls(self) -> list[URLPattern]:
        """A list, a page a profile, and the forms that make one and change one."""

        def page(route: str, view: Any, name: str) -> URLPattern:
            wrapped = self.admin_site.admin_view(view)
            made: URLPattern = path(route, wrapped, name=f"retrieval_redactionprofile_{name}")
            return made

        return [
            page("", self.list_view, "changelist"),
            page("make/", self.make_view, "make"),
            page("<slug:name>/", self.detail_view, "detail"),
            page("<slug:name>/new-version/", self.change_profile_view, "version"),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """Every profile in its newest version."""
        return self._page(
            request,
            "list",
            "Redaction profiles",
            profiles=_seen(profile_list, request),
            may_make=may_make(user=visitor(request)),
        )

    def detail_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """One profile with all its versions and what each changed."""
        versions = _seen(profile_versions, request, name=name)
        return self._page(request, "detail", name, shown=versions[0], versions=versions)

    def make_view(self, request: HttpRequest) -> HttpResponse:
        """A new profile, filled in from another."""
        if not may_make(user=visitor(request)):
            raise PermissionDenied
        start = _seen(profile_versions, request, name=request.GET.get("from") or _STARTS_FROM)[0]
        form = ProfileForm(request.POST or None, source=_known(start), named=True)
        return self._form_page(request, form, start, name=None)

    def change_profile_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """The next version of a profile, filled in with the present one."""
        newest = _seen(profile_versions, request, name=name)[0]
        if not newest.may_change:
            raise PermissionDenied
        form = ProfileForm(request.POST or None, source=newest.profile, named=False)
        return self._form_page(request, form, newest, name=name)

    def _form_page(
        self, request: HttpRequest, form: ProfileForm, start: ProfileView, *, name: str | None
    ) -> HttpResponse:
        changes: tuple[Change, ...] = ()
        left: tuple[str, ...] = ()
        if request.method == "POST" and form.is_valid():
            rules = form.rules()
            if _SAVE in request.POST:
                made = self._saved(request, form, rules, name)
                if made is not None:
                    return HttpResponseRedirect(_address("detail", made))
            else:
                changes, left = _looked_at(form, rules, start)
        return self._page(
            request,
            "form",
            f"New version of {name}" if name else "Make a profile",
            form=form,
            start=start,
            changes=changes,
            left=left,
            looked=request.method == "POST" and not form.errors,
            back=_address("detail", name) if name else _address("changelist"),
        )

    def _saved(
        self, request: HttpRequest, form: ProfileForm, rules: dict[str, Any], name: str | None
    ) -> str | None:
        """The name of what was saved; None where it was refused, which the form then says."""
        user = visitor(request)
        try:
            if name is None:
                row = profile_create(by=user, name=form.cleaned_data["name"], rules=rules)
            else:
                row = profile_change(by=user, name=name, rules=rules)
        except RetrievalError as error:
            _told(form, error)
            return None
        messages.success(
            request,
            f"{row.ref} is saved. What is uploaded from now on is redacted by it; what is stored "
            "already stays as it is until its collection is redacted anew.",
        )
        return row.name

    def _page(self, request: HttpRequest, template: str, title: str, **words: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.model._meta,  # noqa: SLF001 - Django's own way to name a model in templates
            **words,
        }
        return TemplateResponse(request, f"{_TEMPLATES}/{template}.html", context)


def _seen(read: Any, request: HttpRequest, **words: Any) -> Any:
    """What the visitor may see; the console's own pages where there is nothing."""
    try:
        return read(user=visitor(request), **words)
    except NotAllowed:
        raise PermissionDenied from None
    except NotVisible:
        raise Http404 from None


def _known(view: ProfileView) -> Any:
    """The profile to start from, without words that the visitor may not see."""
    return profile_from({"name": view.profile.name, "version": view.profile.version, **view.rules})


def _looked_at(
    form: ProfileForm, rules: dict[str, Any], start: ProfileView
) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """What would change and what would be left in; or the form says why it cannot be meant."""
    try:
        profile = profile_from({"name": "new", "version": 1, **rules})
    except ProfileError as error:
        form.add_error(None, f"{error.field}: {error.problem}")
        return (), ()
    return differences(rules_to(_known(start)), rules_to(profile)), leaves_in(profile)


def _told(form: ProfileForm, error: RetrievalError) -> None:
    if not error.fields:
        form.add_error(None, error.detail)
    for field, texts in error.fields.items():
        known = field in form.fields
        form.add_error(field if known else None, texts if known else f"{field}: {' '.join(texts)}")


def _address(page: str, *arguments: str) -> str:
    return reverse(f"admin:retrieval_redactionprofile_{page}", args=arguments)
