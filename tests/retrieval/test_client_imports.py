"""The web and Celery processes import the clients; nothing heavy may come with them."""

import subprocess
import sys

import pytest

HEAVY = (
    "torch|spacy|presidio_analyzer|presidio_anonymizer|PIL|av|onnxruntime|pypdfium2|soundfile|docx"
    "|transformers|workers.sandbox"
)
CLIENTS = [
    "retrieval.redaction.client",
    "retrieval.redaction.registry",
    "retrieval.encoders.client",
    "retrieval.transport",
    "retrieval.framing",
    "retrieval.saliency.describe",
    "retrieval.saliency.words",
]


@pytest.mark.parametrize("module", CLIENTS)
def test_importing_a_client_loads_nothing_heavy(module):
    code = (
        f"import sys, {module}\n"
        f"print(','.join(sorted(m for m in {HEAVY.split('|')!r} if m in sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == ""


def test_the_check_itself_would_notice():
    code = "import sys, PIL; print('PIL' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "True"
