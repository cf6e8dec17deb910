from django.apps import AppConfig
from django.contrib.admin import (
    apps as admin_apps,  # the class itself here would be taken for this app's own
)


class DeployConfig(AppConfig):
    """The application's outermost room."""

    name = "deploy"
    default = True

    def ready(self) -> None:
        """Make our Celery application the default one."""
        # Whoever queues a task, in whichever thread, does it through our application and broker.
        from deploy import celery  # noqa: F401 - imported for what it sets


class ConsoleAdminConfig(admin_apps.AdminConfig):
    """Django's admin with the console as its site."""

    default_site = "deploy.console.ConsoleSite"
    default = False
