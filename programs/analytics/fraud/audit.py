"""How good the proposals are, by what people decided: precision of the proposed, recall by a random sample.

What was proposed tells nothing of what was missed. Recall needs a random sample of what was *not* proposed;
the frauds missed are its share of fraud, times how many were not proposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.fraud.table import Floats
from programs.analytics.rates import wilson_rate

BINS = (0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 100.0)
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


def audited_recall(
    precision: MaybeEstimate, proposed: int, missed: int, sampled: int, unproposed: int
) -> MaybeEstimate:
    """Of all fraud the share that is proposed, with an interval of at least 95 %.

    ``precision`` of the ``proposed``; ``missed`` frauds of ``sampled`` at random out of ``unproposed``. The
    ends join the ends of both shares, each of 97.5 % so that together they hold in 95 % of the cases
    (Bonferroni).
    """
    if not sampled:
        return Unavailable(NOTHING_KNOWN)
    if proposed and isinstance(precision, Unavailable):
        return Unavailable(NOTHING_DECIDED)
    share = wilson_rate(missed, sampled, level=0.975)
    assert isinstance(share, Estimate) and share.low is not None and share.high is not None
    found = low = high = 0.0
    if isinstance(precision, Estimate):
        ends = wilson_rate(precision.value * _worth(precision), _worth(precision), level=0.975)
        assert isinstance(ends, Estimate) and ends.low is not None and ends.high is not None
        found, low, high = (proposed * end for end in (precision.value, ends.low, ends.high))
    if not found and not missed:
        return Unavailable("No fraud is known, neither among what was proposed nor in the audit sample.")
    value = found / (found + unproposed * share.value)
    return Estimate(
        value,
        low / (low + unproposed * share.high) if low else 0.0,
        high / (high + unproposed * share.low) if high else 0.0,
        0.95,
        numerator=found,
        denominator=found + unproposed * share.value,
        unit="share",
        method="random audit sample",
    )


def _worth(rate: Estimate) -> float:
    """How many independent decisions a rate is worth, from the width of its interval's own error."""
    if not 0 < rate.value < 1 or not rate.standard_error:
        assert rate.low is not None and rate.high is not None
        # Wilson's end at a share of 0 or 1: z²/(n + z²).
        width = rate.high - rate.low
        return max(3.8415 * (1 - width) / width, 1.0) if width else 1e9
    return max(rate.value * (1 - rate.value) / rate.standard_error**2, 1.0)


def reliability(scores: Floats, fraud: Floats) -> tuple[Reliable, ...]:
    """Labelled referrals by band of score: where scores are chances, share and mean score agree."""
    place = np.clip(np.searchsorted(BINS, scores, side="right") - 1, 0, len(BINS) - 2)
    found = []
    for band, (low, high) in enumerate(zip(BINS[:-1], BINS[1:], strict=True)):
        rows = place == band
        mean = float(scores[rows].mean()) if rows.any() else 0.0
        found.append(
            Reliable(low, high, int(rows.sum()), mean, wilson_rate(float(fraud[rows].sum()), int(rows.sum())))
        )
    return tuple(found)


def brier_score(scores: Floats, fraud: Floats) -> float:
    """Mean squared distance of the chances, 0 to 100, from what turned out (Brier 1950), as a share."""
    return float(((scores / 100 - fraud) ** 2).mean())
