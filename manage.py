#!/usr/bin/env python
import os
import sys

# These commands change the schema, so they log in as the database's owner.
OWNER_COMMANDS = {"migrate", "setup_roles", "flush", "sqlmigrate", "showmigrations"}
# These work on a machine where nothing was started yet: they store and sign nothing, or begin with
# making the place.
LONE_COMMANDS = {"redact", "restore"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")
    if len(sys.argv) > 1 and sys.argv[1] in OWNER_COMMANDS:
        os.environ["VITRINE_DB_ROLE"] = "owner"
    from deploy.embedded.urls import use_embedded

    use_embedded()
    if len(sys.argv) > 1 and sys.argv[1] in LONE_COMMANDS:
        _stand_alone()
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError

    from deploy.env import ConfigurationError

    try:
        execute_from_command_line(sys.argv)
    except (ConfigurationError, ImproperlyConfigured) as error:
        sys.exit(str(error))
    except OperationalError as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        sys.exit(f"The database does not answer ({reason}): start the appliance with deploy/up.")


def _stand_alone() -> None:
    """Give a command what settings ask for and it does not use, where no appliance ever ran."""
    import secrets

    from deploy.embedded.urls import NOWHERE
    from deploy.paths import data_paths

    for name in ("secret_key", "db_app_password"):
        variable = f"VITRINE_{name.upper()}"
        named = os.environ.get(variable) or os.environ.get(f"{variable}_FILE")
        if not named and not (data_paths().secrets / name).exists():
            os.environ[variable] = secrets.token_urlsafe(48)
    os.environ.setdefault("DATABASE_URL", NOWHERE)
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")


if __name__ == "__main__":
    main()
