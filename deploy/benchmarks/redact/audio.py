"""How much of synthetic speech in noise is muted, how much of everything else, and how fast.

eSpeak NG speaks (several languages, voices, speeds and pitches); backgrounds are recordings of a
folder that the user gives, or generated noises. Each mixture goes the way of an upload: decoded,
muted, heard again, verified.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from deploy.benchmarks.figures import Figure
from deploy.benchmarks.redact import audio_sounds as sounds
from deploy.benchmarks.redact.parts import Miss, Options, Part
from retrieval.redaction.audio.redactor import SpeechRedactor
from retrieval.redaction.audio.regions import covered
from retrieval.redaction.audio.silero import RATE
from retrieval.redaction.audio.vad import SileroDetector
from retrieval.redaction.base import Profile
from retrieval.redaction.placeholders import Numbering
from retrieval.redaction.registry import get_profile
from retrieval.redaction.text import StructuredTextRedactor
from workers.redaction_server.sounds import Sounds, times
from workers.sandbox import Limits, Sandbox

SNRS: Final = (20, 10, 5, 0)
_MIXTURES: Final = 60
_SPEECHLESS: Final = 120
_LONG_SECONDS: Final = 300
_AT_ONCE: Final = 2
_SEED: Final = 4
_MUTED_TARGETS: Final = {20: 97.0, 10: 97.0, 5: 97.0, 0: 90.0}
_LOST_TARGET: Final = 5.0
_SPEED_TARGET: Final = 20.0
_STEP_MS: Final = 10


@dataclass
class Times:
    """Milliseconds of speech and of what is none, and how much of each was muted."""

    speech: int = 0
    muted: int = 0
    other: int = 0
    lost: int = 0
    files: int = 0
    quarantined: int = 0

    def add(self, more: Times) -> None:
        """Adds the times of another sound."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(more, name))

    @property
    def muted_percent(self) -> float:
        """Share of speech that is muted."""
        return 100 * self.muted / max(1, self.speech)

    @property
    def lost_percent(self) -> float:
        """Share of the rest that is muted."""
        return 100 * self.lost / max(1, self.other)


@dataclass
class Bench:
    """The way of a sound through redaction, with one sandbox."""

    sandbox: Sandbox
    redaction: Sounds = field(init=False)

    def __post_init__(self) -> None:
        text = StructuredTextRedactor()
        speech = SpeechRedactor(SileroDetector(), text)
        self.redaction = Sounds(self.sandbox, speech, text, Limits())

    def through(self, mixture: sounds.Mixture, profile: Profile) -> Times:
        """What became of one mixture; nothing of a quarantined one is stored, so all is lost."""
        media = self.sandbox.sniff_normalise(sounds.wav(mixture.samples))
        parts = self.redaction.redact(media, profile=profile, book=Numbering())
        verdict = self.redaction.verify(parts.rendition, profile=profile)
        whole = [(0, media.duration_ms or 0)] if verdict.reason else times(parts.findings)
        starts = np.flatnonzero(mixture.active) * _STEP_MS
        muted = sum(covered(at, at + _STEP_MS, whole) for at in starts.tolist())
        length = len(mixture.samples) * 1000 // RATE
        first, end = mixture.span_ms
        lost = covered(0, first, whole) + covered(end, length, whole)
        return Times(
            speech=len(starts) * _STEP_MS,
            muted=muted,
            other=length - (end - first),
            lost=lost,
            files=1,
            quarantined=bool(verdict.reason),
        )


def run(options: Options) -> Part:
    """Shares by signal-to-noise ratio for each profile that mutes, then speed."""
    speakers = sounds.speakers()
    if not speakers:
        return Part(notes=["speech: espeak-ng is not installed, nothing was measured"])
    share = 10 if options.quick else 1
    backgrounds, source = sounds.backgrounds(options.sounds)
    part = Part(notes=[f"speech: espeak-ng in {source}; a figure a profile"])
    utterances = sounds.utterances(speakers, count=max(12, 90 // share), seed=_SEED)
    with Sandbox(jobs=2) as sandbox:
        bench = Bench(sandbox)
        for name in ("standard", "strict"):
            _measure(part, bench, _muting(name), utterances, backgrounds, source, share)
        part.figures.append(_speed(bench, utterances, backgrounds))
    return part


def _muting(name: str) -> Profile:
    profile = get_profile(name)
    return replace(profile, audio=replace(profile.audio, speech="mute_speech"))


def _measure(
    part: Part,
    bench: Bench,
    profile: Profile,
    utterances: Sequence[sounds.Samples],
    backgrounds: Sequence[sounds.Samples],
    source: str,
    share: int,
) -> None:
    everything = Times()
    for snr in SNRS:
        found = Times()
        for mixture in sounds.mixtures(
            utterances, backgrounds, snr=snr, count=max(6, _MIXTURES // share), seed=_SEED + snr
        ):
            found.add(bench.through(mixture, profile))
        everything.add(found)
        name = f"{profile.name}: speech muted at {snr} dB"
        part.figures.append(
            Figure(name, found.muted_percent, "%", target=_MUTED_TARGETS[snr], at_least=True)
        )
        missed = (found.speech - found.muted) // 1000
        part.misses.append(
            Miss(
                profile.name, f"seconds of speech at {snr} dB", missed, found.speech // 1000, source
            )
        )
    alone = Times()
    for mixture in _alone(backgrounds, count=max(12, _SPEECHLESS // share)):
        alone.add(bench.through(mixture, profile))
    together = Times()
    together.add(everything)
    together.add(alone)
    quarantined = everything.quarantined + alone.quarantined
    part.figures += [
        Figure(f"{profile.name}: lost beside speech", everything.lost_percent, "%", _LOST_TARGET),
        Figure(f"{profile.name}: lost without speech", alone.lost_percent, "%", _LOST_TARGET),
        Figure(f"{profile.name}: lost in all", together.lost_percent, "%", _LOST_TARGET),
        Figure(f"{profile.name}: sounds quarantined", 100 * quarantined / together.files, "%"),
    ]


def _alone(backgrounds: Sequence[sounds.Samples], *, count: int) -> Iterator[sounds.Mixture]:
    picked = np.random.default_rng(_SEED).permutation(len(backgrounds))[:count]
    for number in picked:
        yield sounds.Mixture(backgrounds[number], np.zeros(0, np.bool_), (0, 0))


def _speed(
    bench: Bench, utterances: Sequence[sounds.Samples], backgrounds: Sequence[sounds.Samples]
) -> Figure:
    """Five minutes with an utterance every ten seconds, two such sounds at a time."""
    long = [
        sounds.long_mixture(utterances, backgrounds, seconds=_LONG_SECONDS, seed=_SEED + number)
        for number in range(_AT_ONCE)
    ]
    profile = _muting("standard")
    began = time.perf_counter()
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(lambda one: bench.through(one, profile), long))
    rate = _AT_ONCE * _LONG_SECONDS / (time.perf_counter() - began)
    return Figure("sounds of 5 min, times real time", rate, "x", _SPEED_TARGET, at_least=True)
