"""Opportunities of all partners in one currency and one funnel, each deal once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from gtm.core.money import minor_units
from plans.commands.track_source.facts import JOINT, Scope
from plans.commands.track_source.steps.credit_notes import CreditNotes, settle
from plans.commands.track_source.steps.people import People
from programs.analytics.fx import ConvertedAmount, RateNotFound, convert
from programs.analytics.identity import normalise_company
from programs.analytics.taxonomy import ReviewItem, map_stages
from programs.datasets import OpenData
from programs.datasets.rates import ecb_rates

SAME_DEAL_DAYS, SAME_AMOUNT = 14, Decimal("0.05")


@dataclass(frozen=True, slots=True)
class Record:
    """An opportunity as one partner keeps it, read in the common words.

    ``stage`` None waits for a person. ``opening`` is the amount at the rate of the day it opened, ``closing``
    at the rate of the day it was won; None where there is no amount or no rate.
    """

    owner: str
    key: str
    persons: tuple[str, ...]
    company: str
    opened: datetime
    closed: datetime | None
    stage: str | None
    won: bool
    opening: ConvertedAmount | None
    closing: ConvertedAmount | None
    claim: str
    region: str
    segment: str


@dataclass(frozen=True, slots=True)
class Normalised:
    """``unconverted``: reason → records; ``stages``: partner → common stage → records; ``moved_days`` records at
    the rate of an earlier business day."""

    records: tuple[Record, ...]
    review: tuple[ReviewItem, ...]
    stages: Mapping[str, Mapping[str, int]]
    unconverted: Mapping[str, int]
    without_amount: int
    moved_days: int
    other_campaigns: int
    source: str
    credit: CreditNotes


@dataclass(frozen=True, slots=True)
class JointDeal:
    """One deal, whoever keeps it. ``persons``: everybody whom a record names; ``claims``: the partners that say
    they sourced it.
    """

    number: int
    records: tuple[Record, ...]
    persons: tuple[str, ...]
    opened: datetime
    closed: datetime | None
    won: bool
    stage: str | None
    pipeline: Decimal | None
    revenue: Decimal | None
    claims: frozenset[str]
    region: str
    segment: str

    @property
    def key(self) -> str:
        return " + ".join(record.key for record in self.records)

    @property
    def amounts_differ(self) -> bool:
        """Whether its records disagree on the amount by more than 5 %."""
        amounts = [record.opening.amount for record in self.records if record.opening]
        return len(amounts) > 1 and max(amounts) - min(amounts) > SAME_AMOUNT * max(amounts)


def normalise(data: OpenData, scope: Scope, people: People | None = None) -> Normalised:
    """Read every record of the campaign; without ``people`` everybody is who their partner says."""
    rows = data.engine.deal_rows(data.snapshots("opportunities"), as_of=scope.end).to_pylist()
    other = [
        row
        for row in rows
        if row["campaign"] and scope.vocabulary.canonical("campaign", row["campaign"]) != scope.slug
    ]
    strangers = {(row["owner"], row["opportunity_id"]) for row in other}
    credit = settle([row for row in rows if (row["owner"], row["opportunity_id"]) not in strangers])
    ours = credit.rows
    unconverted: Counter[str] = Counter()
    records = tuple(_record(row, scope, people, unconverted) for row in ours)
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in ours:
        counts[scope.partner(row["owner"])][row["stage"]] += 1
    mapped = {p: map_stages(found, _stages(scope, p)) for p, found in sorted(counts.items())}
    return Normalised(
        records=records,
        review=tuple(item for _, review in mapped.values() for item in review),
        stages={p: stages for p, (stages, _) in mapped.items()},
        unconverted=dict(unconverted),
        without_amount=sum(row["amount"] is None for row in ours),
        moved_days=sum(bool(r.opening and r.opening.note) for r in records),
        other_campaigns=len(other),
        source=ecb_rates().source,
        credit=credit,
    )


def _stages(scope: Scope, partner: str) -> Any:
    return scope.stages.get(partner, scope.stages[JOINT])


def _record(row: Mapping[str, Any], scope: Scope, people: People | None, unconverted: Counter[str]) -> Record:
    owner = scope.partner(row["owner"])
    mapped, _ = map_stages({row["stage"]: 1}, _stages(scope, owner))
    stage = next(iter(mapped), None)
    won = stage == "won" if row["won"] is None else bool(row["won"])
    closed = row["closed_at"] if row["closed_at"] and row["closed_at"] < scope.end else None
    named = (row["person_id"] or f"unnamed {row['opportunity_id']}").split(";")
    owner_of = row["owner"]
    return Record(
        owner=owner,
        key=row["opportunity_id"],
        persons=tuple(people.person(owner_of, who) if people else f"{owner_of}:{who}" for who in named),
        company=normalise_company(row["account_name"] or ""),
        opened=row["created_at"],
        closed=closed,
        stage=stage,
        won=won and closed is not None,
        opening=_convert(row, scope, row["created_at"].date(), unconverted),
        closing=_convert(row, scope, closed.date(), unconverted) if won and closed else None,
        claim=scope.partner(row["sourced_by"]) if row["sourced_by"] else "",
        region=row["region"] or "unknown region",
        segment=row["segment"] or "unknown segment",
    )


def _convert(
    row: Mapping[str, Any], scope: Scope, day: date, unconverted: Counter[str]
) -> ConvertedAmount | None:
    if row["amount"] is None:
        return None
    try:
        exponent = Decimal(1).scaleb(-minor_units(scope.currency))
        return convert(row["amount"], row["currency"], scope.currency, day, ecb_rates(), exponent=exponent)
    except RateNotFound as error:
        unconverted[f"{error.currency}: {error.reason}"] += 1
        return None


def reconcile(records: Sequence[Record]) -> tuple[JointDeal, ...]:
    """Each deal once: a person in common at two partners, or the same company and amount, opened within 14 days.

    A partner's record joins the deal nearest in time that has none of that partner yet.
    """
    deals: list[list[Record]] = []
    by_person: defaultdict[str, list[int]] = defaultdict(list)
    by_company: defaultdict[str, list[int]] = defaultdict(list)
    for record in sorted(records, key=lambda r: (r.opened, r.owner, r.key)):
        met = dict.fromkeys(n for person in record.persons for n in by_person[person])
        near = [n for n in met if _joins(record, deals[n], same_person=True)]
        if not near and record.company:
            near = [n for n in by_company[record.company] if _joins(record, deals[n], same_person=False)]
        if near:
            number = max(near, key=lambda n: deals[n][0].opened)
            deals[number].append(record)
        else:
            number = len(deals)
            deals.append([record])
        for person in record.persons:
            by_person[person].append(number)
        by_company[record.company].append(number)
    return tuple(_deal(number, found) for number, found in enumerate(deals))


def _joins(record: Record, deal: Sequence[Record], *, same_person: bool) -> bool:
    if any(known.owner == record.owner for known in deal):
        return False
    if record.opened - deal[0].opened > timedelta(days=SAME_DEAL_DAYS):
        return False
    if same_person:
        return True
    ours, theirs = record.opening, deal[0].opening
    if ours is None or theirs is None:
        return False
    return abs(ours.amount - theirs.amount) <= SAME_AMOUNT * max(ours.amount, theirs.amount)


def _deal(number: int, records: Sequence[Record]) -> JointDeal:
    """The amounts are of the partner that claims the deal alone, else of the record opened first."""
    claims = frozenset(record.claim for record in records if record.claim)
    lead = next((r for r in records if claims == {r.owner}), records[0])
    won = next((r for r in (lead, *records) if r.won), None)
    return JointDeal(
        number=number,
        records=tuple(records),
        persons=tuple(dict.fromkeys(person for record in records for person in record.persons)),
        opened=records[0].opened,
        closed=won.closed if won else lead.closed,
        won=won is not None,
        stage="won" if won else lead.stage,
        pipeline=lead.opening.amount if lead.opening else None,
        revenue=won.closing.amount if won and won.closing else None,
        claims=claims,
        region=lead.region,
        segment=lead.segment,
    )
