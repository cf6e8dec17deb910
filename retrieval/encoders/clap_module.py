"""laion-clap's own networks, without what importing laion-clap does besides.

``import laion_clap`` fetches three tokenizers from a hub, and its ``clap_module/__init__.py``
imports scikit-learn, pandas, wandb and timm for training. The networks need none of that: their
files are imported as a package whose ``__init__`` is not run (3.5 s and 170 MB less). Building
them would load numba for three functions of librosa; ``_filters_without_numba`` has them.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from torch import nn

from retrieval.encoders.bundle import BundleError
from retrieval.encoders.torchvision_compat import declare_missing_operators

_PACKAGE: Final = "clap_module"
# clap_module/pann_model.py evaluates the name as Python, so no other may reach it.
NETWORKS: Final = {
    "PANN": frozenset({"Cnn6", "Cnn10", "Cnn14"}),
    "HTSAT": frozenset({"tiny", "base", "large"}),
}
FUSIONS: Final = frozenset(
    {"None", "channel_map"} | {f"{kind}_{n}d" for kind in ("daf", "aff", "iaff") for n in (1, 2)}
)
# Defaults of CLAPAudioCfp in clap_module/model.py (laion-clap 1.1.7).
_AUDIO_DEFAULTS: Final = {
    "sample_rate": 48_000,
    "audio_length": 1024,
    "window_size": 1024,
    "hop_size": 1024,
    "fmin": 50,
    "fmax": 14_000,
    "class_num": 527,
    "mel_bins": 64,
    "clip_samples": 480_000,
}


def clap_module(name: str) -> ModuleType:
    """The module ``clap_module.<name>`` of the installed laion-clap.

    Raises:
        BundleError: laion-clap is not installed.
    """
    declare_missing_operators()
    if _PACKAGE not in sys.modules:
        spec = find_spec("laion_clap")  # finds the folder; runs nothing
        if spec is None or spec.origin is None:
            raise BundleError("no-package", "The Python package laion_clap is not installed.")
        package = ModuleType(_PACKAGE)
        package.__path__ = [str(Path(spec.origin).parent / _PACKAGE)]
        sys.modules[_PACKAGE] = package
    return importlib.import_module(f"{_PACKAGE}.{name}")


def audio_config(given: Mapping[str, Any]) -> SimpleNamespace:
    """An ``audio_cfg`` of a manifest, checked, with laion-clap's defaults filled in.

    Raises:
        BundleError: an unknown network or setting, or a number that is none.
    """
    words = dict(given)
    kind, name = words.pop("model_type", "PANN"), words.pop("model_name", "Cnn14")
    if not isinstance(kind, str) or name not in NETWORKS.get(kind, ()):
        raise BundleError("bad-tower", "laion-clap has no audio network of that name.")
    if not words.keys() <= _AUDIO_DEFAULTS.keys():
        raise BundleError("bad-tower", "An audio tower has a setting that is not known here.")
    numbers = {**_AUDIO_DEFAULTS, **words}
    if any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in numbers.values()):
        raise BundleError("bad-tower", "A setting of an audio tower is not a positive number.")
    return SimpleNamespace(model_type=kind, model_name=name, **numbers)


def audio_branch(config: SimpleNamespace, *, enable_fusion: bool, fusion_type: str) -> Any:
    """The audio network that laion-clap builds for ``config``, with random weights.

    Raises:
        BundleError: the settings do not make a network, or the kind of fusion is unknown.
    """
    if fusion_type not in FUSIONS:
        raise BundleError("bad-tower", "laion-clap has no fusion of that name.")
    if config.model_type == "PANN":
        build = clap_module("pann_model").create_pann_model
    else:
        build = clap_module("htsat").create_htsat_model
    try:
        with _filters_without_numba(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "torch.meshgrid")  # of htsat.py, harmless
            branch: nn.Module = build(config, enable_fusion, fusion_type)
    except (RuntimeError, AssertionError) as error:
        raise BundleError("bad-tower", "laion-clap cannot build an audio tower so.") from error
    return branch


@contextmanager
def _filters_without_numba() -> Iterator[None]:
    import torchlibrosa.stft

    kept = torchlibrosa.stft.librosa
    torchlibrosa.stft.librosa = SimpleNamespace(
        filters=SimpleNamespace(get_window=hann_window, mel=mel_filters),
        util=SimpleNamespace(pad_center=_pad_center),
    )
    try:
        yield
    finally:
        torchlibrosa.stft.librosa = kept


def hann_window(window: str, length: int, *, fftbins: bool) -> npt.NDArray[np.float64]:
    """A periodic Hann window as ``librosa.filters.get_window`` gives it."""
    if window != "hann" or not fftbins:
        raise ValueError("only the periodic Hann window is known here")
    angles: npt.NDArray[np.float64] = np.linspace(-np.pi, np.pi, length + 1)[:-1]
    return np.asarray(0.5 + 0.5 * np.cos(angles), dtype=np.float64)


def _pad_center(window: npt.NDArray[np.float64], *, size: int) -> npt.NDArray[np.float64]:
    left = (size - len(window)) // 2
    return np.pad(window, (left, size - len(window) - left))


def mel_filters(
    *, sr: float, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> npt.NDArray[np.float32]:
    """Slaney's mel filters (Auditory Toolbox 1998), as ``librosa.filters.mel`` gives them.

    float32 (n_mels, n_fft // 2 + 1), every filter of area one.
    """
    bins = np.fft.rfftfreq(n=n_fft, d=1.0 / sr)
    hz = _slaney_hz(np.linspace(_slaney_mel(fmin), _slaney_mel(fmax), n_mels + 2))
    widths, ramps = np.diff(hz), np.subtract.outer(hz, bins)
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    weights = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    weights *= (2.0 / (hz[2:] - hz[:-2]))[:, None]
    return np.asarray(weights, dtype=np.float32)


_LINEAR_HZ: Final = 200.0 / 3  # a mel below 1 kHz
_LOG_FROM_HZ: Final = 1000.0
_LOG_FROM_MEL: Final = _LOG_FROM_HZ / _LINEAR_HZ
_LOG_STEP: Final = np.log(6.4) / 27.0


def _slaney_mel(hz: float) -> float:
    if hz < _LOG_FROM_HZ:
        return hz / _LINEAR_HZ
    return float(_LOG_FROM_MEL + np.log(hz / _LOG_FROM_HZ) / _LOG_STEP)


def _slaney_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    high = _LOG_FROM_HZ * np.exp(_LOG_STEP * (mel - _LOG_FROM_MEL))
    return np.where(mel >= _LOG_FROM_MEL, high, _LINEAR_HZ * mel)
