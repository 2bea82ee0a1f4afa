"""The referrals a review reads: one row each, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from programs.analytics.fraud.normalise import Texts, normalise_all, normalise_email

Times = npt.NDArray[np.datetime64]
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

TIMES = ("invited_at", "clicked_at", "submitted_at", "won_at", "paid_at", "refunded_at")
MONEY = ("reward", "revenue")
COUNTS = ("referrals_of_referrer", "orders_of_referrer", "refunds_of_referrer", "names_at_address")
MAILBOXES = ("referrer_mailbox", "referee_mailbox")
HUB = "\x1f"
"""A trace that begins with it joins more people than any cap, in the program if not in the table."""


@dataclass(frozen=True, slots=True)
class Population:
    """What a heuristic must know of all referrals, where the table holds only those worth a look.

    ``span_seconds`` lies between the first and the last referral. ``refund_moments`` are sums over referrers
    of refunds k, orders n, n², k²/n (n at least 1) and of n > 0: what a prior of refunds is made of.
    """

    referrals: int
    referrers: int
    span_seconds: int
    refund_moments: tuple[float, float, float, float, float]

    @classmethod
    def of(cls, table: ReferralTable) -> Population:
        """The table is all there is."""
        _, first = np.unique(codes(table.referrer_id)[1], return_index=True)
        k = table.refunds_of_referrer[first].astype(np.float64)
        n = table.orders_of_referrer[first].astype(np.float64)
        at = referred_at(table)
        known = at[~np.isnat(at)]
        span = int((known.max() - known.min()) / np.timedelta64(1, "s")) if len(known) else 0
        squares = float((k**2 / np.maximum(n, 1)).sum())
        moments = (float(k.sum()), float(n.sum()), float((n**2).sum()), squares, float((n > 0).sum()))
        return cls(len(table), len(first), span, moments)


@dataclass(frozen=True, slots=True, eq=False)
class ReferralTable:
    """Columns of equal length, sorted by ``referral_id``, each referral once.

    Text is "" where missing, times are UTC ``datetime64[us]`` with NaT, money is float in one currency.
    ``payout_hash`` is the keyed hash of the account the referrer was paid to. The counts are of the row's
    referrer, over all referrals there are; ``names_at_address`` of the names referred at its address. The
    mailboxes are what the addresses deliver to.
    """

    referral_id: Texts
    referrer_id: Texts
    referrer_email: Texts
    referrer_name: Texts
    referrer_address: Texts
    referrer_cookie_id: Texts
    referrer_device_id: Texts
    referrer_payment_hash: Texts
    payout_hash: Texts
    referee_email: Texts
    referee_name: Texts
    referee_address: Texts
    referee_customer_id: Texts
    cookie_id: Texts
    device_id: Texts
    payment_hash: Texts
    ip: Texts
    user_agent: Texts
    source: Texts
    landing_url: Texts
    referer_url: Texts
    invited_at: Times
    clicked_at: Times
    submitted_at: Times
    won_at: Times
    paid_at: Times
    refunded_at: Times
    reward: Floats
    revenue: Floats
    referrals_of_referrer: Rows
    orders_of_referrer: Rows
    refunds_of_referrer: Rows
    names_at_address: Rows
    referrer_mailbox: Texts
    referee_mailbox: Texts

    def __len__(self) -> int:
        return len(self.referral_id)

    @classmethod
    def from_columns(
        cls, columns: Mapping[str, Sequence[Any] | npt.NDArray[Any] | pa.Array]
    ) -> ReferralTable:
        """Build from any columns by name; a column not given is missing throughout, others are ignored.

        Counts not given are counted in the table. A referral id seen twice counts once. Raises KeyError
        without ``referral_id`` or ``referrer_id``.
        """
        ids = text_column(columns["referral_id"])
        columns["referrer_id"]
        distinct, code = codes(ids)
        _, first = np.unique(code, return_index=True)
        keep = first[np.argsort(distinct, kind="stable")] if len(first) else first
        size = len(ids)

        def read(name: str) -> npt.NDArray[Any]:
            if name in TIMES:
                given = columns.get(name)
                empty = np.full(size, "NaT", dtype="datetime64[us]")
                return (empty if given is None else time_column(given))[keep]
            if name in MONEY:
                amounts = np.asarray(columns.get(name, np.zeros(size)), dtype=np.float64)
                return np.nan_to_num(amounts)[keep]
            given = columns.get(name)
            return (np.full(size, "", dtype=object) if given is None else text_column(given))[keep]

        given: dict[str, Any] = {
            field.name: read(field.name) for field in fields(cls) if field.name not in (*COUNTS, *MAILBOXES)
        }
        if set(COUNTS) <= columns.keys():
            counts = [np.asarray(columns[name], dtype=np.intp)[keep] for name in COUNTS]
        else:
            won, refunded = ~np.isnat(given["won_at"]), ~np.isnat(given["refunded_at"])
            counts = [
                count_by(given["referrer_id"], rows)
                for rows in (np.ones(len(keep), dtype=bool), won, won & refunded)
            ]
            counts.append(names_by(given["referee_address"], given["referee_name"]))
        given |= zip(COUNTS, counts, strict=True)
        for mailbox in MAILBOXES:
            given[mailbox] = normalise_all(given[mailbox.replace("mailbox", "email")], normalise_email)
        return cls(**given)


def count_by(values: Texts, rows: npt.NDArray[np.bool_]) -> Rows:
    """For each row how many of ``rows`` carry its value."""
    distinct, code = codes(values)
    return np.bincount(code[rows], minlength=len(distinct))[code]


def names_by(addresses: Texts, names: Texts) -> Rows:
    """For each row how many names stand at its address, both without regard to case."""
    places, place = codes(np.array([text.strip().lower() for text in addresses], dtype=object))
    _, name = codes(np.array([text.strip().lower() for text in names], dtype=object))
    return distinct_by(place, name, len(places))[place]


def distinct_by(groups: Rows, values: Rows, size: int) -> Rows:
    """How many different values (codes from 0) each of ``size`` groups has."""
    base = int(values.max(initial=0)) + 1
    # A pair as one number: sorting rows of two columns takes ten times as long.
    return np.bincount(np.unique(groups.astype(np.int64) * base + values) // base, minlength=size)


def starts_with_hub(traces: Texts) -> npt.NDArray[np.bool_]:
    """Which traces are marked to join nobody."""
    found: npt.NDArray[np.bool_] = pc.starts_with(pa.array(traces, pa.string()), HUB).to_numpy(
        zero_copy_only=False
    )
    return found


def referred_at(table: ReferralTable) -> Times:
    """When each referral was submitted, or else invited."""
    return np.where(np.isnat(table.submitted_at), table.invited_at, table.submitted_at)


def text_column(values: Sequence[Any] | npt.NDArray[Any] | pa.Array) -> Texts:
    if isinstance(values, pa.Array):
        texts: Texts = values.fill_null("").to_numpy(zero_copy_only=False)
        return texts
    found = np.empty(len(values), dtype=object)
    found[:] = ["" if value is None else str(value) for value in values]
    return found


def time_column(values: Sequence[Any] | npt.NDArray[Any]) -> Times:
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return values.astype("datetime64[us]")
    naive = [None if v is None else v.replace(tzinfo=None) if hasattr(v, "tzinfo") else v for v in values]
    return np.array(naive, dtype="datetime64[us]")


def codes(values: Texts) -> tuple[Texts, Rows]:
    """Distinct values, in the order they first come, and the place of each row's value among them."""
    encoded = pa.array(values, pa.string()).dictionary_encode()
    distinct = encoded.dictionary.to_numpy(zero_copy_only=False).astype(object)
    return distinct, encoded.indices.to_numpy().astype(np.intp)
