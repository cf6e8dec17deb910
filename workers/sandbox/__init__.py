"""Decoding of untrusted files in child processes that can do nothing else."""

from workers.sandbox.client import Sandbox
from workers.sandbox.errors import DecodeError, SandboxError, SandboxUnavailable
from workers.sandbox.types import (
    MAX_INTERVALS,
    MAX_WINDOWS,
    Limits,
    Muted,
    Normalised,
    PageText,
    SandboxHealth,
    Step,
    TensorSpec,
    Wall,
)

__all__ = [
    "MAX_INTERVALS",
    "MAX_WINDOWS",
    "DecodeError",
    "Limits",
    "Muted",
    "Normalised",
    "PageText",
    "Sandbox",
    "SandboxError",
    "SandboxHealth",
    "SandboxUnavailable",
    "Step",
    "TensorSpec",
    "Wall",
]
