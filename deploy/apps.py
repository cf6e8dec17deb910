from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class DeployConfig(AppConfig):
    name = "deploy"
    default = True


class ConsoleAdminConfig(AdminConfig):
    """Django's admin with the console as its site."""

    default_site = "deploy.console.ConsoleSite"
    default = False
