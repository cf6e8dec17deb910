"""Who plays in the demo and what each may do. The README shows the same table."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class DemoCollection:
    """One demo collection, filled from ``items/<key>`` as ``manifest.tsv`` says."""

    key: str
    name: str
    description: str
    redaction_profile: str = "standard"


@dataclass(frozen=True)
class DemoUser:
    """A user, the teams they are in and the grants they hold themselves."""

    username: str
    teams: tuple[str, ...] = ()
    may_create_collections: bool = False


@dataclass(frozen=True)
class DemoGrant:
    """``role`` in a collection for a user or a team."""

    collection: str
    role: str
    user: str = ""
    team: str = ""
    raw: bool = False


@dataclass(frozen=True)
class Cast:
    """Everything the demo sets up, besides the items themselves."""

    collections: tuple[DemoCollection, ...] = field(default=())
    teams: tuple[tuple[str, str], ...] = field(default=())
    users: tuple[DemoUser, ...] = field(default=())
    grants: tuple[DemoGrant, ...] = field(default=())


CAST = Cast(
    collections=(
        DemoCollection("photos", "Town photos", "Everyday scenes, animals and gardens."),
        DemoCollection("clothing", "Wardrobe", "Garments photographed for the exchange.", "open"),
        DemoCollection(
            "sounds", "Sound library", "Short recordings of animals, weather and machines.", "open"
        ),
        DemoCollection(
            "notes", "Case notes", "Reports and follow-ups, with invented personal data."
        ),
    ),
    teams=(
        ("field", "Field team"),
        ("newsroom", "Newsroom"),
        ("casework", "Casework"),
    ),
    users=(
        DemoUser("ada", ("field",)),
        DemoUser("ben", ("field",)),
        DemoUser("chloe", ("newsroom",)),
        DemoUser("dev", ("newsroom",), may_create_collections=True),
        DemoUser("erin", ("casework",)),
        DemoUser("finn"),
    ),
    grants=(
        DemoGrant("photos", "searcher", team="field"),
        DemoGrant("sounds", "searcher", team="field"),
        DemoGrant("sounds", "contributor", user="ben"),
        DemoGrant("photos", "searcher", team="newsroom"),
        DemoGrant("clothing", "searcher", team="newsroom"),
        DemoGrant("clothing", "curator", user="dev"),
        DemoGrant("notes", "searcher", team="casework"),
        DemoGrant("notes", "curator", user="erin", raw=True),
        DemoGrant("sounds", "searcher", user="erin"),
    ),
)
