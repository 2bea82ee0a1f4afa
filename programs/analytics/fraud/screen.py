"""Which of all referrals a heuristic of the review can fire on, from numbers alone.

Ten million referrals leave some hundred thousand worth reading as text. Nothing is decided here: every
condition is at least as wide as the heuristic it stands for, and what a heuristic must know of the referrals
left out comes beside those let through.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from programs.analytics.fraud.identity import gathered, is_listed
from programs.analytics.fraud.numbers import Flags, Keys, Rows, count_of, distinct_by, is_mixed, numbered
from programs.analytics.fraud.table import TRACES, Population, Traces

SEQUENCE, BURST, REFUNDS = 4, 5, 3
"""The fewest numbered mailboxes, referrals in a window and refunds of one referrer that a heuristic counts."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Limits, at least as wide as the policy's: people whom a trace joins and whom a place gathers, seconds."""

    trace_cap: int
    place_cap: int
    velocity_seconds: int
    disposable_domains: Collection[str]


def screen(known: pa.Table, limits: Screen) -> tuple[pa.Table, Population]:
    """The rows of ``known`` worth a look, and what all of them amount to.

    ``known`` has a row for each referral: 64-bit hashes of people and of what they left, 0 where missing; the
    time in µs; whether it was won, and refunded after; ``shows``, whether the row alone is worth a look. The
    answer has a row for each referral let through: its hash, and columns as in ``ReferralTable``.
    """

    people = numbered(np.concatenate([keys_of(known, "referrer"), keys_of(known, "referee")]))
    side = {"referrer": people[: len(known)], "referee": people[len(known) :]}
    referrer, referee = side.values()
    size = int(people.max(initial=-1)) + 1
    won, refunded, shows = (known.column(name).to_numpy() for name in ("won", "refunded", "shows"))
    at = known.column("referred_at").to_numpy()
    of_referrer = {
        "referrals_of_referrer": np.bincount(referrer, minlength=size),
        "orders_of_referrer": np.bincount(referrer[won], minlength=size),
        "refunds_of_referrer": np.bincount(referrer[refunded], minlength=size),
    }
    referrals, orders, refunds = of_referrer.values()
    # A circle passes through people who both refer and were referred.
    between = (referrals > 0) & (np.bincount(referee, minlength=size) > 0)
    quiet = gathered(keys_of(known, "place"), referrer, cap=limits.place_cap) > 0
    found = (
        shows
        | quiet
        | (referrer == referee)
        | (between[referrer] & between[referee])
        | (refunded & (refunds[referrer] >= REFUNDS))
        | is_mixed(numbered(keys_of(known, "mailbox")), keys_of(known, "spelling"))
        | is_frequent(keys_of(known, "stem"), SEQUENCE)
        | is_disposable(known.column("domain"), limits.disposable_domains)
        | is_burst(referrer, referrals, at, limits.velocity_seconds)
    )
    hubs: dict[str, Flags] = {}
    for columns in TRACES.values():
        traces = np.concatenate([keys_of(known, name) for name, _ in columns])
        joins, hub = joining(traces, np.concatenate([side[who] for _, who in columns]), limits.trace_cap)
        found |= np.logical_or.reduce(np.split(joins, len(columns)))
        hubs |= zip((name for name, _ in columns), np.split(hub, len(columns)), strict=True)
    rows = np.flatnonzero(found)
    chosen = {
        "referral": keys_of(known, "referral")[rows],
        "place": np.where(quiet, as_trace(keys_of(known, "place")), 0)[rows],
        **{name: count[referrer[rows]] for name, count in of_referrer.items()},
        "names_at_address": names_at(keys_of(known, "home"), keys_of(known, "called"))[rows],
    }
    for name, hub in hubs.items():
        trace = as_trace(keys_of(known, name)[rows])
        chosen[name] = np.where(hub[rows], -trace, trace)
    return pa.table(chosen), Population.of_counts(referrals, orders, refunds, at)


def keys_of(known: pa.Table, name: str) -> Keys:
    found: Keys = known.column(name).to_numpy()
    return found


def as_trace(keys: Keys) -> Traces:
    """Hashes as positive numbers."""
    return (keys >> np.uint64(1)).astype(np.int64)


def joining(traces: Keys, people: Rows, cap: int) -> tuple[Flags, Flags]:
    """Where a trace joins 2 to ``cap`` people, and where it joins more and so, as a hub, nobody."""
    rows = np.flatnonzero(traces)
    group, person = numbered(traces[rows]), people[rows]
    joins = is_mixed(group, person)
    often = np.flatnonzero(joins & (count_of(group) > cap))
    degree = distinct_by(group[often], person[often], int(group.max(initial=-1)) + 1)
    hub = degree[group] > cap
    return spread(rows, joins & ~hub, len(traces)), spread(rows, hub, len(traces))


def is_frequent(keys: Keys, minimum: int) -> Flags:
    """Rows of a key that ``minimum`` rows or more carry."""
    rows = np.flatnonzero(keys)
    return spread(rows, count_of(numbered(keys[rows])) >= minimum, len(keys))


def is_disposable(domains: pa.ChunkedArray, disposable: Collection[str]) -> Flags:
    encoded = domains.combine_chunks().dictionary_encode()
    listed = is_listed(encoded.dictionary.to_pylist(), disposable)
    found: Flags = listed[encoded.indices.to_numpy()]
    return found


def is_burst(referrer: Rows, referrals: Rows, at: npt.NDArray[np.int64], seconds: int) -> Flags:
    """Enough of one referrer in a stretch of two windows, at either of two offsets: every window lies in one."""
    rows = np.flatnonzero(referrals[referrer] >= BURST)
    window = at[rows] // ((seconds + 1) * 1_000_000)
    base = int(window.max(initial=0)) // 2 + 2
    early, late = (referrer[rows] * base + (window + offset) // 2 for offset in (0, 1))
    crowded = (count_of(numbered(early)) >= BURST) | (count_of(numbered(late)) >= BURST)
    return spread(rows, crowded, len(at))


def names_at(homes: Keys, names: Keys) -> Rows:
    """For each row how many names were referred at its address."""
    home = numbered(homes)
    shared = np.flatnonzero(count_of(home) > 1)
    count = distinct_by(home[shared], numbered(names[shared]), int(home.max(initial=-1)) + 1)
    return np.maximum(count, 1)[home]


def spread(rows: Rows, flags: Flags, size: int) -> Flags:
    """Flags of some rows as flags of all."""
    found = np.zeros(size, dtype=bool)
    found[rows] = flags
    return found
