"""Decoding of untrusted files in child processes that can do nothing else."""

from workers.sandbox.client import Sandbox
from workers.sandbox.errors import DecodeError, SandboxError, SandboxUnavailable
from workers.sandbox.types import (
    MAX_INTERVALS,
    MAX_POLYGONS,
    MAX_WINDOWS,
    Limits,
    Muted,
    Normalised,
    PageText,
    Painted,
    SandboxHealth,
    SoundFacts,
    Step,
    TensorSpec,
    Wall,
)

__all__ = [
    "MAX_INTERVALS",
    "MAX_POLYGONS",
    "MAX_WINDOWS",
    "DecodeError",
    "Limits",
    "Muted",
    "Normalised",
    "PageText",
    "Painted",
    "Sandbox",
    "SandboxError",
    "SandboxHealth",
    "SandboxUnavailable",
    "SoundFacts",
    "Step",
    "TensorSpec",
    "Wall",
]
