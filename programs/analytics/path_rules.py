"""What partners agree that a path is made of: which touches of a journey count."""

from __future__ import annotations

from dataclasses import dataclass

DIRECT = frozenset({"direct", "none", "(none)", "(direct)", "typed"})
"""Channels that say that nobody sent the person."""


@dataclass(frozen=True, slots=True)
class PathRules:
    """Direct touches left out, repeats of a source in a row as one, and only the last ``longest`` touches."""

    exclude_direct: bool = False
    collapse_repeats: bool = False
    longest: int | None = None

    @property
    def sentence(self) -> str:
        """For the reader; empty where all touches count."""
        said = [
            "direct visits only where nothing else came before" if self.exclude_direct else "",
            "repeats of a source in a row as one" if self.collapse_repeats else "",
            f"the last {self.longest} touches" if self.longest else "",
        ]
        told = "; ".join(filter(None, said))
        return f"By the agreement paths hold {told}." if told else ""
