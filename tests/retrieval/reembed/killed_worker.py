"""Works on one re-embedding until it is done or killed; ``test_killed`` starts it.

Argument: the job's id. The servers are fakes.
"""

import sys
from pathlib import Path
from uuid import UUID

import django

django.setup()

from retrieval import clients  # noqa: E402 - Django first
from retrieval.selectors import models  # noqa: E402
from retrieval.services.embedding import UNHURRIED  # noqa: E402
from retrieval.services.reembed_run import reembed_run  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[2]))  # installed packages may be called "tests", too
from fakes import FakeRedaction, FakeVersions  # noqa: E402

models.bundle_folder = lambda ref, **_: Path(ref)
with clients.override(redaction=FakeRedaction(), models=FakeVersions()):
    while reembed_run(job_id=UUID(sys.argv[1]), pace=UNHURRIED) is not None:
        pass
