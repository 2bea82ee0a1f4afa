"""What a verification comes to: what contradicts the evidence, what is proved and what is not, and why.

A verdict of one word hides what nobody looked at. So each check ends in one of these lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ProofClaim:
    """One thing that a reader may rely on, or may not. ``ground``: by what it is proved, or why it is not."""

    what: str
    ground: str
    was_asked: bool = False
    """The reader gave a key, anchors or a witness for it."""


@dataclass(slots=True)
class Proof:
    """The three lists. ``findings`` are sentences that say where."""

    findings: list[str] = field(default_factory=list)
    proved: list[ProofClaim] = field(default_factory=list)
    not_proved: list[ProofClaim] = field(default_factory=list)

    def prove(self, what: str, by: str, *, asked: bool = False) -> None:
        self.proved.append(ProofClaim(what, by, asked))

    def leave(self, what: str, why: str, *, asked: bool = False) -> None:
        self.not_proved.append(ProofClaim(what, why, asked))

    def conclude(self, what: str, by: str, findings: Iterable[str], *, asked: bool = False) -> None:
        """Add what a check found, or the claim that it proves where it found nothing."""
        found = list(findings)
        self.findings += found
        if found:
            self.leave(what, "it is contradicted, see above", asked=asked)
        else:
            self.prove(what, by, asked=asked)

    @property
    def holds(self) -> bool:
        """Nothing contradicts, and all that the reader asked for is proved."""
        return not self.findings and not any(claim.was_asked for claim in self.not_proved)

    def lines(self) -> Iterator[str]:
        """The two lists as text."""
        for title, claims in (("Proved", self.proved), ("Not proved", self.not_proved)):
            yield f"{title}:"
            yield from (f"  {claim.what}: {claim.ground}" for claim in claims)
            if not claims:
                yield "  nothing"
