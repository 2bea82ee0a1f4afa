"""Opportunities of all partners in one currency and one funnel, each deal once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from gtm.core.money import minor_units
from plans.commands.track_source.facts import JOINT, Scope
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
    at the rate of the day it was won; None where there is no amount or no rate. Both are net of credit notes;
    ``gross_opening`` and ``gross_closing`` are before them. ``credited`` says that nothing is left.
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
    gross_opening: ConvertedAmount | None = None
    gross_closing: ConvertedAmount | None = None
    credited: bool = False

    @property
    def listed(self) -> Decimal | None:
        """What the deal was worth before credit notes: what two partners' books of it have in common."""
        found = self.gross_opening or self.opening
        return found.amount if found else None

    @property
    def credit(self) -> Decimal:
        """What credit notes in this book take off the pipeline."""
        if self.gross_opening is None or self.opening is None:
            return Decimal(0)
        return self.gross_opening.amount - self.opening.amount

    @property
    def closing_credit(self) -> Decimal:
        """What they take off the revenue; at the rate of the opening in a book that has not won the deal."""
        if self.gross_closing is None or self.closing is None:
            return self.credit
        return self.gross_closing.amount - self.closing.amount


@dataclass(frozen=True, slots=True)
class Normalised:
    """``unconverted``: reason → records; ``stages``: partner → common stage → records; ``moved_days`` records at
    the rate of an earlier business day. ``records`` are all, also those of which credit notes left nothing;
    ``standing`` counts the others.
    """

    records: tuple[Record, ...]
    standing: int
    review: tuple[ReviewItem, ...]
    stages: Mapping[str, Mapping[str, int]]
    unconverted: Mapping[str, int]
    without_amount: int
    moved_days: int
    other_campaigns: int
    source: str


@dataclass(frozen=True, slots=True)
class JointDeal:
    """One deal, whoever keeps it. ``persons``: everybody whom a record names; ``claims``: the partners that say
    they sourced it. ``pipeline`` and ``revenue`` are net of credit notes in any of the books, ``gross_`` before.
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
    gross_pipeline: Decimal | None = None
    gross_revenue: Decimal | None = None

    @property
    def key(self) -> str:
        return " + ".join(record.key for record in self.records)

    @property
    def amounts_differ(self) -> bool:
        """Whether its records disagree on the amount by more than 5 %."""
        return _differ([record.listed for record in self.records])

    def is_far_apart(self, tolerance: Decimal) -> bool:
        """Whether its records disagree by so much, of the larger amount, that they may be about two deals."""
        return _differ([record.listed for record in self.records], tolerance)

    @property
    def credited_in_part_of_the_books(self) -> bool:
        """Whether one partner's book has credit notes of it and another's has none."""
        return len({bool(record.credit or record.credited) for record in self.records}) > 1

    @property
    def stands(self) -> bool:
        """Whether credit notes left anything of it."""
        if any(record.credited for record in self.records) and not self.amounts_differ:
            return False
        return not (self.gross_pipeline and not self.pipeline)


def told_apart(deals: Iterable[JointDeal]) -> dict[int, str]:
    """Number of each deal → what it is called: two partners' books may both have a deal 7."""
    found = list(deals)
    several = {key for key, times in Counter(deal.key for deal in found).items() if times > 1}
    return {
        deal.number: f"{deal.key} of {' + '.join(record.owner for record in deal.records)}"
        if deal.key in several
        else deal.key
        for deal in found
    }


def normalise(data: OpenData, scope: Scope, people: People | None = None) -> Normalised:
    """Read every record of the campaign; without ``people`` everybody is who their partner says."""
    rows = data.engine.deal_rows(data.snapshots("opportunities"), as_of=scope.end).to_pylist()
    other = [
        row
        for row in rows
        if row["campaign"] and scope.vocabulary.canonical("campaign", row["campaign"]) != scope.slug
    ]
    strangers = {(row["owner"], row["opportunity_id"]) for row in other}
    everything = [row for row in rows if (row["owner"], row["opportunity_id"]) not in strangers]
    ours = [row for row in everything if not row["undone"]]
    unconverted: Counter[str] = Counter()
    records = tuple(_record(row, scope, people, unconverted) for row in everything)
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in ours:
        counts[scope.partner(row["owner"])][row["stage"]] += 1
    mapped = {p: map_stages(found, _stages(scope, p)) for p, found in sorted(counts.items())}
    return Normalised(
        records=records,
        standing=len(ours),
        review=tuple(item for _, review in mapped.values() for item in review),
        stages={p: stages for p, (stages, _) in mapped.items()},
        unconverted=dict(unconverted),
        without_amount=sum(row["amount"] is None for row in ours),
        moved_days=sum(bool(r.opening and r.opening.note) for r in records),
        other_campaigns=len(other),
        source=ecb_rates().source,
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
    opening = _convert(row, "amount", scope, row["created_at"].date(), unconverted)
    closing = _convert(row, "amount", scope, closed.date(), unconverted) if won and closed else None
    credited = row["undone"] or row["amount"] != row["gross_amount"]
    before: Counter[str] = Counter()  # what has no rate was counted with the net amount
    return Record(
        owner=owner,
        key=row["opportunity_id"],
        persons=tuple(people.person(owner_of, who) if people else f"{owner_of}:{who}" for who in named),
        company=normalise_company(row["account_name"] or ""),
        opened=row["created_at"],
        closed=closed,
        stage=stage,
        won=won and closed is not None,
        opening=opening,
        closing=closing,
        claim=scope.partner(row["sourced_by"]) if row["sourced_by"] else "",
        region=row["region"] or "unknown region",
        segment=row["segment"] or "unknown segment",
        gross_opening=_convert(row, "gross_amount", scope, row["created_at"].date(), before)
        if credited
        else None,
        gross_closing=_convert(row, "gross_amount", scope, closed.date(), before)
        if credited and won and closed
        else None,
        credited=row["undone"],
    )


def _convert(
    row: Mapping[str, Any], column: str, scope: Scope, day: date, unconverted: Counter[str]
) -> ConvertedAmount | None:
    if row[column] is None:
        return None
    try:
        exponent = Decimal(1).scaleb(-minor_units(scope.currency))
        return convert(row[column], row["currency"], scope.currency, day, ecb_rates(), exponent=exponent)
    except RateNotFound as error:
        unconverted[f"{error.currency}: {error.reason}"] += 1
        return None


def reconcile(records: Sequence[Record], *, tolerance: Decimal | None = None) -> tuple[JointDeal, ...]:
    """Each deal once: a person in common at two partners, or the same company and amount, opened within 14 days.

    ``tolerance``: a person in common is not enough where the amounts are further apart than that.

    A partner's record joins the deal nearest in time that has none of that partner yet. Books are compared
    before credit notes; a deal of which these left nothing is none.
    """
    deals: list[list[Record]] = []
    by_person: defaultdict[str, list[int]] = defaultdict(list)
    by_company: defaultdict[str, list[int]] = defaultdict(list)
    for record in sorted(records, key=lambda r: (r.opened, r.owner, r.key)):
        met = dict.fromkeys(n for person in record.persons for n in by_person[person])
        near = [n for n in met if _joins(record, deals[n], same_person=True, tolerance=tolerance)]
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
    joint = (_deal(number, found) for number, found in enumerate(deals))
    return tuple(deal for deal in joint if deal.stands)


def _joins(
    record: Record, deal: Sequence[Record], *, same_person: bool, tolerance: Decimal | None = None
) -> bool:
    if any(known.owner == record.owner for known in deal):
        return False
    if record.opened - deal[0].opened > timedelta(days=SAME_DEAL_DAYS):
        return False
    ours, theirs = record.listed, deal[0].listed
    if same_person:
        return tolerance is None or not _differ([ours, theirs], tolerance)
    return ours is not None and theirs is not None and not _differ([ours, theirs])


def _differ(listed: Sequence[Decimal | None], share: Decimal = SAME_AMOUNT) -> bool:
    amounts = [amount for amount in listed if amount is not None]
    return len(amounts) > 1 and max(amounts) - min(amounts) > share * max(amounts)


def _less(gross: Decimal | None, credit: Decimal) -> Decimal | None:
    return None if gross is None else max(gross - credit, Decimal(0))


def _deal(number: int, records: Sequence[Record]) -> JointDeal:
    """The amounts are of the partner that claims the deal alone, else of the record opened first.

    A credit note in any partner's book lowers the deal; the same one in two books lowers it once.
    """
    claims = frozenset(record.claim for record in records if record.claim)
    lead = next((r for r in records if claims == {r.owner}), records[0])
    won = next((r for r in (lead, *records) if r.won), None)
    gross = won and (won.gross_closing or won.closing)
    gross_revenue = gross.amount if gross else None
    return JointDeal(
        number=number,
        records=tuple(records),
        persons=tuple(dict.fromkeys(person for record in records for person in record.persons)),
        opened=records[0].opened,
        closed=won.closed if won else lead.closed,
        won=won is not None,
        stage="won" if won else lead.stage,
        pipeline=_less(lead.listed, max(record.credit for record in records)),
        revenue=_less(gross_revenue, max(record.closing_credit for record in records)),
        gross_pipeline=lead.listed,
        gross_revenue=gross_revenue,
        claims=claims,
        region=lead.region,
        segment=lead.segment,
    )
