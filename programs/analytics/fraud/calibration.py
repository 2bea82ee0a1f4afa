"""What a program's own data say of a sign: how many of its referrers show it who can hardly all be frauds.

An expert's weight is a likelihood ratio, P(sign | fraud) / P(sign | honest). The second chance is not the
expert's to know: in one program every agency enters its leads on its own computer, in another hardly anybody
shares a device. It can be read from the data without a label, because fraud is rare: of referrers who show a
sign, beyond what frauds can come to, the rest are honest (the no-label bound of Elkan and Noto 2008).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from programs.analytics.fraud.catalogue import CATALOGUE, Hits
from programs.analytics.fraud.peers import SIGNS
from programs.analytics.fraud.table import Population, ReferralTable

SENSITIVITY = 0.5
"""P(sign | fraud) that the weights of the catalogue stand for: half of the frauds of its kind show a sign."""
MOST_FRAUD = 0.10
"""A program in which more referrers than this were frauds would not need a screen."""
STRENGTH = 100.0
"""The expert's word counts as much as this many referrers."""


def honest_share(weight: float, shown: int, referrers: int, *, most_fraud: float = MOST_FRAUD) -> float:
    """P(sign | honest) of a sign of expert ``weight`` that ``shown`` of ``referrers`` show, at least the expert's."""
    expert = SENSITIVITY * float(np.exp(-weight))
    honest = max(shown - most_fraud * SENSITIVITY * referrers, 0.0) / (1 - most_fraud)
    return max(expert, (expert * STRENGTH + honest) / (STRENGTH + referrers))


def calibrated(found: Iterable[Hits], table: ReferralTable, people: Population) -> tuple[Hits, ...]:
    """The hits, each sign lowered by the share of the program's referrers who show it."""
    lowered = []
    for hit in found:
        if hit.key in SIGNS:  # held against peers already
            lowered.append(hit)
            continue
        expert = CATALOGUE[hit.key].weight
        shown = len(np.unique(table.referrer[hit.rows]))
        share = honest_share(expert, shown, max(people.referrers, shown))
        weight = max(float(np.log(SENSITIVITY / share)), 0.0) if share < SENSITIVITY else 0.0
        lowered.append(replace(hit, weights=hit.weights * (weight / expert)))
    return tuple(lowered)
