"""What was done to an asset, step by step."""

from __future__ import annotations

from uuid import UUID

from retrieval.models import ProvenanceStep


def step_add(
    *, asset_id: UUID, step: str, component: str, version: str = "", actor: UUID | None = None
) -> None:
    """Adds one step. Inside the caller's transaction."""
    ProvenanceStep.objects.create(
        asset_id=asset_id,
        step=step[:64],
        component=component[:100],
        version=version[:64],
        actor=actor,
    )
