import subprocess
import sys

import pytest


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )


def test_blocked_for_good_torch_cannot_be_imported_and_presidio_can():
    done = run(
        "from retrieval.redaction import no_torch\n"
        "no_torch.block_for_good()\n"
        "import retrieval.redaction.text, sys\n"
        "assert sys.modules['torch'] is None\n"
        "try:\n    import torch\nexcept ImportError:\n    print('blocked')\n"
    )
    assert done.stdout.strip() == "blocked", done.stderr


def test_recognisers_bring_no_torch_even_where_it_is_not_blocked():
    done = run("import retrieval.redaction.text, sys; print('torch' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


def test_the_promise_is_not_made_too_late():
    done = run(
        "import sys, types\n"
        "sys.modules['torch'] = types.ModuleType('torch')\n"
        "from retrieval.redaction import no_torch\n"
        "no_torch.block_for_good()"
    )
    assert "RuntimeError" in done.stderr


@pytest.mark.parametrize("name", ["torch", "json"])
def test_what_was_imported_before_comes_back(name):
    from retrieval.redaction import no_torch

    before = sys.modules.get(name, "absent")
    with no_torch.blocked():
        pass
    assert sys.modules.get(name, "absent") is before
