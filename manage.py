#!/usr/bin/env python
import os
import sys

# These commands change the schema, so they log in as the database's owner.
OWNER_COMMANDS = {"migrate", "setup_roles", "flush", "sqlmigrate", "showmigrations"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")
    if len(sys.argv) > 1 and sys.argv[1] in OWNER_COMMANDS:
        os.environ["VITRINE_DB_ROLE"] = "owner"
    from deploy.embedded.urls import use_embedded

    use_embedded()
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


if __name__ == "__main__":
    main()
