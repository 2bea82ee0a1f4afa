"""Which touches are the campaign's, and what their tags mean in the common vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from plans.commands.track_source.facts import Scope
from programs.analytics.taxonomy import CoverageAudit, TaggedLink, audit_coverage, read_link
from programs.datasets import OpenData

UNTAGGED = "untagged"
SEPARATOR = " · "


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """``table``: the tags of the campaign with their source, as ``journeys`` wants it. Counts are of the window."""

    table: pa.Table
    touches: Mapping[str, int]
    sources: Mapping[str, int]
    other_campaigns: int
    taken_whole: tuple[str, ...]
    audit: CoverageAudit
    audits: Mapping[str, CoverageAudit]


def read_taxonomy(data: OpenData, scope: Scope) -> Taxonomy:
    """Every spelling that occurs in the window or the look-back before it, read once.

    A partner of whose rows none names a campaign is taken to have exported this campaign alone.
    """
    snapshots = data.snapshots("touchpoints")
    rows = data.engine.touch_tags(snapshots, start=scope.start - scope.lookback, as_of=scope.end).to_pylist()
    inside = data.engine.touch_tags(snapshots, start=scope.start, as_of=scope.end).to_pylist()
    keys = ("owner", "channel", "campaign", "tags")
    counted = {tuple(r[k] for k in keys): r["touches"] for r in inside}
    links = [read_link(f"?{row['tags']}", scope.vocabulary) for row in rows]
    named = {
        r["owner"] for r, link in zip(rows, links, strict=True) if r["campaign"] or _names_campaign(link)
    }
    whole = tuple(sorted({scope.partner(r["owner"]) for r in rows if r["owner"] not in named}))
    ours, touches, other = [], dict.fromkeys(scope.partners, 0), 0
    sources: dict[str, int] = {}
    audited: dict[str, list[tuple[str, int]]] = {}
    for row, link in zip(rows, links, strict=True):
        count = counted.get(tuple(row[k] for k in keys), 0)
        if row["owner"] in named and _campaign(row, link, scope) != scope.slug:
            other += count
            continue
        partner = scope.partner(row["owner"])
        source = f"{partner}{SEPARATOR}{_channel(row, link, scope)}"
        ours.append({k: row[k] for k in keys} | {"source": source})
        touches[partner] = touches.get(partner, 0) + count
        sources[source] = sources.get(source, 0) + count
        audited.setdefault(partner, []).append((f"?{row['tags']}", count))
    schema = pa.schema([(name, pa.string()) for name in (*keys, "source")])
    return Taxonomy(
        table=pa.Table.from_pylist(ours, schema),
        touches=touches,
        sources=sources,
        other_campaigns=other,
        taken_whole=whole,
        audit=audit_coverage([link for links in audited.values() for link in links], scope.vocabulary),
        audits={p: audit_coverage(links, scope.vocabulary) for p, links in sorted(audited.items())},
    )


def _names_campaign(link: TaggedLink) -> bool:
    return "campaign" not in link.missing


def _campaign(row: Mapping[str, Any], link: TaggedLink, scope: Scope) -> str | None:
    told = scope.vocabulary.canonical("campaign", row["campaign"]) if row["campaign"] else None
    return told or link.values.get("campaign")


def _channel(row: Mapping[str, Any], link: TaggedLink, scope: Scope) -> str:
    told = scope.vocabulary.canonical("medium", row["channel"]) if row["channel"] else None
    return told or link.values.get("medium") or UNTAGGED
