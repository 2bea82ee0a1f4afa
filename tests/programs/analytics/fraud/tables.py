"""Small referral tables for the tests of fraud."""

from datetime import datetime, timedelta

import numpy as np

from programs.analytics.fraud.table import ReferralTable
from programs.datasets.worlds.referral_world import THROWAWAY, ReferralWorld, build_referral_world

START = datetime(2026, 3, 1)


def table(*rows):
    """A table of rows as dicts; ids and distinct people are filled in."""
    names = {name for row in rows for name in row}
    filled = [
        {"referral_id": f"r{index:03d}", "referrer_id": f"a{index}", "reward": 20.0} | row
        for index, row in enumerate(rows)
    ]
    columns = {name: [row.get(name) for row in filled] for name in names | set(filled[0])}
    return ReferralTable.from_columns(columns)


def after(**delta):
    return START + timedelta(**delta)


def fired(hits):
    return hits.rows.tolist()


def world_columns(world: ReferralWorld):
    """What the review may see of a world: referrals with the account their reward went to."""
    columns = world.tables["referrals"].to_pydict()
    payouts = world.tables["referral_payouts"].to_pydict()
    account = dict(zip(payouts["referral_id"], payouts["account_hash"], strict=True))
    columns["payout_hash"] = [account.get(key) for key in columns["referral_id"]]
    for money in ("reward", "revenue"):
        columns[money] = np.array(columns[money], dtype=np.float64)
    return columns


def world_of(seed, advocates=400):
    return build_referral_world(np.random.default_rng(seed), advocates=advocates)


DISPOSABLE = THROWAWAY
