"""What the design does because of the constraints of a run, and how it stands to each of them in the end.

A rule that the design can follow is followed here: who may not join is left out of the data, points that must
not lapse do not, a forbidden channel is not used. One that it cannot follow is broken, and free text is for a person.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from plans.commands.shared.figures import money
from plans.engine.running.steps import StepContext
from plans.schemas import constraints as forms
from plans.schemas.constraints import Constraint, of_kind, stated_in
from plans.schemas.outputs import Column, Table
from programs.analytics.assumptions import Assumption
from programs.analytics.lifecycle import TRIGGERS, TriggerRow
from programs.datasets import OpenData
from programs.personas import BY_COLUMN

MET, BROKEN, NOT_CHECKED = "met", "broken", "not checked"
A_PERSON = "Not checked by the system: a person must."
LIFE_DAYS, NOTICE_DAYS = 730, 30
"""Life of points and notice before they lapse, where no ledger and no constraint says; stated design choices."""
OPTIONAL = frozenset({"members", "point_ledger", "survey_responses", "usage_events"})
MATRIX_CHANNELS = tuple(dict.fromkeys(row.channel for row in TRIGGERS))
CASH = re.compile(r"\bcash\b|cash-?back|money back|payout", re.IGNORECASE)
EXPIRING = "points-expiring"


@dataclass(frozen=True, slots=True)
class ConstraintResult:
    """How the design stands to a constraint: met, broken or not checked; where that is seen, and how so."""

    constraint: Constraint
    status: str
    where: str
    how: str


@dataclass(frozen=True, slots=True)
class EligibleMembers:
    """The data of those the program is for; ``results`` of the constraints that say who that is."""

    data: OpenData
    regions: Sequence[str] = ()
    left_out: int = 0
    results: Sequence[ConstraintResult] = ()


@dataclass(frozen=True, slots=True)
class ExpiryPolicy:
    """After how many days points lapse (None: never), how long before members are told, and where they do not."""

    days: int | None
    notice_days: int
    not_in: Sequence[str] = ()
    source: str = ""

    def sentence(self) -> str:
        if self.days is None:
            return "Points never lapse."
        where = f", but not in {', '.join(self.not_in)}" if self.not_in else ""
        return f"Points lapse {self.days:,} days after they were earned{where}; members are told {self.notice_days} days before."

    def as_values(self) -> dict[str, Any]:
        return {**asdict(self), "not_in": list(self.not_in), "sentence": self.sentence()}


@dataclass(frozen=True, slots=True)
class FittedTrigger:
    """A trigger as it may be published: by which channel, by what rule; or ``refused`` with the reason."""

    trigger: TriggerRow
    entry_rule: str = ""
    refused: str = ""


def stated(context: StepContext) -> list[Constraint]:
    return stated_in(context.inputs, context.program["currency"])


def eligible_members(context: StepContext) -> EligibleMembers:
    """The data without members, categories and kinds of data that constraints take out."""
    asked = stated(context)
    unread = _not_to_use(asked)
    data = context.data.without(kinds=unread & OPTIONAL)
    people = of_kind(asked, forms.EXCLUDE_REGIONS, forms.MIN_AGE, forms.NO_EXPIRY)
    purchases, as_of = data.snapshot("purchases"), data.as_of("purchases")
    results: list[ConstraintResult] = []
    regions: list[str] = []
    members: list[str] = []
    if any(rule.names or rule.amount for rule in people):
        found = data.engine.member_profiles(purchases, as_of=as_of, members=data.find("members"))
        ids = found.column("member_id").to_pylist()
        region = _known(found, "region", unread, "region")
        age = _known(found, "age", unread, "birth_date")
        regions = sorted({value for value in region if value})
        out = np.zeros(len(ids), dtype=bool)
        for rule in people:
            if rule.kind == forms.NO_EXPIRY:
                continue
            mask, result = _by_region(rule, region) if rule.names else _by_age(rule, age)
            if (out | mask).all():
                mask, result = ~out & out, _nobody_left(rule)
            out |= mask
            results.append(result)
        members = [ids[n] for n in np.flatnonzero(out)]
    categories = [name.lower() for rule in of_kind(asked, forms.EXCLUDE_CATEGORIES) for name in rule.names]
    if categories:
        bought = data.engine.purchase_categories(purchases, as_of=as_of).to_pylist()
        known = {row["category"]: row for row in bought if row["category"] is not None}
        if set(known) | {row["category"] for row in bought} <= set(categories):
            results += [_nobody_left(rule) for rule in of_kind(asked, forms.EXCLUDE_CATEGORIES)]
            categories = []
        else:
            results += [_by_category(rule, known) for rule in of_kind(asked, forms.EXCLUDE_CATEGORIES)]
    narrowed = data.without(members=members, categories=categories) if members or categories else data
    return EligibleMembers(narrowed, regions, len(members), results)


def _not_to_use(asked: Sequence[Constraint]) -> set[str]:
    return {name for rule in of_kind(asked, forms.NO_DATA) for name in rule.names}


def _known(found: Any, column: str, unread: Collection[str], data: str) -> list[Any]:
    return [None] * found.num_rows if data in unread else found.column(column).to_pylist()


def same_region(stated_name: str, recorded: str) -> bool:
    """“US-CA” is “CA”, whichever of the two is written where; a full name is itself only."""
    one, other = stated_name.casefold(), recorded.casefold()
    return one == other or one.rpartition("-")[2] == other or one == other.rpartition("-")[2]


def _by_region(rule: Constraint, region: Sequence[Any]) -> tuple[Any, ConstraintResult]:
    recorded = sorted({value for value in region if value})
    where = "Design, members the tiers are made for"
    nobody = np.zeros(len(region), dtype=bool)
    if not recorded:
        how = f"The data record no region, so nothing says who lives there. {A_PERSON}"
        return nobody, ConstraintResult(rule, NOT_CHECKED, where, how)
    meant = {value for value in recorded for name in rule.names if same_region(name, value)}
    strange = [name for name in rule.names if not any(same_region(name, value) for value in recorded)]
    mask = np.array([value in meant for value in region])
    unknown = sum(not value for value in region)
    told = f"{int(mask.sum()):,} members there are left out of tiers, economics and triggers."
    if strange:
        told += f" No region of the data reads {', '.join(strange)}; they have {_few(recorded)}. {A_PERSON}"
    elif unknown:
        told += f" Of {unknown:,} members no region is known. {A_PERSON}"
    return mask, ConstraintResult(rule, NOT_CHECKED if strange or unknown else MET, where, told)


def _by_age(rule: Constraint, age: Sequence[Any]) -> tuple[Any, ConstraintResult]:
    where = "Design, members the tiers are made for"
    mask = np.array([value is not None and value < rule.number for value in age])
    unknown = sum(value is None for value in age)
    if unknown == len(age):
        how = f"The data record no birth date. {A_PERSON}"
        return mask, ConstraintResult(rule, NOT_CHECKED, where, how)
    told = f"{int(mask.sum()):,} members under {rule.amount} are left out of tiers, economics and triggers."
    told += f" Of {unknown:,} members no birth date is known. {A_PERSON}" if unknown else ""
    return mask, ConstraintResult(rule, NOT_CHECKED if unknown else MET, where, told)


def _by_category(rule: Constraint, known: Mapping[str, Any]) -> ConstraintResult:
    where = "Design, earn rules"
    told = f"What is bought in {', '.join(rule.names)} earns no points and counts towards no tier."
    found = [name for name in rule.names if name.lower() in known]
    if len(found) < len(rule.names):
        have = f"they have {_few(sorted(known))}" if known else "they record none"
        strange = ", ".join(name for name in rule.names if name not in found)
        how = f"{told} No category of the data reads {strange}; {have}. {A_PERSON}"
        return ConstraintResult(rule, NOT_CHECKED, where, how)
    orders = sum(known[name.lower()]["orders"] for name in found)
    return ConstraintResult(rule, MET, where, f"{told} {orders:,} orders are left out.")


def _nobody_left(rule: Constraint) -> ConstraintResult:
    how = "Nobody would be left: the design is made for all members, against this constraint."
    return ConstraintResult(rule, BROKEN, "Design, members the tiers are made for", how)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def expiry_of(context: StepContext, audience: EligibleMembers) -> ExpiryPolicy:
    """The life of points: that of the ledger or a stated one, as long as constraints ask, never where they say so."""
    asked = stated(context)
    days, source = _life(audience.data)
    for rule in of_kind(asked, forms.MIN_EXPIRY):
        if rule.number > days:
            days, source = int(rule.number), f"constraint “{rule.text}”"
    notice = max([NOTICE_DAYS, *(int(rule.number) for rule in of_kind(asked, forms.EXPIRY_NOTICE))])
    not_in: list[str] = []
    for rule in of_kind(asked, forms.NO_EXPIRY):
        if not rule.names:
            return ExpiryPolicy(None, notice, (), f"constraint “{rule.text}”")
        if strange := [n for n in rule.names if not any(same_region(n, r) for r in audience.regions)]:
            why = f"the data do not say who lives in {', '.join(strange)}, so points lapse nowhere"
            return ExpiryPolicy(None, notice, (), f"constraint “{rule.text}”: {why}")
        not_in += rule.names
    return ExpiryPolicy(days, notice, tuple(dict.fromkeys(not_in)), source)


def _life(data: OpenData) -> tuple[int, str]:
    if data.has("point_ledger"):
        found = data.engine.point_life(
            data.snapshot("point_ledger"), as_of=data.as_of("purchases")
        ).to_pylist()[0]
        if life := found["given"] or found["lapsed"]:
            return int(life), "point ledger, median life"
    return LIFE_DAYS, "stated design choice"


def lapsing_less(redemption: Assumption, expiry: ExpiryPolicy) -> Assumption:
    """Where points never lapse, each of them may be redeemed in the end: the range reaches up to all."""
    if expiry.days is not None:
        return redemption
    source = f"{redemption.source}; up to every point, since points never lapse"
    return replace(redemption, high=1.0, source=source)


def benefit_cap(context: StepContext) -> float:
    """The most that benefits may be worth to a member in a year."""
    return min((rule.number for rule in of_kind(stated(context), forms.MAX_BENEFIT)), default=float("inf"))


def is_cash(text: str) -> bool:
    return bool(CASH.search(text))


def fit_trigger(trigger: TriggerRow, asked: Sequence[Constraint], expiry: ExpiryPolicy) -> FittedTrigger:
    """The trigger by an allowed channel and with the stated notice, or why it is not published."""
    channel = _channel(trigger.channel, asked)
    if channel is None:
        return FittedTrigger(trigger, refused="No channel is left that the constraints allow.")
    if channel != trigger.channel:
        trigger = replace(trigger, channel=channel, action=trigger.action_elsewhere or trigger.action)
    if trigger.key != EXPIRING:
        return FittedTrigger(trigger, trigger.rule.sentence())
    if expiry.days is None:
        return FittedTrigger(trigger, refused="Points never lapse, so nobody is told that they will.")
    trigger = replace(trigger, rule=replace(trigger.rule, delay_days=-expiry.notice_days))
    where = f", not for members in {', '.join(expiry.not_in)}" if expiry.not_in else ""
    return FittedTrigger(trigger, f"{trigger.rule.sentence()}{where}")


def _channel(wanted: str, asked: Sequence[Constraint]) -> str | None:
    forbidden = {name for rule in of_kind(asked, forms.EXCLUDE_CHANNELS) for name in rule.names}
    only = of_kind(asked, forms.ONLY_CHANNELS)
    named = [name for rule in only for name in rule.names]
    candidates = [wanted, *(named if only else MATRIX_CHANNELS)]
    return next((c for c in candidates if c not in forbidden and all(c in rule.names for rule in only)), None)


@dataclass(frozen=True, slots=True)
class Designed:
    """What is checked: the values of the design, and the triggers that would be published and that would not."""

    design: Mapping[str, Any]
    triggers: Sequence[Mapping[str, Any]]
    refused: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def check(context: StepContext, audience: EligibleMembers, made: Designed) -> list[ConstraintResult]:
    """How the design stands to each constraint, in the order in which they were stated."""
    known = {result.constraint: result for result in audience.results}
    return [known.get(rule) or _check(rule, made, context) for rule in stated(context)]


def _check(rule: Constraint, made: Designed, context: StepContext) -> ConstraintResult:
    if rule.kind in _CHECKS:
        return _CHECKS[rule.kind](rule, made, context)
    how = (
        "No loaded data say who they are." if rule.kind == forms.EXCLUDE_PEOPLE else "No rule was read in it."
    )
    return ConstraintResult(rule, NOT_CHECKED, "", f"{how} {A_PERSON}")


def _expiry(rule: Constraint, made: Designed, context: StepContext) -> ConstraintResult:
    expiry, where = made.design["expiry"], "Design, terms of points; trigger matrix"
    told = expiry["sentence"]
    published = next((t for t in made.triggers if t["key"] == EXPIRING), None)
    if rule.kind == forms.MIN_EXPIRY:
        kept = expiry["days"] is None or expiry["days"] >= rule.number
    elif rule.kind == forms.EXPIRY_NOTICE:
        told += "" if published or expiry["days"] is None else " No trigger tells them: none may be sent."
        kept = expiry["days"] is None or (
            published is not None and rule.number <= expiry["notice_days"] < expiry["days"]
        )
    else:
        told += f" The trigger “{EXPIRING}” is not published." if published is None else (
            f" The trigger “{EXPIRING}” leaves members there out.")  # fmt: skip
        kept = expiry["days"] is None or set(rule.names) <= set(expiry["not_in"])
    return ConstraintResult(rule, MET if kept else BROKEN, where, told)


def _channels(rule: Constraint, made: Designed, context: StepContext) -> ConstraintResult:
    where = "Trigger matrix, channels"
    unsent = [row["key"] for row in made.refused if "channel" in row["why"]]
    if unsent:
        how = f"No allowed channel is left for {', '.join(unsent)}: they are not published."
        return ConstraintResult(rule, BROKEN, where, how)
    used = sorted({row["channel"] for row in made.triggers})
    moved = [row["key"] for row in made.triggers if row.get("channel_before")]
    how = f"{len(made.triggers)} triggers go by {', '.join(used)}."
    how += f" Moved to another channel: {', '.join(moved)}." if moved else ""
    return ConstraintResult(rule, MET, where, how)


def _no_cash(rule: Constraint, made: Designed, context: StepContext) -> ConstraintResult:
    texts = [*(perk for tier in made.design["tiers"] for perk in tier["perks"]),
             made.design["surprise"]["moment"], *(row["action"] for row in made.triggers)]  # fmt: skip
    cash = sorted({text for text in texts if is_cash(text)})
    how = (
        f"Cash is in {'; '.join(cash)}."
        if cash
        else f"None of {len(set(texts))} benefits and actions is cash."
    )
    return ConstraintResult(rule, BROKEN if cash else MET, "Benefits of the tiers; trigger matrix", how)


def _max_benefit(rule: Constraint, made: Designed, context: StepContext) -> ConstraintResult:
    most = max(tier["benefit_per_member"] for tier in made.design["tiers"])
    how = f"The most a member gets in benefits a year is {money(most, context.program['currency'])}; the rest goes into points."
    return ConstraintResult(rule, MET if most <= rule.number else BROKEN, "Program blueprint, benefits", how)


def _no_data(rule: Constraint, made: Designed, context: StepContext) -> ConstraintResult:
    where, needed = "Datasets of the run", [name for name in rule.names if name == "purchases"]
    if needed:
        return ConstraintResult(rule, BROKEN, where, "Tiers, economics and triggers rest on purchases.")
    known = context.program.get("personas") or {}
    listed = [
        slug
        for slug in context.inputs.get("personas") or ()
        if BY_COLUMN in known.get(slug, {}).get("rule", "")
    ]
    if listed and {"persona", "members"} & set(rule.names):
        return ConstraintResult(
            rule, BROKEN, where, f"The personas {', '.join(listed)} are read from the member list."
        )
    foreign = [name for name in rule.names if name in forms.UNKNOWN_TO_CONTRACTS]
    read = [name for name in rule.names if name not in foreign]
    parts = [f"No step reads {', '.join(read)}."] if read else []
    parts += [f"No data the system loads have a column for {', '.join(foreign)}."] if foreign else []
    return ConstraintResult(rule, MET, where, " ".join(parts))


_CHECKS = {
    **dict.fromkeys((forms.NO_EXPIRY, forms.MIN_EXPIRY, forms.EXPIRY_NOTICE), _expiry),
    **dict.fromkeys((forms.EXCLUDE_CHANNELS, forms.ONLY_CHANNELS), _channels),
    forms.NO_CASH: _no_cash,
    forms.MAX_BENEFIT: _max_benefit,
    forms.NO_DATA: _no_data,
}


def broken(results: Iterable[ConstraintResult]) -> list[ConstraintResult]:
    return [result for result in results if result.status == BROKEN]


def as_values(results: Sequence[ConstraintResult]) -> list[dict[str, str]]:
    """What later steps and the plan JSON read."""
    return [
        {
            "text": r.constraint.text,
            "kind": r.constraint.kind,
            "status": r.status,
            "where": r.where,
            "how": r.how,
        }
        for r in results
    ]


def constraint_table(results: Sequence[ConstraintResult]) -> Table:
    return Table(
        "constraints",
        "Constraints",
        [Column("text", "Constraint"), Column("kind", "Read as"), Column("status", "Met"),
         Column("where", "Where it stands"), Column("how", "How")],
        [list(row.values()) for row in as_values(results)],
        f"{sum(r.status == MET for r in results)} met, {len(broken(results))} broken, "
        f"{sum(r.status == NOT_CHECKED for r in results)} not checked by the system: those are for a person.",
    )  # fmt: skip
