"""Is the referred person the referrer? Identity and shared traces within one referral, and mailboxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import binom

from programs.analytics.fraud.catalogue import CATALOGUE, Hits, hits
from programs.analytics.fraud.normalise import (
    Texts,
    domain_of,
    normalise_address,
    normalise_all,
    normalise_name,
    split_local_number,
)
from programs.analytics.fraud.numbers import (
    Flags,
    Keys,
    Rows,
    count_by,
    count_of,
    distinct_by,
    numbered,
    repeated,
)
from programs.analytics.fraud.table import Population, ReferralTable, Traces, codes


def equal_rows(left: Texts | Traces, right: Texts | Traces) -> Rows:
    missing = 0 if left.dtype.kind == "i" else ""
    return np.flatnonzero((left != missing) & (left == right))


def equal_under(left: Texts, right: Texts, rule: Callable[[str], str]) -> Rows:
    """Rows whose two texts are the same under ``rule``, and not missing."""
    return equal_rows(normalise_all(left, rule), normalise_all(right, rule))


def self_referrals(table: ReferralTable, *, cap: int = 6) -> list[Hits]:
    """Referrer and referred are one person by customer id, mailbox, or name with address.

    Where more than ``cap`` names are referred at an address (an office, a dormitory) namesakes are
    likely, and name with address weighs half.
    """
    customer = equal_rows(table.referrer_id, table.referee_customer_id)
    mail = equal_rows(table.referrer_mailbox, table.referee_mailbox)
    both = equal_under(table.referrer_name, table.referee_name, normalise_name)
    both = both[equal_under(table.referrer_address[both], table.referee_address[both], normalise_address)]
    names = table.names_at_address[both]
    weights = np.where(names > cap, 0.5, 1.0) * CATALOGUE["self_name_address"].weight
    return [
        hits(
            "self_customer",
            customer,
            [f"Customer {table.referrer_id[row]} on both sides." for row in customer],
        ),
        hits(
            "self_email", mail, [f"Both addresses deliver to {table.referrer_mailbox[row]}." for row in mail]
        ),
        hits(
            "self_name_address",
            both,
            [
                f"{table.referee_name[row]} at an address of {n} names."
                for row, n in zip(both, names, strict=True)
            ],
            weights,
        ),
    ]


def shared_traces(table: ReferralTable) -> list[Hits]:
    """The referred uses the referrer's payment instrument, device or cookie; also under the same name."""
    pairs = (
        ("shared_payment", table.payment_hash, table.referrer_payment_hash, "payment instrument"),
        ("shared_device", table.device_id, table.referrer_device_id, "device"),
        ("shared_cookie", table.cookie_id, table.referrer_cookie_id, "cookie"),
    )
    found = []
    for key, referee, referrer, label in pairs:
        rows = equal_rows(referee, referrer)
        found.append(hits(key, rows, [f"One {label} on both sides."] * len(rows)))
    shared = np.unique(np.concatenate([hit.rows for hit in found]))
    names = [
        normalise_all(text[shared], normalise_name) for text in (table.referrer_name, table.referee_name)
    ]
    same = shared[equal_rows(*names)]
    evidence = [f"{table.referee_name[row]} on both sides of a shared trace." for row in same]
    return [*found, hits("self_name_trace", same, evidence)]


def shared_payout(table: ReferralTable, *, cap: int = 50) -> Hits:
    """Referrals whose payout account serves 2 to ``cap`` referrers (more is a clearing account)."""
    account = numbered(table.payout_hash)
    degree = distinct_by(account, table.referrer, int(account.max(initial=-1)) + 1)[account]
    rows = np.flatnonzero((table.payout_hash > 0) & (degree >= 2) & (degree <= cap))
    return hits("shared_payout", rows, [f"One account is paid for {degree[row]} referrers." for row in rows])


def shared_ip_agent(table: ReferralTable, *, cap: int = 6) -> Hits:
    """2 to ``cap`` referred people of one referrer on one IP with one browser, few referrers sharing it."""
    people = gathered(table.place.astype(np.uint64), table.referrer, cap=cap)
    rows = np.flatnonzero(people)
    evidence = [f"{people[row]} referred people on one address with one browser." for row in rows]
    return hits("shared_ip_agent", rows, evidence)


def gathered(places: Keys, referrer: Rows, *, cap: int) -> Rows:
    """For each row how many referred people of its referrer are at its place (0: not known).

    0 where they are one or more than ``cap``, and where more than two people refer.
    """
    rows = repeated(places)
    place = numbered(places[rows])
    gathering = numbered(place * (int(referrer.max(initial=0)) + 1) + referrer[rows])
    referrers = distinct_by(place, gathering, int(place.max(initial=-1)) + 1)[place]
    people = count_of(gathering)
    found = np.zeros(len(places), dtype=np.intp)
    found[rows] = np.where((people >= 2) & (people <= cap) & (referrers <= 2), people, 0)
    return found


def disposable(
    table: ReferralTable, population: Population, domains: Collection[str], *, alpha: float = 0.001
) -> Hits:
    """The referred address, or a parent of its domain, is in ``domains`` (lower case).

    One private person is no pattern; three or more of one referrer, beyond what the program's own
    share explains (binomial tail, Bonferroni over referrers), weigh twice.
    """
    domain = normalise_all(table.referee_mailbox, domain_of)
    distinct, code = codes(domain)
    thrown = is_listed(distinct, domains)[code]
    rows = np.flatnonzero(thrown)
    count, referred = count_by(table.referrer, thrown)[rows], table.referrals_of_referrer[rows]
    share = len(rows) / max(population.referrals, 1)
    unusual = (count >= 3) & (binom.sf(count - 1, referred, share) * population.referrers < alpha)
    weights = np.where(unusual, 2.0, 1.0) * CATALOGUE["disposable_domain"].weight
    evidence = [
        f"{domain[row]} gives throw-away mailboxes; so do {thrown_away} of this referrer's {of_all}."
        for row, thrown_away, of_all in zip(rows, count.tolist(), referred.tolist(), strict=True)
    ]
    return hits("disposable_domain", rows, evidence, weights)


def is_listed(names: Iterable[str], domains: Collection[str]) -> Flags:
    """Which names are one of ``domains``, or below one."""
    known = frozenset(domains)
    return np.array([any(parent in known for parent in parents(name)) for name in names], dtype=bool)


def parents(domain: str) -> list[str]:
    parts = domain.split(".")
    return [".".join(parts[start:]) for start in range(max(len(parts) - 1, 1))]


def mailbox_variants(table: ReferralTable) -> Hits:
    """Referred addresses of which another spelling (dots, +tag, alias domain) was referred too."""
    mailboxes, mailbox = codes(table.referee_mailbox)
    again = np.flatnonzero((table.referee_mailbox != "") & (count_of(mailbox) >= 2))
    spelled = np.array([text.strip().lower() for text in table.referee_email[again]], dtype=object)
    spellings = distinct_by(mailbox[again], codes(spelled)[1], len(mailboxes))[mailbox]
    rows = np.flatnonzero(spellings >= 2)
    evidence = [f"{spellings[row]} spellings of {table.referee_mailbox[row]}." for row in rows]
    return hits("mailbox_variants", rows, evidence)


def sequential_mailboxes(table: ReferralTable, *, run: int = 4, gap: int = 2) -> Hits:
    """Numbered mailboxes of one referrer: at least ``run`` distinct numbers with steps of at most ``gap``."""
    groups: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    numbered_mail = pc.match_substring_regex(pa.array(table.referee_mailbox, pa.string()), "[0-9]@")
    for row in np.flatnonzero(numbered_mail).tolist():
        split = split_local_number(table.referee_mailbox[row])
        if split:
            groups[table.referrer_id[row], split[0]].append((split[1], row))
    found: dict[int, str] = {}
    for (_, stem), members in groups.items():
        if len(members) < run:
            continue
        members.sort()
        numbers = np.array([number for number, _ in members])
        for part in np.split(np.arange(len(members)), np.flatnonzero(np.diff(numbers) > gap) + 1):
            distinct = 1 + np.count_nonzero(np.diff(numbers[part]))
            if distinct >= run:
                text = f"{distinct} mailboxes {stem} numbered {numbers[part[0]]} to {numbers[part[-1]]}."
                found.update((members[index][1], text) for index in part)
    rows = np.array(sorted(found), dtype=np.intp)
    return hits("sequential_mailboxes", rows, [found[row] for row in rows])
