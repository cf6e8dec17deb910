from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    """Django's admin with the console as its site."""

    default_site = "deploy.console.ConsoleSite"
