"""Verbs on programs that several interfaces call: load data, publish a blueprint."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Min

from gtm.core import clock
from gtm.core.bounded.work import work
from gtm.core.errors import InvalidInput, Problem
from gtm.core.evidence import changelog
from gtm.core.later import later
from gtm.core.places import world
from programs.datasets import CONTRACTS, Snapshot, SnapshotStore, Source
from programs.datasets.loading.bounds import LOAD
from programs.datasets.loading.problems import nearest
from programs.load_profiles import options_of, settle_terms
from programs.models import (
    Benefit,
    BenefitKind,
    Campaign,
    Dataset,
    Delegation,
    LifecycleTrigger,
    Metric,
    Partner,
    Person,
    Program,
    Role,
    Tier,
)
from programs.schemas.metrics import STANDARD
from programs.series import DataSeries, enter, other_currencies, register, snapshot_store

INGEST = "programs.datasets.loading.ingest"
if TYPE_CHECKING:
    from programs.datasets import IngestResult
    from programs.datasets.engines.movements import MovementAccount
    from programs.datasets.loading import ingest as loading
else:
    loading = later(INGEST)


def establish_metrics() -> tuple[int, int]:
    """Make the standard metrics that the registry lacks; answers how many were made and how many stood.

    Rows that stand are the organisation's own: they are never changed. A role nobody has made is left open.
    """
    roles = {role.slug: role for role in Role.objects.all()}
    known = set(Metric.objects.values_list("key", flat=True))
    missing = [metric for metric in STANDARD if metric.key not in known]
    with transaction.atomic():
        for metric in missing:
            told = asdict(metric) | {
                "dimensions": list(metric.dimensions),
                "owner_role": roles.get(metric.owner_role),
                "threshold": Decimal(metric.threshold) if metric.threshold else None,
            }
            Metric(**told).save()
    return len(missing), len(STANDARD) - len(missing)


def load_dataset(
    kind: str,
    files: Iterable[Source | Path | str],
    *,
    program: Program,
    partner: Partner | None = None,
    campaign: Campaign | None = None,
    mapping: Mapping[str, str] | None = None,
    series: str = "",
    profile: str = "",
    without: Collection[str] = (),
    **options: str,
) -> tuple[Dataset, IngestResult]:
    """Validate files against the contract of ``kind``, keep the snapshot, register it.

    ``profile`` names a load profile of the program or a preset; what is said with the load counts more, and
    its options named in ``without`` do not count.
    ``series`` says whether the rows are added to those that are current or replace them; it is asked for
    where there are any. What comes of it is current, also where the same rows were loaded before, and
    ``Dataset.answer`` says so. Raises InvalidInput (DatasetProblems) with every problem; nothing is stored
    then.
    """
    if kind not in CONTRACTS:
        problem = Problem(
            "kind", f"“{kind}” is unknown.", tuple(CONTRACTS), nearest(kind, CONTRACTS), "unknown"
        )
        raise InvalidInput("There is no such kind of dataset.", problems=[problem])
    terms = settle_terms(program, kind, profile, mapping or {}, options, without)
    told = options_of(program, partner, terms)
    place = DataSeries(program, partner, campaign, kind)
    with snapshot_store().trial() as trial:
        result = work(
            f"{INGEST}:ingest", list(files), kind, store=trial.alone(), mapping=dict(terms.mapping),
            options=told, bounds=LOAD,
        )  # fmt: skip
        entering = enter(place, result, trial, series)
        if entering.addition is not None:  # refunds may change orders that were there
            result = loading.with_movements(result, _account_of(trial, entering.snapshot))
            entering = replace(entering, result=result)
        more = other_currencies(program, entering.snapshot)
        result = replace(entering.result, notes=(*entering.result.notes, *more))
        entering = replace(entering, result=result)
        dataset = register(entering, trial, told, terms)
    return dataset, result


def _account_of(trial: SnapshotStore, snapshot: Snapshot) -> MovementAccount | None:
    account: MovementAccount | None = work(
        "programs.datasets.engines.netting_rows:account_of", trial.alone(), snapshot, bounds=LOAD
    )
    return account


def delegate(
    *,
    principal: Person,
    to: Person,
    role: Role,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    **limits: Any,
) -> Delegation:
    """Let somebody decide for somebody else; ``limits``: commands, amount_cap, currency.

    One is active for a principal and role; one that has ended makes room. Raises InvalidInput with every
    problem: nothing to delegate, dates that do not fit, no reason, somebody delegated already.
    """
    problems = []
    if to.pk == principal.pk:
        problems.append(Problem("to", "is the principal."))
    if not principal.approverships.filter(role=role).exists():
        problems.append(Problem("role", f"{principal} does not hold {role}: delegations are not passed on."))
    if ends_at <= max(starts_at, clock.now()):
        problems.append(Problem("ends_at", "lies before the start or in the past."))
    if wrong := world.wrong_currency(limits.get("currency", "USD")):
        problems.append(Problem("currency", wrong))
    if not reason.strip():
        problems.append(Problem("reason", "is required.", code="required"))
    with transaction.atomic():
        changelog.lock_chain(changelog.INSTALLATION)
        for earlier in Delegation.objects.filter(principal=principal, role=role, revoked_at=None):
            if earlier.ends_at > clock.now():
                problems.append(
                    Problem("to", f"{earlier.delegate} acts for {principal} until then; revoke it.")
                )
            else:
                earlier.revoked_at = earlier.ends_at
                earlier.save()
        if problems:
            raise InvalidInput("The delegation is not possible.", problems=problems)
        row = Delegation(principal=principal, delegate=to, role=role, starts_at=starts_at, ends_at=ends_at)
        row.reason = reason
        for name in ("commands", "amount_cap", "currency"):
            setattr(row, name, limits.get(name, getattr(row, name)))
        row.save()
    return row


def revoke(delegation: Delegation) -> Delegation:
    """End a delegation now. What the delegate decided before stays decided; open rounds look again."""
    if delegation.revoked_at is None:
        delegation.revoked_at = clock.now()
        delegation.save()
    return delegation


def publish_loyalty_blueprint(program: Program, blueprint: Mapping[str, Any], *, from_plan: str) -> None:
    """Make the program's tiers, benefits and triggers what the blueprint says, in the caller's transaction.

    Tiers are matched by rank and triggers by key, so that history shows a change and not a replacement.
    """
    for row in blueprint["tiers"]:
        tier = Tier.objects.filter(program=program, rank=row["rank"]).first() or Tier(
            program=program, rank=row["rank"]
        )
        tier.name, tier.from_plan, tier.departs = row["name"], from_plan, False
        tier.threshold, tier.earn_multiplier = _decimal(row["threshold"]), _decimal(row["multiplier"])
        tier.save()
        _replace_benefits(tier, row, blueprint["surprise"])
    for tier in Tier.objects.filter(program=program, rank__gt=len(blueprint["tiers"])):
        tier.delete()
    roles = {role.slug: role for role in Role.objects.all()}
    keys = set()
    for row in blueprint["triggers"]:
        keys.add(row["key"])
        found = LifecycleTrigger.objects.filter(program=program, key=row["key"]).first()
        trigger = found or LifecycleTrigger(program=program, key=row["key"])
        for name in ("stage", "event", "entry_rule", "action", "channel"):
            setattr(trigger, name, row[name])
        trigger.owner_role, trigger.from_plan = roles.get(row["owner_role"]), from_plan
        trigger.departs = False
        trigger.save()
    for trigger in LifecycleTrigger.objects.filter(program=program).exclude(key__in=keys):
        trigger.delete()


def withdraw_loyalty_blueprint(program: Program, *, from_plan: str) -> None:
    """Put tiers, benefits and triggers back to what they were before the plan published its own.

    In the caller's transaction. Where another plan has published over it since, that stays.
    """
    tiers = Tier.history.filter(program=program, from_plan=from_plan)
    published_at = tiers.aggregate(first=Min("history_date"))["first"]
    if published_at is None or not Tier.objects.filter(program=program, from_plan=from_plan).exists():
        return
    before = published_at - timedelta(microseconds=1)
    for model, belongs in (
        (Tier, {"program": program}),
        (Benefit, {"tier__program": program}),
        (LifecycleTrigger, {"program": program}),
    ):
        earlier = {row.pk: row for row in model.history.as_of(before).filter(**belongs)}
        for row in model.objects.filter(**belongs).exclude(pk__in=earlier):
            row.delete()
        for row in earlier.values():
            _bring_back(row)


def _bring_back(earlier: Tier | Benefit | LifecycleTrigger) -> None:
    """Write an earlier version's fields over the row, or the row anew where it was deleted."""
    model = type(earlier)
    row = model.objects.filter(pk=earlier.pk).first() or model(pk=earlier.pk)
    for name in (field.attname for field in model._meta.concrete_fields):
        if name not in ("id", "version", "created_at", "updated_at"):
            setattr(row, name, getattr(earlier, name))
    row.save()


def _replace_benefits(tier: Tier, row: Mapping[str, Any], surprise: str) -> None:
    own = row.get("perk_costs") or {}
    cost = _decimal(row["benefit_per_member"]) / max(len(row["perks"]), 1)
    wanted = [
        (name, BenefitKind.PERK, _decimal(own[name]) if name in own else cost) for name in row["perks"]
    ] + [(surprise, BenefitKind.SURPRISE, 0)]
    existing = {benefit.name: benefit for benefit in tier.benefits.all()}
    for name, kind, unit_cost in wanted:
        benefit = existing.pop(name, None) or Benefit(tier=tier, name=name)
        benefit.kind, benefit.unit_cost, benefit.departs = kind, unit_cost, False
        benefit.save()
    for benefit in existing.values():
        benefit.delete()


def _decimal(value: Any) -> Any:
    return Benefit._meta.get_field("unit_cost").to_python(round(float(value), 4))
