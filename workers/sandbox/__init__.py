"""Decoding of untrusted files in child processes that can do nothing else."""

from workers.sandbox.client import Sandbox
from workers.sandbox.errors import DecodeError, SandboxError, SandboxUnavailable
from workers.sandbox.types import (
    MAX_INTERVALS,
    MAX_POLYGONS,
    MAX_WINDOWS,
    Heat,
    Limits,
    Muted,
    Normalised,
    PageText,
    Painted,
    SandboxHealth,
    Sheet,
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
    "Heat",
    "Limits",
    "Muted",
    "Normalised",
    "PageText",
    "Painted",
    "Sandbox",
    "SandboxError",
    "SandboxHealth",
    "SandboxUnavailable",
    "Sheet",
    "SoundFacts",
    "Step",
    "TensorSpec",
    "Wall",
]
