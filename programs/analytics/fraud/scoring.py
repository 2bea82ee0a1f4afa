"""From hits to scores, from scores to cases, and how good the cases are where labels exist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from programs.analytics.estimate import MaybeEstimate
from programs.analytics.fraud.catalogue import CATALOGUE, HOME, ONE_FACT, Hits
from programs.analytics.fraud.fit import Fit
from programs.analytics.fraud.normalise import Texts
from programs.analytics.fraud.numbers import Rows
from programs.analytics.fraud.rings import Rings
from programs.analytics.fraud.table import Floats, ReferralTable, codes
from programs.analytics.rates import wilson_rate

Flags = npt.NDArray[np.bool_]
OF_ACCOUNT = "account:"
"""How the cases of referrers begin who are paid to one account."""
NOTHING_EXPLAINED: Mapping[str, Rows] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a case exists: the heuristic, the referrals it fired on, an example, what else it can mean."""

    heuristic: str
    title: str
    referrals: int
    example: str
    false_positives: str


@dataclass(frozen=True, slots=True)
class Case:
    """Referrals to be decided on together by people.

    ``score`` 0–100 is the highest of its referrals. ``at_risk`` is the rewards that are due on them: won,
    not returned and not paid yet. ``expected_loss`` weighs each by its score, ``paid`` was paid and not
    taken back. ``proposal`` is "hold" or "review".
    """

    case_id: str
    referral_ids: tuple[str, ...]
    referrer_ids: tuple[str, ...]
    score: float
    at_risk: float
    expected_loss: float
    paid: float
    proposal: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Precision and recall against labels, with Wilson intervals, in referrals or in cases."""

    precision: MaybeEstimate
    recall: MaybeEstimate


def score_parts(
    size: int, found: Iterable[Hits], *, explained: Mapping[str, Rows] = NOTHING_EXPLAINED
) -> dict[str, Floats]:
    """Family → what its evidence adds to the log-odds of each of ``size`` referrals.

    The strongest of a family counts in full and the others by half; of one fact the strongest alone.
    ``explained`` names rows where a family is explained by the home that both people share: there only the
    stronger of the two counts.
    """
    strongest: dict[str, Floats] = {}
    total: dict[str, Floats] = {}
    for hit in found:
        family = CATALOGUE[hit.key].family
        weights = np.zeros(size)
        weights[hit.rows] = hit.weights
        top = strongest.setdefault(family, np.zeros(size))
        np.maximum(top, weights, out=top)
        total[family] = total.get(family, np.zeros(size)) + weights
    parts = {
        family: top + (0.0 if family in ONE_FACT else (total[family] - top) / 2)
        for family, top in strongest.items()
    }
    home = parts.get(HOME, np.zeros(size))
    for family, rows in explained.items():
        if family in parts:
            parts[family][rows] = np.maximum(home[rows], parts[family][rows]) - home[rows]
    return parts


def score_referrals(
    size: int,
    found: Iterable[Hits],
    *,
    prior: float = 0.02,
    explained: Mapping[str, Rows] = NOTHING_EXPLAINED,
    fit: Fit | None = None,
) -> Floats:
    """Score 0–100 of each of ``size`` referrals: 100 × the posterior chance of fraud.

    log-odds = logit(prior) + Σ over families of ``score_parts``, as ``fit`` changes it. ``prior`` is the
    share of fraud expected before looking, in (0, 1).
    """
    parts = score_parts(size, found, explained=explained)
    log_odds = (fit or Fit()).log_odds(float(logit(prior)), parts, size)
    return np.asarray(100 * expit(log_odds), dtype=np.float64)


def gather_cases(
    table: ReferralTable,
    found: Sequence[Hits],
    scores: Floats,
    owners: Texts,
    *,
    hold: float = 50.0,
    review: float = 25.0,
    within: Flags | None = None,
) -> tuple[Case, ...]:
    """Cases of referrals scoring ``review`` or more, one for each of ``owners``; worst money first.

    A case holds when its highest score reaches ``hold``, and then only its referrals of that score;
    the others of the same people become a case to review. ``within``: only cases with such a referral.
    """
    rows = np.flatnonzero(scores >= review)
    holds = np.where(scores[rows] >= hold, "hold", "review")
    grouped: dict[tuple[str, str], list[int]] = {}
    for row, name, proposal in zip(rows.tolist(), owners[rows].tolist(), holds.tolist(), strict=True):
        grouped.setdefault((name, proposal), []).append(row)
    if within is not None:
        grouped = {name: members for name, members in grouped.items() if within[members].any()}
        rows = np.sort(np.array([row for members in grouped.values() for row in members], dtype=np.intp))
    by_row: dict[int, list[tuple[str, str]]] = {row: [] for row in rows.tolist()}
    is_asked = np.zeros(len(table), dtype=bool)
    is_asked[rows] = True
    for hit in found:
        for place in np.flatnonzero(is_asked[hit.rows]).tolist():
            by_row[int(hit.rows[place])].append((hit.key, hit.evidence[place]))
    due = due_rewards(table, np.arange(len(table)))
    cases = [
        make_case(table, scores, name, proposal, members, by_row, due)
        for (name, proposal), members in grouped.items()
    ]
    return tuple(sorted(cases, key=lambda case: (-case.expected_loss, case.case_id, case.proposal)))


def case_owners(table: ReferralTable, rings: Rings) -> Texts:
    """Whose case each referral belongs to: the ring of three or more of either side, else its referrer."""
    component = rings.component[rings.referee]
    component = np.where(rings.people[component] >= 3, component, rings.component[rings.referrer])
    in_ring = rings.people[component] >= 3
    names = ring_labels(table, rings)
    return np.array(
        [
            f"ring:{names[place]}" if ring else f"referrer:{referrer}"
            for place, ring, referrer in zip(
                component.tolist(), in_ring.tolist(), table.referrer_id.tolist(), strict=True
            )
        ],
        dtype=object,
    )


def of_one_account(table: ReferralTable, owners: Texts, rows: Rows) -> Texts:
    """``owners`` with one case for all of ``rows`` whose referrers are paid to one account, but for rings."""
    paid = [row for row in rows.tolist() if table.payout_hash[row] > 0]
    payees: dict[int, set[int]] = {}
    first: dict[int, str] = {}
    for row in paid:
        account = int(table.payout_hash[row])
        payees.setdefault(account, set()).add(int(table.referrer[row]))
        first.setdefault(account, table.referral_id[row])
    account_of = {
        referrer: f"{OF_ACCOUNT}{first[account]}"
        for account in sorted(payees, key=lambda account: (len(payees[account]), first[account]))
        for referrer in payees[account]
    }
    told = owners.copy()
    for row in rows.tolist():
        if told[row].startswith("referrer:"):
            told[row] = account_of.get(int(table.referrer[row]), told[row])
    return told


def ring_labels(table: ReferralTable, rings: Rings) -> dict[int, str]:
    """Name of each component: its first referral id, which does not depend on the order of rows."""
    sides = np.concatenate([rings.component[rings.referee], rings.component[rings.referrer]])
    places, first = np.unique(sides, return_index=True)
    first = first % len(table) if len(table) else first
    return dict(zip(places.tolist(), table.referral_id[first].tolist(), strict=True))


def make_case(
    table: ReferralTable,
    scores: Floats,
    name: str,
    proposal: str,
    members: list[int],
    by_row: dict[int, list[tuple[str, str]]],
    due: Floats,
) -> Case:
    """``due``: the reward of every referral that is still to be paid."""
    counts = Counter(key for row in members for key, _ in by_row[row])
    example = {key: evidence for row in reversed(members) for key, evidence in by_row[row]}
    places = np.array(members, dtype=np.intp)
    rewards, told = due[places], scores[places]
    return Case(
        case_id=name,
        referral_ids=tuple(table.referral_id[places].tolist()),
        referrer_ids=tuple(sorted(set(table.referrer_id[places].tolist()))),
        score=float(told.max()),
        at_risk=float(rewards.sum()),
        expected_loss=float((rewards * told).sum() / 100),
        paid=float(table.reward[places][~np.isnat(table.paid_at[places])].sum()),
        proposal=proposal,
        reasons=tuple(
            Reason(key, CATALOGUE[key].title, count, example[key], CATALOGUE[key].false_positives)
            for key, count in sorted(
                counts.items(), key=lambda item: (-item[1] * CATALOGUE[item[0]].weight, item[0])
            )
        ),
    )


def due_rewards(table: ReferralTable, rows: Rows) -> Floats:
    """The reward still to be paid for each of ``rows``: 0 unless it was won, kept and not paid yet."""
    due = ~np.isnat(table.won_at[rows]) & np.isnat(table.refunded_at[rows]) & np.isnat(table.paid_at[rows])
    return np.where(due, np.maximum(table.reward[rows], 0.0), 0.0)


def accuracy(flagged: Flags, fraud: Flags) -> Accuracy:
    """Precision and recall of ``flagged`` over labelled referrals; ``fraud`` is their label."""
    hit = float((flagged & fraud).sum())
    return Accuracy(wilson_rate(hit, float(flagged.sum())), wilson_rate(hit, float(fraud.sum())))


def case_accuracy(owners: Texts, flagged: Flags, fraud: Flags) -> Accuracy:
    """The same in cases: ``owners`` says whose case each labelled referral belongs to (``case_owners``).

    A case proposed for hold is right where at least half of its labelled referrals are fraud. A case of
    fraud (an owner with labelled fraud) is found where at least half of that fraud is proposed for hold.
    """
    names, owner = codes(owners)

    def count(rows: Flags) -> Floats:
        return np.bincount(owner[rows], minlength=len(names)).astype(np.float64)

    held, frauds, both = count(flagged), count(fraud), count(flagged & fraud)
    right, found = (held > 0) & (2 * both >= held), (frauds > 0) & (2 * both >= frauds)
    return Accuracy(
        wilson_rate(float(right.sum()), float((held > 0).sum())),
        wilson_rate(float(found.sum()), float((frauds > 0).sum())),
    )
