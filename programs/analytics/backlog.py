"""The action plan in order of what an action is expected to bring for the work it takes.

Where nobody knows what a unit of the effect is worth, its value is not known either, and not nothing: such
actions come after those with a value, in the order of how many units they are expected to bring.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.experiments import TestPlan

NOT_BY_MONEY = "Without margin: not ranked by money"


@dataclass(frozen=True, slots=True)
class ProposedAction:
    """One proposed action.

    ``chance_to_win`` 0..1; ``effect`` the change per unit of volume if it wins, with its interval
    (such as purchases per member and year); ``volume`` units touched (members); ``margin`` money per unit
    of effect, None where it is not known; ``effort`` person-days above 0. ``test`` is the experiment that
    would prove it, None where none of power 80 % for the effect valued is possible; ``proof`` says how it is
    judged then.
    """

    action: str
    owner: str
    due_date: date
    chance_to_win: float
    effect: Estimate
    volume: float
    margin: float | None
    effort: float
    evidence: str = ""
    test: TestPlan | None = None
    proof: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.chance_to_win <= 1:
            raise ValueError(f"{self.action}: the chance to win lies between 0 and 1.")
        if self.effort <= 0:
            raise ValueError(f"{self.action}: effort is a number of person-days above 0.")
        if self.volume < 0:
            raise ValueError(f"{self.action}: the volume touched is not negative.")


@dataclass(frozen=True, slots=True)
class RankedItem:
    """``expected_value`` = P(win) × effect × volume × margin − ``labour``; ``per_effort`` per person-day.

    ``expected_count`` = P(win) × effect × volume, in units of the effect.
    """

    rank: int
    item: ProposedAction
    expected_value: MaybeEstimate
    per_effort: MaybeEstimate
    expected_count: float
    labour: float


def prioritise(items: Iterable[ProposedAction], person_day_cost: float = 0.0) -> tuple[RankedItem, ...]:
    """Best value per person-day first; equals by earlier due date, then by name. Those without a value last.

    The interval carries the effect's alone. An item may rank last with a negative value: it stays
    visible, so that somebody decides against it.
    """
    scored = [
        (item, _scale(item, 1.0, person_day_cost), _scale(item, item.effort, person_day_cost))
        for item in items
    ]
    scored.sort(key=_order)
    return tuple(
        RankedItem(rank, item, value, score, count_of(item), person_day_cost * item.effort)
        for rank, (item, value, score) in enumerate(scored, start=1)
    )


def count_of(item: ProposedAction) -> float:
    return item.chance_to_win * item.volume * item.effect.value


def _order(row: tuple[ProposedAction, MaybeEstimate, MaybeEstimate]) -> tuple[bool, float, date, str]:
    item, _, score = row
    known = isinstance(score, Estimate)
    worth = score.value if isinstance(score, Estimate) else count_of(item) / item.effort
    return not known, -worth, item.due_date, item.action


def _scale(item: ProposedAction, divisor: float, person_day_cost: float) -> MaybeEstimate:
    if item.margin is None:
        return Unavailable(f"{NOT_BY_MONEY}.")
    effect = item.effect
    factor = item.chance_to_win * item.volume * item.margin / divisor
    labour = person_day_cost * item.effort / divisor
    ends = [None if end is None else end * factor - labour for end in (effect.low, effect.high)]
    # A negative margin turns the interval round.
    low, high = ends if factor >= 0 else reversed(ends)
    return Estimate(
        effect.value * factor - labour,
        low,
        high,
        effect.level,
        None if effect.standard_error is None else effect.standard_error * abs(factor),
        unit="money" if divisor == 1.0 else "money per person-day",
        method=effect.method,
    )
