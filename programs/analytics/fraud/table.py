"""The referrals a review reads: one row each, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from programs.analytics.fraud.normalise import Texts

Times = npt.NDArray[np.datetime64]
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

TIMES = ("invited_at", "clicked_at", "submitted_at", "won_at", "paid_at", "refunded_at")
MONEY = ("reward", "revenue")


@dataclass(frozen=True, slots=True, eq=False)
class ReferralTable:
    """Columns of equal length, sorted by ``referral_id``, each referral once.

    Text is "" where missing, times are UTC ``datetime64[us]`` with NaT, money is float in one currency.
    ``payout_hash`` is the keyed hash of the account the referrer was paid to.
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

    def __len__(self) -> int:
        return len(self.referral_id)

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[Any] | npt.NDArray[Any]]) -> ReferralTable:
        """Build from any columns by name; a column not given is missing throughout, others are ignored.

        A referral id seen twice counts once. Raises KeyError without ``referral_id`` or ``referrer_id``.
        """
        ids = text_column(columns["referral_id"])
        columns["referrer_id"]
        _, keep = np.unique(ids.astype(str), return_index=True)
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

        return cls(**{field.name: read(field.name) for field in fields(cls)})


def text_column(values: Sequence[Any] | npt.NDArray[Any]) -> Texts:
    return np.array(["" if value is None else str(value) for value in values], dtype=object)


def time_column(values: Sequence[Any] | npt.NDArray[Any]) -> Times:
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return values.astype("datetime64[us]")
    naive = [None if v is None else v.replace(tzinfo=None) if hasattr(v, "tzinfo") else v for v in values]
    return np.array(naive, dtype="datetime64[us]")


def codes(values: Texts) -> tuple[Texts, Rows]:
    """Distinct values and the place of each row's value among them."""
    distinct, inverse = np.unique(values.astype(str), return_inverse=True)
    return distinct.astype(object), inverse
