from __future__ import annotations

import subprocess
import sys


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=100,
    )
    return done.stdout.strip()


def test_torchvision_and_timm_import_after_it() -> None:
    code = (
        "from retrieval.encoders.torchvision_compat import declare_missing_operators as declare\n"
        "first = declare(); second = declare()\n"
        "import torchvision, timm\n"
        "print(second)"
    )
    assert _python(code) == "False"


def test_operators_that_are_declared_are_left_alone() -> None:
    code = (
        "import torch\n"
        "library = torch.library.Library('torchvision', 'DEF')\n"
        "shape = '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'\n"
        "[library.define(name + shape) for name in ('nms', 'qnms')]\n"
        "from retrieval.encoders.torchvision_compat import declare_missing_operators as declare\n"
        "print(declare())"
    )
    assert _python(code) == "False"
