"""Launch readiness: how much is done, and whether anything open forbids the launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gtm.core.percents import percent_text
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable

GO, NO_GO = "go", "no-go"


@dataclass(frozen=True, slots=True)
class ReadinessItem:
    """Something that has to be ready.

    ``progress`` runs from 0 to 1; ``weight`` says how much it counts against the others. An open ``blocker``
    vetoes the launch whatever its weight. ``waiver``: the reason why somebody entitled left it out.
    Raises ValueError for a progress or a weight that makes no sense.
    """

    key: str
    title: str
    progress: float
    weight: float = 1.0
    group: str = ""
    is_blocker: bool = False
    waiver: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.progress <= 1:
            raise ValueError(f"{self.title}: progress {self.progress} lies outside 0 to 1.")
        if not 0 < self.weight < float("inf"):
            raise ValueError(f"{self.title}: weight {self.weight} is not positive.")

    @property
    def is_open(self) -> bool:
        return self.progress < 1 and not self.waiver


@dataclass(frozen=True, slots=True)
class Readiness:
    """``share`` = Σ weight · progress / Σ weight with both sums; ``reasons`` say why it is a no-go."""

    share: MaybeEstimate
    decision: str
    reasons: tuple[str, ...]
    open_blockers: tuple[ReadinessItem, ...]
    waived: tuple[ReadinessItem, ...]
    by_group: Mapping[str, MaybeEstimate]


def readiness(items: Sequence[ReadinessItem], *, minimum: float = 0.95) -> Readiness:
    """Go only if ``minimum`` (a share) is reached and no blocker is open: 97 % without legal is a no-go.

    Waived items count on neither side and are listed.
    """
    counted = [item for item in items if not item.waiver]
    share = weighted_progress(counted)
    blockers = tuple(item for item in counted if item.is_blocker and item.is_open)
    reasons = _vetoes([item.title for item in blockers])
    if isinstance(share, Unavailable):
        reasons.append(share.reason)
    elif share.value < minimum:
        reasons.append(f"Ready to {percent_text(share.value)}, {percent_text(minimum)} is asked for.")
    groups = sorted({item.group for item in counted})
    return Readiness(
        share=share,
        decision=NO_GO if reasons else GO,
        reasons=tuple(reasons),
        open_blockers=blockers,
        waived=tuple(item for item in items if item.waiver),
        by_group=MappingProxyType(
            {group: weighted_progress([item for item in counted if item.group == group]) for group in groups}
        ),
    )


def _vetoes(titles: Sequence[str]) -> list[str]:
    if len(titles) > 1:
        return [f"Open and blocking the launch: {'; '.join(titles)}."]
    return [f"{title} is open and blocks the launch." for title in titles]


def weighted_progress(items: Sequence[ReadinessItem]) -> MaybeEstimate:
    """Σ weight · progress / Σ weight. A count of all items, not a sample: there is no interval."""
    total = sum(item.weight for item in items)
    if not total:
        return Unavailable("There is nothing that has to be ready.")
    done = sum(item.weight * item.progress for item in items)
    # The quotient of sums of weights may land a hair above 1 or below a minimum it meets.
    return Estimate(
        round(done / total, 12), numerator=done, denominator=total, unit="share", method="weighted"
    )
