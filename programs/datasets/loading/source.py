"""What is loaded: a file, and the name its owner knows it by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """A file to load: where it is, and the name the user knows it by."""

    path: Path
    name: str = ""

    @property
    def label(self) -> str:
        return self.name or self.path.name
