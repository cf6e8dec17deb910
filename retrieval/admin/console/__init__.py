"""What every page of the console is built on: lists, questions before an action, pages, charts.

A list. Filters, sorts, pages without counting millions and exports as CSV and JSON lines; the site
mixes ``Listed`` into every admin that is registered, so deriving from it only adds the words::

    @admin.register(LegalHold)
    class HoldAdmin(Listed, ReadOnly, ModelAdmin):
        list_display = ["id", "about", "state", "placed_at"]
        list_filter = ["state"]
        list_says = "A hold keeps what it covers until somebody else lifts it."
        empty_says = "Nothing is on hold. Place one from an asset's page."
        export_fields = ["id", "state", "placed_at"]   # default: the columns of the list
        pages = (Page("place/", "place", PlaceHold), Page("<uuid:hold_id>/lift/", "lift", LiftHold))

        def list_buttons(self, request):
            return [Button("Place a hold", reverse("admin:audit_legalhold_place"))]

``pages`` are reached as ``admin:<app>_<model>_<name>``. ``list_figures`` (numbers above a list),
``list_tabs`` and ``detail_buttons(request, obj)`` work alike.

An action. ``Asking`` asks for what it needs, shows what it would touch (counts, the exact list,
page by page or as CSV), does it once however often the button is pressed, and says what it did::

    class LiftHold(Asking):
        title, verb = "Lift the hold", "Lift it"
        form_class = ReasonForm               # without one, what it touches is the first page

        def load(self):                       # 404 and 403 here, before anything is shown
            self.hold = hold_get(user=self.user, hold_id=self.target["hold_id"])

        def touches(self, given):             # changes nothing; blocked="…" where it cannot be done
            return assets_touched(self.request, held_by(self.hold), counts=[("assets", 12)])

        def do(self, given):                  # the service checks again, and writes the ledger
            hold_release(by=self.user, hold_id=self.hold.pk, reason=given["reason"])
            return "The hold is lifted."

        def back(self):
            return reverse("admin:audit_legalhold_changelist")

Errors of services (``AuditError``, ``RetrievalError``) become words beside the fields they name;
404 and 403 stay such. Whatever a form asks for travels hidden to the second page, so a file does
not: read it in the first step and keep it.

A page of its own::

    @console_page("jobs/", "console_jobs")
    class Jobs(ConsolePage):
        title, lead = "Jobs", "What the appliance is at."
        def allowed(self): return self.user.is_operator or self.user.is_governor
        def cards(self): return [Card("Waiting", table=Table(["Stage", "How many"], rows,
                                 empty="Nothing waits."))]

Cells of tables are anything ``Cell`` takes, or plain values. Charts: ``count_bars``, ``days_line``.
"""

from retrieval.admin.console.asking import Asking, ReasonForm, Touched, assets_touched
from retrieval.admin.console.charts import count_bars, days_line
from retrieval.admin.console.layout import Button, Card, Cell, Figure, Tab, Table
from retrieval.admin.console.lists import Listed, Page
from retrieval.admin.console.pages import ConsolePage, console_page

__all__ = [
    "Asking",
    "Button",
    "Card",
    "Cell",
    "ConsolePage",
    "Figure",
    "Listed",
    "Page",
    "ReasonForm",
    "Tab",
    "Table",
    "Touched",
    "assets_touched",
    "console_page",
    "count_bars",
    "days_line",
]
