"""Is the referred person the referrer? Identity and shared traces within one referral, and mailboxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import binom

from programs.analytics.fraud.calibration import SENSITIVITY
from programs.analytics.fraud.catalogue import CATALOGUE, Hits, hits
from programs.analytics.fraud.normalise import (
    MAIL_PROVIDERS,
    Texts,
    are_one_address,
    are_one_name,
    domain_of,
    initials_of,
    latin,
    mail_in_common,
    normalise_address,
    normalise_all,
    number_of,
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
from programs.analytics.fraud.table import Floats, Population, ReferralTable, Traces, codes, referred_at


def equal_rows(left: Texts | Traces, right: Texts | Traces) -> Rows:
    missing = 0 if left.dtype.kind == "i" else ""
    return np.flatnonzero((left != missing) & (left == right))


def equal_under(left: Texts, right: Texts, rule: Callable[[str], str]) -> Rows:
    """Rows whose two texts are the same under ``rule``, and not missing."""
    return equal_rows(normalise_all(left, rule), normalise_all(right, rule))


def self_referrals(
    table: ReferralTable, *, cap: int = 6, known_addresses: Collection[str] = ()
) -> list[Hits]:
    """Referrer and referred are one person by customer id, mailbox, or name with address.

    Where more than ``cap`` names are referred at an address (an office, a dormitory) namesakes are
    likely, and name with address weighs half; at ``known_addresses``, of many people, it weighs nothing.
    """
    customer = equal_rows(table.referrer_id, table.referee_customer_id)
    mail = equal_rows(table.referrer_mailbox, table.referee_mailbox)
    both = at_one_address(table)
    known = {normalise_address(text) for text in known_addresses}
    both = both[[normalise_address(text) not in known for text in table.referee_address[both]]]
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


def at_one_address(table: ReferralTable) -> Rows:
    """Rows whose two people have one name at one address, however either is spelled."""
    initials = equal_under(table.referrer_name, table.referee_name, initials_of)
    number = initials[
        equal_under(table.referrer_address[initials], table.referee_address[initials], number_of)
    ]
    return np.array(
        [
            row
            for row in number.tolist()
            if are_one_name(table.referrer_name[row], table.referee_name[row])
            and are_one_address(table.referrer_address[row], table.referee_address[row])
        ],
        dtype=np.intp,
    )


def shared_traces(table: ReferralTable, people: Population, *, cap: int = 50) -> list[Hits]:
    """The referred uses the referrer's payment instrument, device or cookie; also under the same name.

    A trace of more than ``cap`` people says nothing of two of them, nor does one of an event: many people
    within a day. Of the others, the more of all people leave it, the likelier two share it by chance, and
    the less it weighs.
    """
    pairs = (
        ("shared_payment", "payment_hash", "payment instrument"),
        ("shared_device", "device_id", "device"),
        ("shared_cookie", "cookie_id", "cookie"),
    )
    found = []
    everybody = people.referrals + people.referrers
    for key, name, label in pairs:
        referee, referrer = getattr(table, name), getattr(table, f"referrer_{name}")
        rows = equal_rows(referee, referrer)
        rows = rows[referee[rows] > 0]
        crowd = crowd_of(table, referee, referrer)
        rows = rows[(crowd.people[rows] <= cap) & ~crowd.is_event[rows]]
        together = crowd.people[rows]
        by_chance = (together - 1) / max(everybody, 1)
        base = SENSITIVITY * np.exp(-CATALOGUE[key].weight)
        weights = np.log(SENSITIVITY / np.maximum(base + np.where(together > 2, by_chance, 0.0), base))
        evidence = [
            f"One {label} on both sides{f', of {n} people' if n > 2 else ''}." for n in together.tolist()
        ]
        found.append(hits(key, rows, evidence, np.maximum(weights, 0.0)))
    browser = np.unique(np.concatenate([hit.rows for hit in found[1:]]))
    same = np.array(
        [r for r in browser.tolist() if are_one_name(table.referrer_name[r], table.referee_name[r])],
        dtype=np.intp,
    )
    evidence = [f"{table.referee_name[row]} on both sides of a shared trace." for row in same]
    return [*found, hits("self_name_trace", same, evidence)]


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """For each row how many people left its referred person's trace, and whether all did within a day."""

    people: Rows
    is_event: Flags


def crowd_of(table: ReferralTable, referee: Traces, referrer: Traces, *, least: int = 8) -> Crowd:
    """Who else left each trace. An event is ``least`` people or more, nine in ten within 24 hours."""
    size = len(table)
    traces = numbered(np.concatenate([referee, referrer]))
    who = np.concatenate([table.person, table.referrer_person])
    count = distinct_by(traces, who, int(traces.max(initial=-1)) + 1)
    mine = traces[:size]
    at = referred_at(table)
    known = np.flatnonzero(~np.isnat(at) & (referee > 0))
    order = known[np.lexsort((at[known], mine[known]))]
    starts = np.flatnonzero(np.diff(mine[order], prepend=-1) != 0)
    length = np.diff(np.append(starts, len(order)))
    low, high = starts + length // 20, starts + length - 1 - length // 20
    event = np.zeros(len(count), dtype=bool)
    if len(order):
        event[mine[order[starts]]] = (at[order[high]] - at[order[low]] <= np.timedelta64(24, "h")) & (
            length >= least
        )
    return Crowd(count[mine], event[mine] & (count[mine] >= least))


def alike_mailboxes(table: ReferralTable, tied: Rows) -> Hits:
    """Of ``tied`` rows, whose people share a home or an instrument, those with mailboxes that resemble."""
    found = {}
    for row in tied.tolist():
        left, right = table.referrer_mailbox[row], table.referee_mailbox[row]
        if left and right and left != right:
            common = mail_in_common(left, right, table.referrer_name[row], table.referee_name[row])
            if common:
                found[row] = f"Both mailboxes carry “{common}”, which no name explains."
    return hits("mail_alike", np.array(list(found), dtype=np.intp), list(found.values()))


def living_together(table: ReferralTable, tied: Rows) -> tuple[Rows, Rows]:
    """Of ``tied`` rows those whose two people live at one address, and those of whom nobody knows.

    Where an address is not known, one surname says that they do.
    """
    together: list[int] = []
    unknown: list[int] = []
    for row in tied.tolist():
        ours, theirs = table.referrer_address[row].strip(), table.referee_address[row].strip()
        if ours and theirs:
            if are_one_address(ours, theirs):
                together.append(row)
            continue
        last = [latin(text).split()[-1:] for text in (table.referrer_name[row], table.referee_name[row])]
        (together if last[0] and last[0] == last[1] else unknown).append(row)
    return np.array(together, dtype=np.intp), np.array(unknown, dtype=np.intp)


def shared_payout(table: ReferralTable, *, cap: int = 50) -> Hits:
    """Referrals of 2 to ``cap`` referrers who are paid to one account (more is a clearing account).

    An account of one partner's people is the firm's own. It is known from what was paid, and a referrer who
    was paid to it is so with every referral. A couple has one account: three referrers weigh a quarter more,
    five or more by half.
    """
    account = numbered(table.payout_hash)
    size = int(account.max(initial=-1)) + 1
    degree = distinct_by(account, table.referrer, size)[account]
    _, partner = codes(table.partner_id)
    of_one_firm = (distinct_by(account, partner, size)[account] == 1) & (table.partner_id != "")
    paid = (table.payout_hash > 0) & (degree >= 2) & (degree <= cap) & ~of_one_firm
    together = np.zeros(int(table.referrer.max(initial=-1)) + 1, dtype=np.intp)
    np.maximum.at(together, table.referrer[paid], degree[paid])
    people = together[table.referrer]
    rows = np.flatnonzero(people)
    share = np.select([people[rows] >= 5, people[rows] >= 3], [1.5, 1.25], 1.0)
    evidence = [f"One account is paid for {people[row]} referrers." for row in rows]
    return hits("shared_payout", rows, evidence, CATALOGUE["shared_payout"].weight * share)


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
    """Referred addresses of which another spelling (dots, +tag, alias domain) was referred too.

    Three spellings weigh in full, two by half. At a firm's own domain, where a mailbox takes the orders
    of its clients, they weigh a third.
    """
    mailboxes, mailbox = codes(table.referee_mailbox)
    again = np.flatnonzero((table.referee_mailbox != "") & (count_of(mailbox) >= 2))
    spelled = np.array([text.strip().lower() for text in table.referee_email[again]], dtype=object)
    spellings = distinct_by(mailbox[again], codes(spelled)[1], len(mailboxes))[mailbox]
    rows = np.flatnonzero(spellings >= 2)
    evidence = [f"{spellings[row]} spellings of {table.referee_mailbox[row]}." for row in rows]
    share = np.where(spellings[rows] >= 3, 1.0, 0.5) * public_share(table, rows)
    return hits("mailbox_variants", rows, evidence, share * CATALOGUE["mailbox_variants"].weight)


def public_share(table: ReferralTable, rows: Rows) -> Floats:
    """1 for mailboxes at a provider where anybody gets one, a third at a domain of somebody's own."""
    domains = normalise_all(table.referee_mailbox[rows], domain_of)
    return np.where([domain in MAIL_PROVIDERS for domain in domains], 1.0, 1 / 3).astype(np.float64)


def numbered_alike(table: ReferralTable, run: int) -> Rows:
    """Rows whose mailbox ends in digits, where ``run`` or more of one referrer are alike without them."""
    mailboxes = pa.array(table.referee_mailbox, pa.string())
    rows = np.flatnonzero(pc.match_substring_regex(mailboxes, "[0-9]@"))
    stems = pc.replace_substring_regex(mailboxes.take(rows), "[0-9]+@", "@").dictionary_encode().indices
    alike = numbered(
        stems.to_numpy().astype(np.intp) * (int(table.referrer.max(initial=0)) + 1) + table.referrer[rows]
    )
    return rows[count_of(alike) >= run]


def sequential_mailboxes(table: ReferralTable, *, run: int = 4, gap: int = 2) -> Hits:
    """Numbered mailboxes of one referrer: at least ``run`` distinct numbers with steps of at most ``gap``."""
    groups: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for row in numbered_alike(table, run).tolist():
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
    weights = CATALOGUE["sequential_mailboxes"].weight * public_share(table, rows)
    return hits("sequential_mailboxes", rows, [found[row] for row in rows], weights)
