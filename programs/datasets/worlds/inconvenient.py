"""The house's referral world with one convenience of its frauds taken away at a time, or all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from programs.datasets.worlds.referral_world import ReferralWorld, build_referral_world

Row = dict[str, Any]


def landing_ids(row: Row, rng: np.random.Generator) -> None:
    """Click ids where browsers put them: in the link that was landed on."""
    if row["scheme"] == "advertiser":
        query = row["referer_url"].partition("?")[2]
        row["landing_url"] += "&" + query
        row["referer_url"] = "https://www.google.com/"


def patient_bots(row: Row, rng: np.random.Generator) -> None:
    """Bots that wait 36 to 60 s between click and order."""
    if row["scheme"] == "bots":
        won = row["clicked_at"] + timedelta(seconds=float(rng.uniform(36, 60)))
        row |= {"submitted_at": won, "qualified_at": won, "pipeline_at": won, "won_at": won}


def own_cards(row: Row, rng: np.random.Generator) -> None:
    """Rings whose members have cards and accounts of their own."""
    if row["scheme"] == "ring":
        row["payment_hash"], row["referrer_payment_hash"] = (f"own-{rng.integers(1 << 50):x}" for _ in "ab")
        row["account_hash"] = f"own-{row['referrer_id']}"


def second_mailbox(row: Row, rng: np.random.Generator) -> None:
    """Who refers themselves has a second mailbox that says nothing of the first."""
    if row["scheme"] == "self":
        row["referee_email"] = f"z{rng.integers(1 << 40):x}w@outlook.com"


def kept_cookie(row: Row, rng: np.random.Generator) -> None:
    """A family tablet keeps its cookie."""
    if row["scheme"] == "household" and row["device_id"] and row["device_id"] == row["referrer_device_id"]:
        row["cookie_id"] = row["referrer_cookie_id"]


TAKEN: Mapping[str, Callable[[Row, np.random.Generator], None]] = {
    "landing ids": landing_ids,
    "patient bots": patient_bots,
    "own cards": own_cards,
    "second mailbox": second_mailbox,
    "kept cookie": kept_cookie,
}


def inconvenient_world(
    rng: np.random.Generator, taken: tuple[str, ...], *, advocates: int = 500
) -> ReferralWorld:
    """The house's world without the conveniences named (keys of ``TAKEN``)."""
    world = build_referral_world(rng, advocates=advocates)
    rows, truth = world.tables["referrals"].to_pylist(), world.truth.to_pylist()
    payouts = world.tables["referral_payouts"]
    account = dict(zip(payouts["referral_id"].to_pylist(), payouts["account_hash"].to_pylist(), strict=True))
    for row, told in zip(rows, truth, strict=True):
        row["scheme"], row["account_hash"] = told["scheme"], account.get(row["referral_id"])
        for name in taken:
            TAKEN[name](row, rng)
        account[row["referral_id"]] = row.pop("account_hash")
        row.pop("scheme")
    schema = world.tables["referrals"].schema
    accounts = [account[key] for key in payouts["referral_id"].to_pylist()]
    changed = payouts.set_column(
        payouts.column_names.index("account_hash"), "account_hash", pa.array(accounts, pa.string())
    )
    tables = world.tables | {
        "referrals": pa.Table.from_pylist(rows, schema=schema),
        "referral_payouts": changed,
    }
    referrals = tables["referrals"]
    named = [
        ("referrer_id", referrals["referrer_id"]),
        ("partner_id", referrals["partner_id"]),
    ]
    kept = world.truth
    for name, column in named:
        kept = kept.append_column(name, column)
    return ReferralWorld(tables=tables, truth=kept)
