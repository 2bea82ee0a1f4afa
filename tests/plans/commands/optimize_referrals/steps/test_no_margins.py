"""Files without a column of margins: what a change of the reward would lose is not known, and not nothing."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pyarrow as pa
import pytest

from tests.plans.commands.optimize_referrals.made_up import loaded, outputs_of

START = datetime(2026, 6, 1, tzinfo=UTC)


def referrals(**columns):
    """Forty people who won a customer each, and one who won twelve."""
    who = [*(f"p{n}" for n in range(40)), *["many"] * 12]
    at = pa.array([START + timedelta(hours=9 * n) for n in range(len(who))], pa.timestamp("us", tz="UTC"))
    return pa.table({
        "referral_id": [f"r{n}" for n in range(len(who))], "referrer_id": who, "invited_at": at,
        "submitted_at": at, "won_at": at, "revenue": [100.0] * len(who), "reward": [20.0] * len(who),
        **{name: [value] * len(who) for name, value in columns.items()},
    })  # fmt: skip


@pytest.mark.parametrize(("columns", "proposed"), [({"margin": 40.0}, True), ({}, False)])
def test_a_cap_is_weighed_against_margins_that_are_known(tmp_path, columns, proposed):
    data = loaded(SimpleNamespace(tables={"referrals": referrals(**columns)}), tmp_path)
    playbook = outputs_of(data)["playbook"]
    (cap,) = (row for row in playbook["incentives"] if row["change"] == "cap")
    assert bool(cap["item"]) is proposed
    if not proposed:
        assert "What it would lose is not known. The referrals record no margin" in cap["missing"]
        assert not [row for row in playbook["backlog"] if row["kind"] == "incentive"]
