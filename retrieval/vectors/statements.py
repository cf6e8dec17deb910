"""The statements that find vectors. Nothing but ORDER BY and LIMIT stands around a distance.

No join, no second sort key and no arithmetic surrounds an ordered scan that an index is to serve;
what decides about a row beside its vector is a condition on that row alone. Scans are put together
by UNION ALL, so that one statement, and one snapshot, answers whatever was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from audit.ids import Ids
from retrieval.vectors.base import AssetFilter, VectorRequest, checked
from retrieval.vectors.own_ddl import partition_name
from retrieval.vectors.raw import half
from retrieval.vectors.router import Branch, reranked

# ``<#>`` is the negative inner product, which for unit vectors is the negative cosine.
_SCAN = """(
    SELECT {number}::int AS branch, segment_id, asset_id, collection_id, {distance} AS negative
    FROM {relation} WHERE {conditions} ORDER BY {distance} LIMIT {limit}
)"""
# Signs first, whole vectors after; both inside one partition.
_BY_SIGNS = """(
    SELECT {number}::int AS branch, segment_id, asset_id, collection_id, vec <#> {query} AS negative
    FROM (
        SELECT segment_id, asset_id, collection_id, vec FROM {relation} WHERE {conditions}
        ORDER BY binary_quantize(vec)::bit({dimension}) <~> binary_quantize({query})
        LIMIT {reach}
    ) near ORDER BY 5 LIMIT {limit}
)"""
# The mark of the map, in the snapshot of the scans themselves.
_STAMP = """(
    SELECT -1, NULL::bigint, (SELECT stamp FROM retrieval_shardstamp WHERE id = 1), NULL::uuid,
           NULL::float8
)"""


@dataclass
class Statement:
    """SQL with named parameters, each sent once however often it stands there."""

    parts: list[sql.Composed] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def parameter(self, value: Any, *, name: str = "", binary: bool = True) -> sql.Composable:
        """A placeholder for ``value``."""
        sent = next((n for n, one in self.values.items() if one is value), None)
        name = name or sent or f"p{len(self.values)}"
        self.values[name] = value
        return sql.SQL(f"%({name}){'b' if binary else 's'}")

    @property
    def text(self) -> sql.Composed:
        """The whole of it."""
        return sql.SQL(" UNION ALL ").join([*self.parts, sql.SQL(_STAMP)])


def nearest(branches: Sequence[Branch], requests: Sequence[VectorRequest]) -> Statement:
    """One statement for all scans: rows of (branch, segment, asset, collection, -similarity).

    A row of branch -1 carries the map's stamp as its asset.
    """
    made = Statement()
    vectors = {b.request: checked(requests[b.request].query) for b in branches}
    queries = {
        number: made.parameter(half(vector), name=f"q{number}")
        for number, vector in vectors.items()
    }
    for number, branch in enumerate(branches):
        request = requests[branch.request]
        query = queries[branch.request]
        distance: sql.Composable = sql.SQL("(vec <#> {})").format(query)
        names: dict[str, sql.Composable] = {
            "number": sql.Literal(number),
            "query": query,
            "relation": _relation(branch, request.table),
            "conditions": _conditions(made, branch, request),
            "limit": sql.Literal(branch.limit),
        }
        if branch.route == "binary":
            dimension = len(vectors[branch.request])
            names["dimension"] = sql.Literal(dimension)
            names["reach"] = sql.Literal(reranked(branch.limit))
            made.parts.append(sql.SQL(_BY_SIGNS).format(**names))
            continue
        if branch.own and not branch.approximate:
            # The index must not answer what is to be compared exactly: a sum is in no index.
            distance = sql.SQL("({} + 0)").format(distance)
        made.parts.append(sql.SQL(_SCAN).format(distance=distance, **names))
    return made


def candidate_assets(request: VectorRequest, *, limit: int) -> tuple[sql.Composed, list[Any]]:
    """The assets a filter lets through, with their collections: at most ``limit``."""
    conditions, values = _filter(request.where)
    text = sql.SQL("SELECT id, collection_id FROM retrieval_asset WHERE {} LIMIT %s").format(
        sql.SQL(" AND ").join(map(sql.SQL, ["collection_id = ANY(%b)", *conditions]))
    )
    return text, [Ids.of(request.collections), *values, limit]


def _relation(branch: Branch, table: str) -> sql.Composable:
    if branch.own and branch.shard is not None:
        return sql.Identifier(partition_name(table, branch.shard))
    return sql.Identifier(table)


def _conditions(made: Statement, branch: Branch, request: VectorRequest) -> sql.Composable:
    parts: list[sql.Composable] = [
        sql.SQL("modality = {}").format(sql.Literal(branch.modality)),
        sql.SQL("searchable"),
    ]
    if not branch.own:
        parts.insert(0, sql.SQL("shard = {}").format(sql.Literal(branch.shard)))
    collections = branch.collections
    if branch.assets is not None:
        assets = made.parameter(list(branch.assets))
        parts.append(sql.SQL("asset_id = ANY({})").format(assets))
    if not branch.approximate:
        parts.append(sql.SQL("collection_id = ANY({})").format(made.parameter(collections)))
    if request.without_asset is not None:
        parts.append(sql.SQL("asset_id <> {}").format(made.parameter(request.without_asset)))
    if not request.where.empty and branch.assets is None:
        parts.append(_passes(made, branch, request.where))
    return sql.SQL(" AND ").join(parts)


def _passes(made: Statement, branch: Branch, where: AssetFilter) -> sql.Composable:
    """Whether a row's asset passes.

    A scalar subquery is asked for each row that an index brings, and cannot become a join, which
    would keep the index from serving the order; where all rows are compared, one list of all assets
    that pass is made first (``IS TRUE`` keeps that from becoming a join, too).
    """
    conditions, values = _filter(where)
    marks = [made.parameter(value, binary=not isinstance(value, Jsonb)) for value in values]
    all_of = sql.SQL(" AND ").join(
        sql.SQL(condition.replace("%s", "{}")).format(mark)
        for condition, mark in zip(conditions, marks, strict=True)
    )
    if branch.approximate:
        return sql.SQL("(SELECT {} FROM retrieval_asset a WHERE a.id = asset_id)").format(all_of)
    collections = made.parameter(branch.collections)
    return sql.SQL(
        "(asset_id IN (SELECT id FROM retrieval_asset WHERE collection_id = ANY({}) AND {}))"
        " IS TRUE"
    ).format(collections, all_of)


def _filter(where: AssetFilter) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    for condition, value in (
        ("captured_at >= %s", where.captured_after),
        ("captured_at < %s", where.captured_before),
        ("source = %s", where.source or None),
        ("metadata @> %s", Jsonb(where.metadata) if where.metadata else None),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    return conditions, values
