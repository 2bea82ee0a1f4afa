"""The referrals a review reads: one row each, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from programs.analytics.fraud.normalise import Texts, normalise_emails
from programs.analytics.fraud.numbers import Rows, count_by, distinct_by, numbered

Times = npt.NDArray[np.datetime64]
Floats = npt.NDArray[np.float64]
Traces = npt.NDArray[np.int64]

TIMES = ("invited_at", "clicked_at", "submitted_at", "won_at", "paid_at", "refunded_at")
MONEY = ("reward", "revenue")
COUNTS = ("referrals_of_referrer", "orders_of_referrer", "refunds_of_referrer", "names_at_address")
MAILBOXES = ("referrer_mailbox", "referee_mailbox")
NUMBERED = ("referrer", "person", "referrer_person")
TRACES = {
    "cookie": (("cookie_id", "referee"), ("referrer_cookie_id", "referrer")),
    "device": (("device_id", "referee"), ("referrer_device_id", "referrer")),
    "payment": (("payment_hash", "referee"), ("referrer_payment_hash", "referrer")),
    "payout": (("payout_hash", "referrer"),),
}
"""Kind of trace → the columns that hold it, and who of the two left it."""


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
        _, first = np.unique(table.referrer, return_index=True)
        at = referred_at(table)
        return cls.of_counts(
            table.referrals_of_referrer[first],
            table.orders_of_referrer[first],
            table.refunds_of_referrer[first],
            at[~np.isnat(at)].astype(np.int64),
        )

    @classmethod
    def of_counts(cls, referrals: Rows, orders: Rows, refunds: Rows, at: npt.NDArray[np.int64]) -> Population:
        """From counts by person, of whom some refer nobody, and the times of all referrals in µs."""
        k, n = refunds[referrals > 0].astype(np.float64), orders[referrals > 0].astype(np.float64)
        squares = float((k**2 / np.maximum(n, 1)).sum())
        moments = (float(k.sum()), float(n.sum()), float((n**2).sum()), squares, float((n > 0).sum()))
        span = int(np.ptp(at)) // 1_000_000 if len(at) else 0
        return cls(int(referrals.sum()), len(n), span, moments)


@dataclass(frozen=True, slots=True, eq=False)
class ReferralTable:
    """Columns of equal length, sorted by ``referral_id``, each referral once.

    Text is "" where missing, times are UTC ``datetime64[us]`` with NaT, money is float in one currency. A
    trace is a number for a cookie, device, payment instrument, ``place`` (network address and browser) or
    account the referrer was paid to: equal where they are, 0 where missing, negative where it joins more
    people than any cap, in the program if not in the table. The counts are of the row's referrer, over all
    referrals there are; ``names_at_address`` of the names referred at its address. ``referrer`` numbers the
    referrers from 0, ``referrer_person`` and ``person`` the two people of each row among all people. The
    mailboxes are what the addresses deliver to.
    """

    referral_id: Texts
    referrer_id: Texts
    partner_id: Texts
    referrer_email: Texts
    referrer_name: Texts
    referrer_address: Texts
    referrer_cookie_id: Traces
    referrer_device_id: Traces
    referrer_payment_hash: Traces
    payout_hash: Traces
    referee_email: Texts
    referee_name: Texts
    referee_address: Texts
    referee_customer_id: Texts
    cookie_id: Traces
    device_id: Traces
    payment_hash: Traces
    place: Traces
    source: Texts
    channel: Texts
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
    referrer: Rows
    person: Rows
    referrer_person: Rows
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
        keep = first_of_each(columns["referral_id"])
        size = len(columns["referrer_id"])
        missing = np.full(size, "", dtype=object)
        given: dict[str, Any] = {name: time_column(columns.get(name, [None] * size)) for name in TIMES}
        given |= {
            name: np.nan_to_num(np.asarray(columns.get(name, np.zeros(size)), np.float64)) for name in MONEY
        }
        for kind in TRACES.values():
            traces = as_traces([columns.get(name, missing) for name, _ in kind])
            given |= zip((name for name, _ in kind), traces, strict=True)
        (given["place"],) = as_traces([columns["place"] if "place" in columns else places(columns, missing)])
        for field in fields(cls):
            if field.name not in (*given, *COUNTS, *MAILBOXES, *NUMBERED):
                given[field.name] = text_column(columns.get(field.name, missing))
        given = {name: column[keep] for name, column in given.items()}
        given["referrer"] = codes(given["referrer_id"])[1]
        if set(COUNTS) <= columns.keys():
            counts = [np.asarray(columns[name], dtype=np.intp)[keep] for name in COUNTS]
        else:
            won, refunded = ~np.isnat(given["won_at"]), ~np.isnat(given["refunded_at"])
            counts = [
                count_by(given["referrer"], rows)
                for rows in (np.ones(len(keep), dtype=bool), won, won & refunded)
            ]
            counts.append(names_by(given["referee_address"], given["referee_name"]))
        given |= zip(COUNTS, counts, strict=True)
        for mailbox in MAILBOXES:
            given[mailbox] = normalise_emails(given[mailbox.replace("mailbox", "email")])
        given["referrer_person"], given["person"] = people_of(
            given["referrer_id"],
            given["referee_customer_id"],
            given["referee_mailbox"],
            given["referrer_mailbox"],
        )
        return cls(**given)


def people_of(
    referrers: Texts, customers: Texts, mailboxes: Texts, referrer_mailboxes: Texts
) -> tuple[Rows, Rows]:
    """Numbers of the two people of each referral.

    The referred is the referrer of that id, or of that mailbox where one referrer alone has it: shops number
    customers in another way than referral tools number referrers. Else it is known by customer id, else by
    mailbox, else as the referral itself.
    """
    size = len(referrers)
    ids, customer = codes(np.concatenate([referrers, customers]))
    boxes, box = codes(np.concatenate([mailboxes, referrer_mailboxes]))
    owner = owner_of(box[size:], customer[:size], referrer_mailboxes != "", len(boxes))[box[:size]]
    referee = np.where(mailboxes != "", len(ids) + box[:size], len(ids) + len(boxes) + np.arange(size))
    referee = np.where(customers != "", customer[size:], referee)
    refers = np.zeros(len(ids), dtype=bool)
    refers[customer[:size]] = True
    by_mail = (owner >= 0) & (mailboxes != "") & ~((customers != "") & refers[customer[size:]])
    referee = np.where(by_mail, owner, referee)
    number = numbered(np.concatenate([customer[:size], referee]))
    return number[:size], number[size:]


def owner_of(box: Rows, referrer: Rows, known: npt.NDArray[np.bool_], size: int) -> Rows:
    """For each of ``size`` mailboxes the one referrer who has it, -1 for none or several."""
    box, referrer = box[known], referrer[known]
    owner = np.full(size, -1, dtype=np.intp)
    owner[box] = referrer
    owner[box[owner[box] != referrer]] = -1
    return owner


def first_of_each(texts: Sequence[Any] | npt.NDArray[Any] | pa.Array) -> Rows:
    """The row where each text first comes, in the order of the texts."""
    values = pa.array(text_column(texts), pa.string())
    order = pc.array_sort_indices(values)
    ordered = values.take(order)
    is_new = pc.not_equal(ordered[1:], ordered[:-1]).to_numpy(zero_copy_only=False)
    rows: Rows = order.to_numpy().astype(np.intp)[np.append(True, is_new)[: len(order)]]
    return rows


def names_by(addresses: Texts, names: Texts) -> Rows:
    """For each row how many names stand at its address, both without regard to case."""
    places, place = codes(np.array([text.strip().lower() for text in addresses], dtype=object))
    _, name = codes(np.array([text.strip().lower() for text in names], dtype=object))
    return distinct_by(place, name, len(places))[place]


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


def places(columns: Mapping[str, Any], missing: Texts) -> Texts:
    ip, browser = (text_column(columns.get(name, missing)) for name in ("ip", "user_agent"))
    return np.where((ip != "") & (browser != ""), ip + "\x1f" + browser, "")


def as_traces(columns: Sequence[Sequence[Any] | npt.NDArray[Any] | pa.Array]) -> list[Traces]:
    """Numbers that are equal where texts of any of the columns are; what is numbers stays as it is."""
    numbers = [column for column in columns if isinstance(column, np.ndarray) and column.dtype.kind == "i"]
    if len(numbers) == len(columns):
        return numbers
    texts = np.concatenate([text_column(column) for column in columns])
    return np.split(np.where(texts != "", codes(texts)[1] + 1, 0), len(columns))


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
