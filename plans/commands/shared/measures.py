"""KPIs from the registry's own words: what a definition names is what is counted, or the reason why it is not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gtm.core.later import later
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable

if TYPE_CHECKING:
    from programs.analytics import rates
else:
    rates = later("programs.analytics.rates")

MONEY, EVENTS = "money", "events"
NESTED = {"members", "answers", "invitations"}
"""Of these one sum counts part of what the other counts, so that their ratio is a share."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A sum that a definition may name; ``counts`` what it counts, ``needs`` the dataset without which it is not
    known."""

    column: str
    counts: str
    needs: str = ""


def compute(
    metric: Mapping[str, Any],
    sums: Mapping[str, float],
    measures: Mapping[str, Measure],
    loaded: Collection[str],
    *,
    currency: str,
) -> MaybeEstimate:
    """A KPI from the sums of a window or a group. A share has Wilson's interval, a ratio of other counts that of
    ``count_ratio``; anything else has none."""
    words = [word for word in (metric["numerator"], metric["denominator"]) if word]
    for word in words:
        if word not in measures:
            return Unavailable(f"The registry counts “{word}”; this command counts {', '.join(measures)}.")
        if (needs := measures[word].needs) and needs not in loaded:
            return Unavailable(
                f"No {needs.replace('_', ' ')} are loaded; load them with load_dataset {needs}."
            )
    found = [measures[word] for word in words]
    values = [float(sums.get(measure.column, 0)) for measure in found]
    if len(values) == 1:
        return Estimate(values[0], unit=currency if found[0].counts == MONEY else found[0].counts)
    if values[1] <= 0:
        return Unavailable(f"There were no {words[1]} in the window.")
    kinds = {measure.counts for measure in found}
    if len(kinds) == 1 and kinds <= NESTED and values[0] <= values[1]:
        return rates.wilson_rate(int(values[0]), int(values[1]))
    if kinds == {EVENTS}:
        return rates.count_ratio(values[0], values[1])
    return Estimate(values[0] / values[1], numerator=values[0], denominator=values[1])


def as_defined(metric: Mapping[str, Any], expected: tuple[str, str], value: MaybeEstimate) -> MaybeEstimate:
    """``value`` where the registry's words are those of the method that found it; else the figure would not be
    what they say."""
    if (metric["numerator"], metric["denominator"]) == expected:
        return value
    words = " / ".join(word for word in expected if word)
    return Unavailable(
        f"The registry defines this otherwise than as “{words}”, which is what is computed here."
    )
