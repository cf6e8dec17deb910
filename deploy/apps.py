from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps  # the class itself here would be taken for this app's own


class DeployConfig(AppConfig):
    name = "deploy"
    default = True


class ConsoleAdminConfig(admin_apps.AdminConfig):
    """Django's admin with the console as its site."""

    default_site = "deploy.console.ConsoleSite"
    default = False
