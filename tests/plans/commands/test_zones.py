"""One clock for every command: the same local rows give the same figures, labels and days in every zone."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pytest

from plans.demo import referrals
from programs import datasets
from programs.datasets.worlds.loyalty_world import build_loyalty_world
from programs.models import Person, Program
from tests.factories import ProgramFactory
from tests.plans.commands.loyalty_program import purchases
from tests.plans.commands.zones import ZONES, Tables, assert_same, context_of, figures, open_world

SAMPLES = Path(datasets.__file__).parent / "samples"
LOYALTY, REFERRAL = "loyalty-lifecycle-orchestration", "referral-program-orchestration"


def loyalty_tables() -> Tables:
    members, times, amounts = purchases(members=150)
    bought = pa.table({"member_id": members, "purchased_at": times, "amount": amounts})
    return {
        "": build_loyalty_world(members, times, amounts, np.random.default_rng(2)) | {"purchases": bought}
    }


def cdnow_tables() -> Tables:
    """Purchases that real people made, each known by its day alone."""
    as_written = pa_csv.ConvertOptions(column_types={"customer_id": pa.string(), "date": pa.string()})
    with gzip.open(SAMPLES / "cdnow_purchases.csv.gz") as file:
        return {"": {"purchases": pa_csv.read_csv(file, convert_options=as_written)}}


def referral_tables() -> Tables:
    """The demo's world with fewer people, moved from summer into autumn, where the clocks change."""
    found = referrals.tables(np.random.default_rng(referrals.SEED), advocates=120)
    later = pa.scalar(timedelta(days=100), pa.duration("us"))
    for kind, table in found.items():
        for number, name in enumerate(table.column_names):
            if pa.types.is_timestamp(table.column(name).type):
                found[kind] = found[kind].set_column(number, name, pc.add(table.column(name), later))
    return {"": found}


LINES: dict[str, tuple[Callable[[], Tables], str]] = {
    f"/{LOYALTY}:plan-loyalty --goal retention --tiers 3 --budget 5000": (loyalty_tables, "loyalty"),
    f'/{LOYALTY}:monitor-loyalty --detail full --dimensions "tier,cohort"': (loyalty_tables, "loyalty"),
    f"/{LOYALTY}:plan-loyalty --goal expansion --tiers 4 --budget 50000": (cdnow_tables, "loyalty"),
    f"/{LOYALTY}:monitor-loyalty --window quarter": (cdnow_tables, "loyalty"),
    f'/{REFERRAL}:optimize-referrals --detail full --dimensions "channel,partner-tier"': (
        referral_tables, "referral",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zones")


def program_of(kind: str) -> Program:
    """Of the demo; the referral world counts in euros, and the demo's program in dollars."""
    if kind != "referral":
        return Program.objects.get(kind=kind)
    found = Program.objects.filter(kind=kind, currency="EUR").first()
    return found or ProgramFactory(name="Autumn", kind=kind, currency="EUR")


@cache
def of_world(line: str, zone: str, home: Path) -> dict[str, Any]:
    tables, kind = LINES[line]
    program = program_of(kind)
    data = open_world(home / tables.__name__ / zone.replace("/", "-"), tables(), zone, program.currency)
    # The second review looks at the datasets of today, and these are in no table.
    return figures(*context_of(line, program, data, zone), "hand-over", "second-review")


@pytest.mark.usefixtures("organisation")
@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("zone", ZONES)
def test_a_command_says_the_same_in_every_zone(home, line, zone):
    assert_same(of_world(line, zone, home), of_world(line, "UTC", home))


@cache
def of_launch(zone: str) -> dict[str, Any]:
    program = Program.objects.get(kind="referral")
    for person in Person.objects.all():
        person.time_zone = zone
        person.save()
    line = (
        f'/{REFERRAL}:launch-program --program "{program.name}" --launch-date 2027-03-20 '
        '--channels "email,in-app"'
    )
    return figures(*context_of(line, program, None, zone), "tooling-qa")  # which looks at web pages


@pytest.mark.usefixtures("organisation")
@pytest.mark.parametrize("zone", [*ZONES, "Asia/Kathmandu"])
def test_launch_program_says_the_same_in_every_zone(zone):
    assert_same(of_launch(zone), of_launch("UTC"))
