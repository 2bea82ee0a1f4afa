"""The risk review: every heuristic, one score a referral, cases for people to decide."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from scipy.special import expit, logit

from programs.analytics.fraud import identity, timing, traffic
from programs.analytics.fraud.calibration import calibrated
from programs.analytics.fraud.catalogue import CATALOGUE, PACE, Hits
from programs.analytics.fraud.fit import Fit, fit_scores
from programs.analytics.fraud.normalise import Texts
from programs.analytics.fraud.numbers import Rows
from programs.analytics.fraud.peers import Pattern, pattern_hits
from programs.analytics.fraud.rings import find_rings, loops, ring_hits
from programs.analytics.fraud.scoring import (
    Case,
    Flags,
    case_owners,
    due_rewards,
    gather_cases,
    of_one_account,
    score_parts,
)
from programs.analytics.fraud.table import Floats, Population, ReferralTable

NO_LABELS: Mapping[str, tuple[bool, float]] = MappingProxyType({})
PAID_CLICKS = "peer_paid_clicks"
OF_A_HOME = 0.7
"""What one card of two people who may live together weighs of that of two who do not."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the program decided. Scores in 0–100, times as named, ``prior`` as a share.

    ``weights`` replace those of the catalogue. ``known_parties`` are referrers and partners who enter the
    orders of others, by level: what their browser and their pace show is no sign. ``known_traces`` are of
    many people, by kind: whoever reads the data leaves them out, and here the addresses.
    """

    holding_days: float = 30.0
    too_fast_seconds: float = 30.0
    velocity_hours: float = 1.0
    trace_cap: int = 50
    place_cap: int = 6
    prior: float = 0.02
    hold: float = 50.0
    review: float = 25.0
    minimum_order: float | None = None
    disposable_domains: Collection[str] = ()
    banned_sources: Collection[str] = ()
    allowed_channels: Collection[str] = ()
    paid_traffic_allowed: bool = False
    weights: Mapping[str, float] = field(default_factory=dict)
    known_parties: Mapping[str, Collection[str]] = field(default_factory=dict)
    known_traces: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """Scores in the order of ``referral_ids``, the hits behind them, the cases, and the money at risk.

    ``owners`` says whose case each referral is, or would be; ``unseen`` is the score of a referral that the
    table leaves out, ``fit`` what labels made of the policy's prior and weights.
    """

    referral_ids: tuple[str, ...]
    owners: Texts
    scores: Floats
    unseen: float
    fit: Fit
    hits: tuple[Hits, ...]
    cases: tuple[Case, ...]
    at_risk: float


def known_rows(table: ReferralTable, policy: Policy) -> Flags:
    """Rows of parties whom the program declared to enter the orders of others."""
    known = np.zeros(len(table), dtype=bool)
    for names, column in (("referrer", table.referrer_id), ("partner", table.partner_id)):
        known |= np.isin(column, list(policy.known_parties.get(names, ())))
    return known


def review(
    table: ReferralTable,
    policy: Policy,
    population: Population | None = None,
    *,
    within: Flags | None = None,
    patterns: Sequence[Pattern] = (),
    labels: Mapping[str, tuple[bool, float]] = NO_LABELS,
) -> Review:
    """Run every heuristic over ``table`` under ``policy``. Does not depend on the order of rows.

    ``population`` describes all referrals where the table leaves out those no heuristic can fire on; a
    referral left out scores the prior. ``within``: gather only cases with one of these referrals.
    ``patterns`` of whole referrers and partners weigh on their orders (``peers.find_patterns``).
    ``labels`` refit the scores: referral → whether people found it fraud, and how much that counts.
    """
    everybody = population or Population.of(table)
    rings = find_rings(table, cap=policy.trace_cap)
    selves = identity.self_referrals(
        table, cap=policy.place_cap, known_addresses=policy.known_traces.get("address", ())
    )
    traces = identity.shared_traces(table, everybody, cap=policy.trace_cap)
    at_home, perhaps = identity.living_together(table, traces[0].rows)
    apart = ~np.isin(traces[0].rows, np.concatenate([at_home, perhaps]))
    traces[0] = weighed(traces[0], np.where(apart, 1.0, OF_A_HOME))
    together = identity.shared_ip_agent(table, cap=policy.place_cap)
    tied = np.unique(np.concatenate([hit.rows for hit in (selves[-1], *traces)]))
    # A family pays with one card; who enters a friend's order at the own desk is quick, and so are people who
    # stand together before a poster, all at once.
    payment, *browser = (hit.rows for hit in traces[:3])
    namesakes = np.intersect1d(selves[-1].rows, np.concatenate(browser))
    at_one_place = np.unique(np.concatenate([*browser, together.rows]))
    explained = {"payment": np.setdiff1d(at_home, namesakes), PACE: at_one_place}
    accounts = identity.shared_payout(table, cap=policy.trace_cap)
    burst = timing.velocity(table, everybody, window_hours=policy.velocity_hours)
    patterns = [each for each in patterns if not (policy.paid_traffic_allowed and each.sign == PAID_CLICKS)]
    found = (
        *selves,
        *traces,
        identity.alike_mailboxes(table, tied),
        accounts,
        together,
        ring_hits(rings),
        identity.disposable(table, everybody, policy.disposable_domains),
        identity.mailbox_variants(table),
        identity.sequential_mailboxes(table),
        kept(burst, ~np.isin(burst.rows, at_one_place)),
        timing.too_fast(table, seconds=policy.too_fast_seconds),
        timing.refund_after_hold(table, holding_days=policy.holding_days),
        timing.refund_rate(table, everybody),
        traffic.banned_source(table, policy.banned_sources, policy.allowed_channels),
        *([] if policy.paid_traffic_allowed else [traffic.paid_traffic(table, everybody)]),
        *loops(rings),
        *pattern_hits(table, patterns, "referrer"),
    )
    own, of_partner = (
        calibrated(hits, table, everybody, policy.weights, known_rows(table, policy))
        for hits in (found, pattern_hits(table, patterns, "partner"))
    )
    parts = score_parts(len(table), own, explained=explained)
    base = float(logit(policy.prior))
    fit = fit_labels(table, parts, base, labels)
    scores = np.asarray(100 * expit(fit.log_odds(base, parts, len(table))), dtype=np.float64)
    # What a partner did as a whole says nothing of one referrer: it stands beside their own evidence.
    partners = fit.log_odds(base, score_parts(len(table), of_partner), len(table))
    partners = np.where(np.isin(np.arange(len(table)), rows_of(of_partner)), 100 * expit(partners), 0.0)
    several = accounts.rows[accounts.weights > CATALOGUE[accounts.key].weight]
    owners = of_one_account(table, case_owners(table, rings), several)
    of_whole = np.flatnonzero(partners > scores)
    owners[of_whole] = [f"partner:{name}" for name in table.partner_id[of_whole]]
    scores = np.maximum(scores, partners)
    hits = (*own, *(kept(hit, np.isin(hit.rows, of_whole)) for hit in of_partner))
    cases = gather_cases(table, hits, scores, owners, hold=policy.hold, review=policy.review, within=within)
    return Review(
        referral_ids=tuple(table.referral_id.tolist()),
        owners=owners,
        scores=scores,
        unseen=float(100 * expit(base + fit.shift)),
        fit=fit,
        hits=hits,
        cases=cases,
        at_risk=float(due_rewards(table, np.flatnonzero(scores >= policy.hold)).sum()),
    )


def kept(hit: Hits, places: Flags) -> Hits:
    """The hits at some of their places."""
    said = tuple(text for text, keep in zip(hit.evidence, places.tolist(), strict=True) if keep)
    return Hits(hit.key, hit.rows[places], hit.weights[places], said)


def weighed(hit: Hits, share: Floats) -> Hits:
    return Hits(hit.key, hit.rows, hit.weights * share, hit.evidence)


def rows_of(hits: Iterable[Hits]) -> Rows:
    return np.unique(np.concatenate([np.zeros(0, dtype=np.intp), *(hit.rows for hit in hits)]))


def fit_labels(
    table: ReferralTable, parts: Mapping[str, Floats], base: float, labels: Mapping[str, tuple[bool, float]]
) -> Fit:
    """The fit to ``labels``: referral → (fraud, weight). One that was left out shows no evidence."""
    place = {key: row for row, key in enumerate(table.referral_id.tolist()) if key in labels}
    rows = np.array([place.get(key, -1) for key in labels], dtype=np.intp)
    seen = {
        family: np.where(rows >= 0, part[rows] if len(part) else 0.0, 0.0) for family, part in parts.items()
    }
    fraud, weights = (
        np.array([said[position] for said in labels.values()], dtype=np.float64) for position in (0, 1)
    )
    return fit_scores(base, seen, fraud, weights)
