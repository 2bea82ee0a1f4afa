"""What a member of each tier is worth, where members stay as they are and spend the same every month."""

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from programs.models import Tier
from tests.plans.commands.loyalty_program import LINE, load, outputs, rows, run

MONTHS = range(1, 11)
BASE, GOLD = 60, 40


def every_month():
    who = [f"b{n:02d}" for n in range(BASE)] + [f"g{n:02d}" for n in range(GOLD)]
    return pa.table({
        "member_id": [name for name in who for _ in MONTHS],
        "purchased_at": [datetime(2025, month, 15, 12, tzinfo=UTC) for _ in who for month in MONTHS],
        "amount": [100.0 if name.startswith("g") else 10.0 for name in who for _ in MONTHS],
    })  # fmt: skip


def tiers_of(program):
    for rank, (name, threshold) in enumerate((("Base", 0), ("Gold", 600)), start=1):
        Tier(program=program, name=name, rank=rank, threshold=Decimal(threshold)).save()


def test_who_stays_and_spends_the_same_is_worth_the_margin_for_ever(loyalty, tmp_path):
    tiers_of(loyalty)
    load(loyalty, tmp_path, "purchases", every_month())
    base, gold = rows(outputs(run(LINE))["member_value"])
    quarterly = 1.1**0.25 - 1
    for row, members, spent in ((base, BASE, 30.0), (gold, GOLD, 300.0)):
        margin = 0.4 * spent  # three orders a quarter, at the program's gross margin
        assert (row["members"], row["margin"]) == (members, pytest.approx(margin))
        assert row["value"] == pytest.approx(margin * (1 + quarterly) / quarterly)
        assert row["low"] < row["high"]


def test_where_nobody_was_in_a_tier_nobody_can_say_what_it_is_worth(loyalty, tmp_path):
    tiers_of(loyalty)
    Tier(program=loyalty, name="Platinum", rank=3, threshold=Decimal(10_000)).save()
    load(loyalty, tmp_path, "purchases", every_month())
    (figure,) = outputs(run(LINE))["member_value"]["figures"]
    assert figure["unavailable"] == "Nobody was in Platinum when the quarter began."
