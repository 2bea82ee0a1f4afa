"""Is the referred person the referrer? Identity and shared traces within one referral, and mailboxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection

import numpy as np
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
from programs.analytics.fraud.table import (
    Population,
    ReferralTable,
    Rows,
    codes,
    count_by,
    distinct_by,
    starts_with_hub,
)


def equal_rows(left: Texts, right: Texts) -> Rows:
    return np.flatnonzero((left != "") & (left == right))


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
        ("shared_payment", table.payment_hash, table.referrer_payment_hash, "Payment instrument"),
        ("shared_device", table.device_id, table.referrer_device_id, "Device"),
        ("shared_cookie", table.cookie_id, table.referrer_cookie_id, "Cookie"),
    )
    found = []
    for key, referee, referrer, label in pairs:
        rows = equal_rows(referee, referrer)
        found.append(hits(key, rows, [f"{label} {referee[row]} on both sides." for row in rows]))
    shared = np.unique(np.concatenate([hit.rows for hit in found]))
    names = [
        normalise_all(text[shared], normalise_name) for text in (table.referrer_name, table.referee_name)
    ]
    same = shared[equal_rows(*names)]
    evidence = [f"{table.referee_name[row]} on both sides of a shared trace." for row in same]
    return [*found, hits("self_name_trace", same, evidence)]


def shared_payout(table: ReferralTable, *, cap: int = 50) -> Hits:
    """Referrals whose payout account serves 2 to ``cap`` referrers (more is a clearing account)."""
    accounts, account = codes(table.payout_hash)
    _, referrer = codes(table.referrer_id)
    degree = distinct_by(account, referrer, len(accounts))
    joins = (table.payout_hash != "") & ~starts_with_hub(table.payout_hash)
    rows = np.flatnonzero(joins & (degree[account] >= 2) & (degree[account] <= cap))
    return hits(
        "shared_payout", rows, [f"One account is paid for {degree[account[row]]} referrers." for row in rows]
    )


def shared_ip_agent(table: ReferralTable, *, cap: int = 6) -> Hits:
    """2 to ``cap`` referred people of one referrer on one IP with one browser, few referrers sharing it."""
    known = (table.ip != "") & (table.user_agent != "")
    place = np.where(known, table.ip + "\x1f" + table.user_agent, "")
    places, code = codes(place)
    _, referrer = codes(table.referrer_id)
    pairs, pair, sizes = np.unique(
        np.column_stack([code, referrer]), axis=0, return_inverse=True, return_counts=True
    )
    referrers = np.bincount(pairs[:, 0], minlength=len(places))
    size = sizes[pair.ravel()]
    rows = np.flatnonzero(known & (size >= 2) & (size <= cap) & (referrers[code] <= 2))
    return hits(
        "shared_ip_agent",
        rows,
        [f"{size[row]} referred people on {table.ip[row]} with one browser." for row in rows],
    )


def disposable(
    table: ReferralTable, population: Population, domains: Collection[str], *, alpha: float = 0.001
) -> Hits:
    """The referred address, or a parent of its domain, is in ``domains`` (lower case).

    One private person is no pattern; three or more of one referrer, beyond what the program's own
    share explains (binomial tail, Bonferroni over referrers), weigh twice.
    """
    known = frozenset(domains)
    domain = normalise_all(table.referee_mailbox, domain_of)
    distinct, code = codes(domain)
    listed = np.array([any(parent in known for parent in parents(name)) for name in distinct], dtype=bool)
    thrown = listed[code]
    rows = np.flatnonzero(thrown)
    count, referred = count_by(table.referrer_id, thrown)[rows], table.referrals_of_referrer[rows]
    share = len(rows) / max(population.referrals, 1)
    unusual = (count >= 3) & (binom.sf(count - 1, referred, share) * population.referrers < alpha)
    weights = np.where(unusual, 2.0, 1.0) * CATALOGUE["disposable_domain"].weight
    evidence = [
        f"{domain[row]} gives throw-away mailboxes; so do {thrown_away} of this referrer's {of_all}."
        for row, thrown_away, of_all in zip(rows, count.tolist(), referred.tolist(), strict=True)
    ]
    return hits("disposable_domain", rows, evidence, weights)


def parents(domain: str) -> list[str]:
    parts = domain.split(".")
    return [".".join(parts[start:]) for start in range(max(len(parts) - 1, 1))]


def mailbox_variants(table: ReferralTable) -> Hits:
    """Referred addresses of which another spelling (dots, +tag, alias domain) was referred too."""
    spelled = np.array([text.strip().lower() for text in table.referee_email], dtype=object)
    mailboxes, mailbox = codes(table.referee_mailbox)
    _, spelling = codes(spelled)
    spellings = distinct_by(mailbox, spelling, len(mailboxes))
    rows = np.flatnonzero((mailboxes[mailbox] != "") & (spellings[mailbox] >= 2))
    return hits(
        "mailbox_variants",
        rows,
        [f"{spellings[mailbox[row]]} spellings of {mailboxes[mailbox[row]]}." for row in rows],
    )


def sequential_mailboxes(table: ReferralTable, *, run: int = 4, gap: int = 2) -> Hits:
    """Numbered mailboxes of one referrer: at least ``run`` distinct numbers with steps of at most ``gap``."""
    groups: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for row, mailbox in enumerate(table.referee_mailbox):
        split = split_local_number(mailbox)
        if split:
            groups[table.referrer_id[row], split[0]].append((split[1], row))
    found: dict[int, str] = {}
    for (_, stem), members in groups.items():
        if len(members) < run:
            continue
        members.sort()
        numbers = np.array([number for number, _ in members])
        for part in np.split(np.arange(len(members)), np.flatnonzero(np.diff(numbers) > gap) + 1):
            distinct = len(np.unique(numbers[part]))
            if distinct >= run:
                text = f"{distinct} mailboxes {stem} numbered {numbers[part[0]]} to {numbers[part[-1]]}."
                found.update((members[index][1], text) for index in part)
    rows = np.array(sorted(found), dtype=np.intp)
    return hits("sequential_mailboxes", rows, [found[row] for row in rows])
