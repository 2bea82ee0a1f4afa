"""What the command prints of its own errors, where people decided some of what it proposed."""

import numpy as np
import pytest

from programs.datasets.worlds import rival_worlds
from tests.plans.commands.optimize_referrals.made_up import loaded, outputs_of, review

RULES = {"audit_size": 40, "prior": 0.4}
"""A program that expects far too much fraud: many of its proposals are honest."""


def decide(cases, truth):
    decisions = [
        {"key": case["key"], "kind": case["kind"], "referrals": case["referrals"],
         "fraud": 2 * sum(truth[key] for key in case["referrals"]) >= len(case["referrals"])}
        for case in cases
    ]  # fmt: skip
    labels = {key: each["fraud"] for each in decisions for key in each["referrals"]}
    return {"decisions": decisions, "case_labels": labels}


@pytest.fixture(scope="module")
def world():
    return rival_worlds.consumer_world(np.random.default_rng(16), advocates=200)


@pytest.mark.parametrize("decided", ["all", "the surest", "none of the sample"])
def test_what_nobody_decided_counts_as_either(world, tmp_path, decided):
    data = loaded(world, tmp_path)
    truth = {row["referral_id"]: row["fraud"] for row in world.truth.to_pylist()}
    won = {row["referral_id"] for row in world.tables["referrals"].to_pylist() if row["won_at"]}
    before = review(data, referral_rules=RULES)
    holds = sorted(
        (case for case in before["cases"] if case["proposal"] == "hold"), key=lambda c: -c["score"]
    )
    asked = {"audited_referrals": [key for case in before["audit"] for key in case["referrals"]]}
    cases = {
        "all": [*holds, *before["audit"]],
        "the surest": [*holds[:2], *before["audit"][:10]],
        "none of the sample": holds,
    }[decided]
    after = review(data, referral_rules=RULES, **decide(cases, truth), **asked)
    held = {key for case in after["cases"] if case["proposal"] == "hold" for key in case["referrals"]}
    fraud = {key for key, is_fraud in truth.items() if is_fraud}
    low, high = after["precision_interval"]
    assert low <= len(held & fraud) / len(held) <= high
    low, high = after["recall_interval"]
    assert low <= len(held & fraud & won) / len(fraud & won) <= high
    if decided == "the surest":
        assert after["undecided"] > 0


def test_the_sample_is_drawn_from_what_people_can_still_act_on(world, tmp_path):
    """Referrals that were paid before the window open no case, so they are in no sample either."""
    rows = {row["referral_id"]: row for row in world.tables["referrals"].to_pylist()}
    inputs = {"window": "7d"}
    risk = outputs_of(loaded(world, tmp_path), ("data", "risk"), inputs, referral_rules={"audit_size": 400})[
        "risk"
    ]
    drawn = [rows[case["referrals"][0]] for case in risk["audit"]]
    end = max(row["invited_at"] for row in rows.values())
    old = [row for row in drawn if (end - row["invited_at"]).days > 8]
    assert old and all(row["paid_at"] is None or row["paid_at"] > end for row in old)
    assert risk["not_proposed"] >= len(drawn)
