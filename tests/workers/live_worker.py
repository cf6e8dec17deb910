"""A real Celery worker whose servers are fakes; ``test_live_worker`` starts it.

Arguments: seconds that ``prepare`` takes, then what goes to Celery.
"""

import sys
import time
from pathlib import Path

import django

django.setup()

from deploy.celery import app  # noqa: E402 - Django first
from retrieval import clients  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))  # installed packages may be called "tests", too
from fakes import FakeModels, FakeRedaction  # noqa: E402

redaction = FakeRedaction()
redaction.before = lambda call: time.sleep(float(sys.argv[1])) if call == "prepare" else None
with clients.override(redaction=redaction, models=FakeModels()):
    app.worker_main(sys.argv[2:])
