"""What the data say to each command, as the answer of a load shows it."""

from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from plans.runs import registry
from plans.schemas.declaration import DataNeed
from tests.doors import HEADER, PURCHASES, as_, built, ops, site, url

__all__ = ["as_", "built", "ops", "site"]
SHIPPED = [c for c in registry.all_commands() if c.required_datasets or c.optional_datasets]


@pytest.fixture
def answer(ops):
    """Load a file and read what it says to each command, by path."""

    def load(text, **rest):
        told = {"kind": "purchases", "program": "cdnow", "series": "replace"}
        file = SimpleUploadedFile("a.csv", text.encode())
        loaded = ops.post(url("datasets/upload/"), told | {"file": file} | rest)
        return {one["command"]: one for one in loaded.json()["answer"]["commands"]}

    return load


def said(needs, path):
    return {one["what"]: one["cost"] for one in needs[path]["missing"]}


MONITOR = "/loyalty-lifecycle-orchestration:monitor-loyalty"
PLAN = "/loyalty-lifecycle-orchestration:plan-loyalty"


def test_a_command_with_its_data_can_run_and_says_what_else_it_lacks(answer):
    needs = answer(PURCHASES)
    assert set(needs) == {MONITOR, PLAN}
    assert needs[MONITOR]["can_run"]
    found = said(needs, MONITOR)
    assert found["No current point ledger."].startswith("Engagement by redemptions, point liability")
    assert found["The purchases have no region."] == "There is no breakdown of purchases by region."
    assert said(needs, PLAN)["The purchases cover 161 days; 365 are needed."].startswith("Survival after 12")


def test_what_is_there_is_not_missing(answer):
    rows = "m1,2024-01-01,5,EU\nm2,2025-06-01,7,US\n"
    needs = answer(f"{HEADER.strip()},region\n{rows}")
    assert "The purchases have no region." not in said(needs, MONITOR)
    assert not any("cover" in what for what in said(needs, PLAN))


def test_without_its_own_data_a_command_cannot_run(answer):
    rows = "r1,a1,2026-01-05\nr2,a2,2026-01-09\n"
    needs = answer(
        f"referral_id,referrer_id,invited_at\n{rows}", kind="referrals", program="customer-advocates"
    )
    (path,) = needs
    assert needs[path]["can_run"]
    needs = answer("payout_id,referral_id,beneficiary_id,paid_at,amount\np1,r1,a1,2026-01-05,5\n",
                   kind="referral_payouts", program="customer-advocates", currency="EUR")  # fmt: skip
    assert needs[path]["can_run"]


def test_a_kind_that_is_required_blocks(answer):
    touches = "t1,p1,2026-01-05\n"
    needs = answer(f"touch_id,person_id,occurred_at\n{touches}", kind="touchpoints", program="ai-launch")
    (one,) = needs.values()
    assert not one["can_run"]
    (blocking,) = [missing for missing in one["missing"] if missing["blocks"]]
    assert blocking["what"] == "No current opportunities."
    assert blocking["cost"].startswith("There is no pipeline")


@pytest.mark.parametrize("command", SHIPPED, ids=lambda command: command.name)
def test_every_command_says_what_the_data_it_requires_are_for(command):
    assert {need.kind for need in command.data_needs} >= set(command.required_datasets)


@pytest.mark.parametrize(
    ("need", "path"),
    [
        (DataNeed("nothing", "x"), "data_needs.0.kind"),
        (DataNeed("purchases", "x", columns={"colour": "y"}), "data_needs.0.columns"),
        (DataNeed("purchases", "x", days=5), "data_needs.0.days"),
    ],
)
def test_what_cannot_be_missing_is_a_fault(need, path):
    command = next(c for c in SHIPPED if c.name == "plan-loyalty")
    assert [p.field for p in registry.faults(replace(command, data_needs=(need,)))] == [path]
