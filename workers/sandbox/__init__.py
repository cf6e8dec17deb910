"""Decoding of untrusted files in child processes that can do nothing else."""

from workers.sandbox.client import Sandbox
from workers.sandbox.errors import DecodeError, SandboxError, SandboxUnavailable
from workers.sandbox.types import (
    MAX_WINDOWS,
    Limits,
    Normalised,
    PageText,
    SandboxHealth,
    Step,
    TensorSpec,
    Wall,
)

__all__ = [
    "MAX_WINDOWS",
    "DecodeError",
    "Limits",
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
