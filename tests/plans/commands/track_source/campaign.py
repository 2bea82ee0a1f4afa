"""A small joint campaign in the database: partners, agreement, roles, and the made-up world's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from gtm.core.actors import ADMIN, Actor, acting_as
from plans.engine.gates import rounds
from plans.engine.running import runner
from plans.models import Plan, Task
from plans.runs import start as base
from programs.datasets import SnapshotStore
from programs.datasets.worlds.partner_world import PartnerWorld, agreed_taxonomy, build_partner_world
from programs.models import Campaign, MeasurementAgreement, Partner, Person, Program
from programs.series import snapshot_root
from programs.services import load_dataset
from tests.factories import PersonFactory, ProgramFactory

LINE = (
    '/partner-co-marketing-orchestration:track-source --campaign "AI Launch Tour" --window 30d --detail full'
)
START, DAYS = datetime(2026, 1, 1, tzinfo=UTC), 50
LEAD = "co-marketing-analytics-lead"


@dataclass(frozen=True, slots=True)
class Joint:
    program: Program
    campaign: Campaign
    northwind: Partner
    contoso: Partner
    lead: Person
    marketer: Person


def establish(guardrail: str = "0.500") -> Joint:
    lead = PersonFactory(roles=[LEAD])
    marketer = PersonFactory(roles=["partner-marketer"])
    for role in ("revops", "finance", "exec-sponsor"):
        PersonFactory(roles=[role])
    program = ProgramFactory(kind="partner", is_default=True, currency="USD")
    campaign = Campaign(
        slug="ai-launch-tour",
        name="AI Launch Tour",
        program=program,
        starts_on=date(2026, 1, 1),
        ends_on=date(2026, 3, 31),
    )
    campaign.save()
    contacts = PersonFactory(), PersonFactory()
    northwind = Partner(slug="northwind", name="Northwind Cloud", currency="USD", contact=contacts[0])
    contoso = Partner(
        slug="contoso",
        name="Contoso Analytics",
        currency="EUR",
        time_zone="Europe/Berlin",
        contact=contacts[1],
    )
    northwind.save()
    contoso.save()
    campaign.partners.set([northwind, contoso])
    rules = MeasurementAgreement(
        campaign=campaign, confidence_guardrail=Decimal(guardrail), **agreed_taxonomy()
    )
    rules.full_clean()
    rules.save()
    return Joint(program, campaign, northwind, contoso, lead, marketer)


@lru_cache(maxsize=3)
def world(people: int = 500, days: int = DAYS) -> PartnerWorld:
    return build_partner_world(np.random.default_rng(5), people=people, start=START, days=days)


def load(joint: Joint, folder: Path, tables: Mapping[str, Mapping[str, pa.Table]]) -> None:
    partners = {"northwind": joint.northwind, "contoso": joint.contoso, "": None}
    for owner, kinds in tables.items():
        for kind, table in kinds.items():
            path = folder / f"{owner}_{kind}.csv"
            pa_csv.write_csv(table, path)
            load_dataset(
                kind,
                [path],
                program=joint.program,
                partner=partners[owner],
                campaign=joint.campaign,
                series="replace",
            )


ANSWERS = (
    ("northwind", 10),
    ("northwind", 9),
    ("Contoso Analytics", 3),
    ("contoso", 8),
    ("somebody else", 0),
)
"""Who answered what on a scale of 0 to 10: of four answers of partners two promote and one detracts."""


def load_surveys(joint: Joint, folder: Path) -> None:
    """The answers of ``ANSWERS``, five days before the data end."""
    table = pa.table(
        {
            "response_id": [f"r{n}" for n in range(len(ANSWERS))],
            "partner_id": [partner for partner, _ in ANSWERS],
            "answered_at": [f"{START + timedelta(days=DAYS - 5):%Y-%m-%dT%H:%M:%SZ}"] * len(ANSWERS),
            "survey": ["nps"] * len(ANSWERS),
            "score": [score for _, score in ANSWERS],
        }
    )
    pa_csv.write_csv(table, folder / "surveys.csv")
    load_dataset("survey_responses", [folder / "surveys.csv"], program=joint.program)


def without(*left_out: tuple[str, str]) -> dict[str, dict[str, pa.Table]]:
    """The world's tables but these (partner, kind)."""
    tables = world().tables
    return {p: {k: t for k, t in kinds.items() if (p, k) not in left_out} for p, kinds in tables.items()}


def start(line: str = LINE) -> Plan:
    return base.start(base.draft(*base.parse_usage(line), None))


def work_off(plan: Plan, until: str = "") -> Plan:
    """Run what is ready, and what becomes ready; no further than the task ``until``."""
    ready = Task.objects.filter(plan=plan, kind="automated", state="ready").order_by("position")
    while task := ready.first():
        runner.run_task(task.pk, "test")
        if task.key == until:
            break
    plan.refresh_from_db()
    return plan


def run(line: str = LINE) -> Plan:
    return work_off(start(line))


def values(plan: Plan) -> dict[str, Any]:
    return {task.output_var: task.output for task in plan.tasks.all() if task.output}


def person_acting(person: Person) -> Any:
    return acting_as(Actor.of_user(person.accounts.first(), ADMIN, interactive=True))


def publish(plan: Plan, joint: Joint) -> Plan:
    """The lead validates, and what follows is worked off."""
    with person_acting(joint.lead):
        rounds.decide(plan.approvals.get(gate="results-validation"), "approve", comment="Checked.")
    return work_off(plan)


def a_deal(plan):
    """The name of a deal that the run has read."""
    told = next(d for d in plan.datasets if d["kind"] == "opportunities")
    rows = snapshot_root() / SnapshotStore.address("opportunities", told["sha256"])
    return pq.read_table(rows, columns=["opportunity_id"])["opportunity_id"][0].as_py()
