"""How good the proposals are, by what people decided: precision of the proposed, recall by a random sample.

What was proposed tells nothing of what was missed. Recall needs a random sample of what was *not* proposed;
the frauds missed are its share of fraud, times how many were not proposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.fraud.table import Floats
from programs.analytics.rates import exact_rate, wilson_rate

USUAL_HOLD = 50.0
BINS = (0.0, 10.0, 25.0, USUAL_HOLD, 75.0, 90.0, 100.0)
Verdict = bool | None
"""What people found of a referral: fraud, none, or nothing yet."""
NOTHING_KNOWN = (
    "Nothing is known of recall: people decide on what was proposed. Decide the cases of the random audit "
    "sample to learn what was missed."
)
NOTHING_DECIDED = "Nothing is known of recall or precision: nobody has decided a case that was proposed."


@dataclass(frozen=True, slots=True)
class Reliable:
    """Labelled referrals of a band of scores: how many, their mean score, the share that was fraud."""

    low: float
    high: float
    labels: int
    mean_score: float
    share: MaybeEstimate


def clustered_rate(fraud: Sequence[Sequence[bool]]) -> MaybeEstimate:
    """The share of fraud over decisions, each on several referrals at once, with Wilson's interval.

    One decision on ten referrals is not ten decisions: the interval is that of n/d referrals, d = Σm²/Σm the
    design effect of decisions of m (Kish 1965).
    """
    sizes = np.array([len(each) for each in fraud], dtype=np.float64)
    if not sizes.sum():
        return wilson_rate(0, 0)
    hits = float(sum(sum(each) for each in fraud))
    effect = float((sizes**2).sum() / sizes.sum())
    found = wilson_rate(hits / effect, float(sizes.sum()) / effect)
    assert isinstance(found, Estimate)
    return Estimate(
        found.value, found.low, found.high, found.level, found.standard_error, hits, float(sizes.sum()),
        "share", "wilson, by decision",
    )  # fmt: skip


def decided_rate(cases: Sequence[Sequence[Verdict]]) -> MaybeEstimate:
    """The share of fraud among all referrals of ``cases``, some of which nobody has decided (None).

    People decide the dearest or the plainest cases first, so what is decided is no sample of the others: the
    interval is that of the decided ones, widened to what the undecided ones can make of it, all honest or
    all fraud (Manski 1989).
    """
    decided = [[each for each in case if each is not None] for case in cases]
    found = clustered_rate([case for case in decided if case])
    if isinstance(found, Unavailable):
        return found
    assert found.low is not None and found.high is not None and found.numerator is not None
    total = sum(len(case) for case in cases)
    undecided = total - sum(len(case) for case in decided)
    return replace(
        found,
        low=min(found.low, found.numerator / total),
        high=max(found.high, (found.numerator + undecided) / total),
        method="wilson, by decision; undecided as either",
    )


def sampled_rate(sample: Sequence[Verdict], *, level: float = 0.95) -> MaybeEstimate:
    """The share of fraud that a random ``sample`` tells of, exact, where some of it may be undecided.

    People decide what looks suspicious first, so those undecided are counted as either.
    """
    fraud = sum(1 for each in sample if each)
    undecided = sum(1 for each in sample if each is None)
    decided = len(sample) - undecided
    if not decided:
        return Unavailable(NOTHING_KNOWN)
    least = exact_rate(fraud, len(sample), level=level)
    most = exact_rate(fraud + undecided, len(sample), level=level)
    assert isinstance(least, Estimate) and isinstance(most, Estimate)
    return replace(
        most, value=fraud / decided, low=least.low, numerator=float(fraud), denominator=float(decided),
        standard_error=None, method="exact; undecided as either",
    )  # fmt: skip


def audited_recall(
    proposed: Sequence[Verdict], sample: Sequence[Verdict], unproposed: int, *, level: float = 0.95
) -> MaybeEstimate:
    """Of all fraud the share that is proposed.

    ``proposed`` is what people say of each referral that is; ``sample`` what they say of each that was drawn
    at random out of the ``unproposed``. How many frauds are proposed is known but for the undecided ones,
    which count as either; so the interval is the sample's.
    """
    share = sampled_rate(sample, level=level)
    if isinstance(share, Unavailable):
        return share
    assert share.low is not None and share.high is not None
    decided = [each for each in proposed if each is not None]
    if proposed and not decided:
        return Unavailable(NOTHING_DECIDED)
    least = float(sum(decided))
    most = least + len(proposed) - len(decided)
    found = least / len(decided) * len(proposed) if decided else 0.0
    if not most and not share.value:
        return Unavailable("No fraud is known, neither among what was proposed nor in the audit sample.")
    value = found / (found + unproposed * share.value) if found else 0.0
    # Each fraud of the sample is one that was missed, whatever the interval says of the others.
    missed = max(unproposed * share.low, share.numerator or 0.0)
    return Estimate(
        value,
        least / (least + unproposed * share.high) if least else 0.0,
        most / (most + missed) if most else 0.0,
        level,
        numerator=found,
        denominator=found + unproposed * share.value,
        unit="share",
        method="random audit sample",
    )


def reliability(scores: Floats, fraud: Floats) -> tuple[Reliable, ...]:
    """Labelled referrals by band of score: where scores are chances, share and mean score agree."""
    return tuple(
        _band(
            low, high, scores[rows], wilson_rate(float(fraud[rows].sum()), int(rows.sum())), int(rows.sum())
        )
        for low, high, rows in bands_of(scores, BINS)
    )


def reliability_by_people(
    sampled: Floats,
    sample: Sequence[Verdict],
    proposed: Floats,
    verdicts: Sequence[Verdict],
    owners: Sequence[str],
    hold: float,
) -> tuple[Reliable, ...]:
    """The same where people label: below ``hold`` by the random sample alone, from there by decided cases.

    ``sampled`` and ``proposed`` are the scores of the ``sample`` and of what is proposed, whose cases are
    ``owners``. Cases that people decide below ``hold`` show a pattern and say nothing of the others there.
    """
    edges = tuple(sorted({*(edge for edge in BINS if edge != USUAL_HOLD), hold}))
    found = []
    for low, high, rows in bands_of(sampled, tuple(edge for edge in edges if edge <= hold)):
        told = [sample[place] for place in np.flatnonzero(rows).tolist()]
        count = sum(each is not None for each in told)
        found.append(_band(low, high, sampled[rows], sampled_rate(told), count))
    for low, high, rows in bands_of(proposed, tuple(edge for edge in edges if edge >= hold)):
        cases: dict[str, list[Verdict]] = {}
        for place in np.flatnonzero(rows).tolist():
            cases.setdefault(owners[place], []).append(verdicts[place])
        count = sum(each is not None for case in cases.values() for each in case)
        found.append(_band(low, high, proposed[rows], decided_rate(list(cases.values())), count))
    return tuple(found)


def bands_of(scores: Floats, edges: Sequence[float]) -> list[tuple[float, float, npt.NDArray[np.bool_]]]:
    """(from, to, which scores lie there) for each band between ``edges``; the last holds its upper end."""
    place = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, max(len(edges) - 2, 0))
    return [
        (low, high, place == band) for band, (low, high) in enumerate(zip(edges[:-1], edges[1:], strict=True))
    ]


def _band(low: float, high: float, scores: Floats, share: MaybeEstimate, labels: int) -> Reliable:
    return Reliable(low, high, labels, float(scores.mean()) if len(scores) else 0.0, share)


def brier_score(scores: Floats, fraud: Floats, weights: Floats | None = None) -> float:
    """Mean squared distance of the chances, 0 to 100, from what turned out (Brier 1950), as a share.

    ``weights`` say for how many referrals each of them stands.
    """
    return float(np.average((scores / 100 - fraud) ** 2, weights=weights))
