"""Which of all referrals a heuristic of the review can fire on, from numbers alone.

Ten million referrals leave some hundred thousand worth reading as text. Nothing is decided here: every
condition is at least as wide as the heuristic it stands for, and what a heuristic must know of the referrals
left out comes beside those let through. The looks depend on nothing of each other and are mostly sorts, which
numpy does without the interpreter, so two are taken at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from programs.analytics.fraud.identity import gathered
from programs.analytics.fraud.numbers import (
    Keys,
    Rows,
    carrying,
    count_of,
    distinct_by,
    is_mixed,
    numbered,
    repeated,
)
from programs.analytics.fraud.review import Policy
from programs.analytics.fraud.table import TRACES, Population, Traces

SEQUENCE, BURST, REFUNDS = 4, 5, 3
"""The fewest numbered mailboxes, referrals in a window, refunds of one referrer that a heuristic counts."""
PAID_TO = "payout_hash"
AT_A_TIME = 2
"""As many as the threads of the query engine: more would take more memory."""
NO_HUBS: Keys = np.empty(0, dtype=np.uint64)


def screen(known: pa.Table, policy: Policy) -> tuple[pa.Table, Population]:
    """The rows of ``known`` worth a look under ``policy``, and what all of them amount to.

    ``known`` has a row for each referral: 64-bit hashes of people and of what they left, 0 where missing;
    ``referee_refers``, the referrer who has the mailbox of the referred; the time in µs; whether it was won,
    and refunded after; ``shows``, whether the row alone is worth a look. The answer has a row for each
    referral let through: its hash, and columns as in ``ReferralTable``.
    """
    people = numbered(np.concatenate([keys_of(known, "referrer"), keys_of(known, "referee")]))
    referrer, referee = people[: len(known)], people[len(known) :]
    size = int(people.max(initial=-1)) + 1
    won, refunded, shows = (known.column(name).to_numpy() for name in ("won", "refunded", "shows"))
    at = known.column("referred_at").to_numpy()
    referrals = np.bincount(referrer, minlength=size)
    orders = np.bincount(referrer[won], minlength=size)
    refunds = np.bincount(referrer[refunded], minlength=size)
    # A circle passes through people who both refer and were referred, by their id or by their mailbox.
    by_mail = np.flatnonzero(keys_of(known, "referee_refers"))
    owners = carrying(keys_of(known, "referrer"), keys_of(known, "referee_refers")[by_mail])
    was_referred = np.bincount(referee, minlength=size) > 0
    was_referred[referrer[owners]] = True
    between = (referrals > 0) & was_referred
    latest = latest_of(referrer, size)  # few are referred more than once
    seconds = int(policy.velocity_hours * 3600)

    def tied_by(kind: str) -> tuple[Keys, Keys]:
        left = [
            once(keys_of(known, name), referrer, latest)
            if who == "referrer"
            else (keys_of(known, name), referee)
            for name, who in TRACES[kind]
        ]
        traces, persons = (np.concatenate(parts) for parts in zip(*left, strict=True))
        # Here each address is a person, in the review each mailbox, and these are fewer.
        return joining(traces, persons, cap=2 * policy.trace_cap)

    looks: dict[str, Callable[[], Any]] = {
        "quiet": lambda: gathered(keys_of(known, "place"), referrer, cap=policy.place_cap) > 0,
        "respelled": lambda: respelled(keys_of(known, "mailbox"), keys_of(known, "spelling")),
        "frequent": lambda: frequent(keys_of(known, "stem"), SEQUENCE),
        "bursts": lambda: bursts(referrer, referrals, at, seconds),
        "names": lambda: names_at(keys_of(known, "home"), keys_of(known, "called")),
        **{kind: partial(tied_by, kind) for kind in TRACES},
    }
    seen = two_at_a_time(looks)
    quiet = seen["quiet"]
    found = (
        shows
        | quiet
        | (referrer == referee)
        | (between[referrer] & between[referee])
        | (refunded & (refunds[referrer] >= REFUNDS))
    )
    found[by_mail[between[referrer[by_mail]]]] = True
    for look in ("respelled", "frequent", "bursts"):
        found[seen[look]] = True
    hubs: dict[str, Keys] = {}
    for kind, columns in TRACES.items():
        ties, too_many = seen[kind]
        for name, _ in columns:
            tied = carrying(keys_of(known, name), ties)
            found[tied] = True
            hubs[name] = too_many
            if name == PAID_TO:  # whoever is paid to an account of several is so with every referral
                found |= np.bincount(referrer[tied], minlength=size)[referrer] > 0
    rows = np.flatnonzero(found)
    chosen = {
        "referral": keys_of(known, "referral")[rows],
        "place": np.where(quiet[rows], as_traces(keys_of(known, "place")[rows], NO_HUBS), 0),
        "referrals_of_referrer": referrals[referrer[rows]],
        "orders_of_referrer": orders[referrer[rows]],
        "refunds_of_referrer": refunds[referrer[rows]],
        "names_at_address": seen["names"][rows],
        **{name: as_traces(keys_of(known, name)[rows], too_many) for name, too_many in hubs.items()},
    }
    return pa.table(chosen), Population.of_counts(referrals, orders, refunds, at)


def two_at_a_time(looks: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What each of ``looks`` comes to, by its name."""
    with ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:
        begun = {name: pool.submit(look) for name, look in looks.items()}
        return {name: each.result() for name, each in begun.items()}


def keys_of(known: pa.Table, name: str) -> Keys:
    found: Keys = known.column(name).to_numpy()
    return found


def as_traces(keys: Keys, hubs: Keys) -> Traces:
    """Hashes as positive numbers, hubs as negative ones."""
    traces = (keys >> np.uint64(1)).astype(np.int64)
    return np.where(np.isin(keys, hubs), -traces, traces)


def latest_of(people: Rows, size: int) -> Rows:
    """For each row the last row of its person."""
    last = np.zeros(size, dtype=np.intp)
    last[people] = np.arange(len(people))
    return last[people]


def once(traces: Keys, people: Rows, latest: Rows) -> tuple[Keys, Rows]:
    """Who left which trace: the trace that a person leaves again and again is told once."""
    rows = np.flatnonzero((traces != traces[latest]) | (latest == np.arange(len(latest))))
    return traces[rows], people[rows]


def joining(traces: Keys, people: Rows, cap: int) -> tuple[Keys, Keys]:
    """Traces that join 2 to ``cap`` people, and those that join more and so, as hubs, nobody."""
    rows = repeated(traces)
    trace, person = numbered(traces[rows]), numbered(people[rows])
    degree = distinct_by(trace, person, int(trace.max(initial=-1)) + 1)[trace]
    return traces[rows[(degree >= 2) & (degree <= cap)]], np.unique(traces[rows[degree > cap]])


def respelled(mailboxes: Keys, spellings: Keys) -> Rows:
    """Rows of a mailbox that is written in several ways."""
    rows = repeated(mailboxes)
    return rows[is_mixed(numbered(mailboxes[rows]), spellings[rows])]


def frequent(keys: Keys, minimum: int) -> Rows:
    """Rows of a key that ``minimum`` rows or more carry."""
    rows = repeated(keys)
    return rows[count_of(numbered(keys[rows])) >= minimum]


def bursts(referrer: Rows, referrals: Rows, at: npt.NDArray[np.int64], seconds: int) -> Rows:
    """Enough of one referrer in two windows on end, from either of two starts: any window is in some two."""
    rows = np.flatnonzero(referrals[referrer] >= BURST)
    window = at[rows] // ((seconds + 1) * 1_000_000)
    base = int(window.max(initial=0)) // 2 + 2
    early, late = (count_of(numbered(referrer[rows] * base + (window + offset) // 2)) for offset in (0, 1))
    return rows[(early >= BURST) | (late >= BURST)]


def names_at(homes: Keys, names: Keys) -> Rows:
    """For each row how many names were referred at its address."""
    count = np.ones(len(homes), dtype=np.intp)
    rows = repeated(homes)
    home = numbered(homes[rows])
    count[rows] = distinct_by(home, numbered(names[rows]), int(home.max(initial=-1)) + 1)[home]
    return count
