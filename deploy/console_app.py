from django.apps import apps
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig

# Rows of libraries, for which the console has pages of its own or no use.
_NO_PAGES = ("account.EmailAddress", "knox.AuthToken")


class ConsoleAdminConfig(AdminConfig):
    """Django's admin with the console as its site."""

    default_site = "deploy.console.ConsoleSite"

    def ready(self) -> None:
        """Every room's pages, without those that libraries bring along."""
        super().ready()
        for label in _NO_PAGES:
            model = apps.get_model(label)
            if admin.site.is_registered(model):
                admin.site.unregister(model)
