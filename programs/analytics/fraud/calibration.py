"""What a program's own data say of a sign: how many of its referrers show it who can hardly all be frauds.

An expert's weight is a likelihood ratio, P(sign | fraud) / P(sign | honest). The second chance is not the
expert's to know: in one program every agency enters its leads on its own computer, in another hardly anybody
shares a device. It can be read from the data without a label, because fraud is rare: of referrers who show a
sign, beyond what frauds can come to, the rest are honest (the no-label bound of Elkan and Noto 2008).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from programs.analytics.fraud.catalogue import BURST, CATALOGUE, HOME, PACE, Hits
from programs.analytics.fraud.peers import SIGNS
from programs.analytics.fraud.table import Population, ReferralTable

SENSITIVITY = 0.5
"""P(sign | fraud) that the weights of the catalogue stand for: half of the frauds of its kind show a sign."""
MOST_FRAUD = 0.10
"""A program in which more referrers than this were frauds would not need a screen."""
SOME_FRAUDS = 3.0
"""So many there may be in a program of any size."""
STRENGTH = 100.0
"""The expert's word counts as much as this many referrers."""


def honest_share(weight: float, shown: int, referrers: int, *, most_fraud: float = MOST_FRAUD) -> float:
    """P(sign | honest) of a sign that ``shown`` of ``referrers`` show, or what ``weight`` says if more."""
    expert = SENSITIVITY * float(np.exp(-weight))
    frauds = max(most_fraud * SENSITIVITY * referrers, SOME_FRAUDS)
    honest = max(shown - frauds, 0.0) / (1 - most_fraud)
    return max(expert, (expert * STRENGTH + honest) / (STRENGTH + referrers))


def calibrated(
    found: Iterable[Hits],
    table: ReferralTable,
    people: Population,
    weights: Mapping[str, float],
    known: npt.NDArray[np.bool_],
) -> tuple[Hits, ...]:
    """The hits, each sign lowered by the share of the program's referrers who show it.

    A weight in ``weights`` is the program's own word and stays as it is. ``known`` rows are of parties who
    enter the orders of others: their browser and pace are no sign.
    """
    lowered = []
    for hit in found:
        if known.any() and CATALOGUE[hit.key].family in (HOME, PACE, BURST):
            kept = ~known[hit.rows]
            said = tuple(text for text, keep in zip(hit.evidence, kept.tolist(), strict=True) if keep)
            hit = Hits(hit.key, hit.rows[kept], hit.weights[kept], said)
        if hit.key in weights:
            lowered.append(replace(hit, weights=hit.weights * (weights[hit.key] / CATALOGUE[hit.key].weight)))
            continue
        if hit.key in SIGNS:  # held against peers already
            lowered.append(hit)
            continue
        expert = CATALOGUE[hit.key].weight
        shown = len(np.unique(table.referrer[hit.rows]))
        share = honest_share(expert, shown, max(people.referrers, shown))
        weight = max(float(np.log(SENSITIVITY / share)), 0.0) if share < SENSITIVITY else 0.0
        lowered.append(replace(hit, weights=hit.weights * (weight / expert)))
    return tuple(lowered)
