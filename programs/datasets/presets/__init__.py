"""Presets: how to read the exports that people hold, each a file of data with a made-up sample beside it.

``<name>.toml`` says kind, mapping (ours = theirs) and the options of a load; see ``loading.limits.CHOICES``.
A preset works wherever a program's own load profile does.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

HOME = Path(str(files(__package__)))


@dataclass(frozen=True, slots=True)
class LoadPreset:
    """``sample`` is the made-up file beside it; ``header_from`` says where the form of it is public."""

    name: str
    title: str
    kind: str
    about: str
    header_from: str
    sample: Path
    mapping: dict[str, str]
    options: dict[str, str]


@cache
def presets() -> dict[str, LoadPreset]:
    """Every preset by its name."""
    found = {}
    for file in sorted(HOME.glob("*.toml")):
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        sample = HOME / told.pop("sample")
        found[file.stem] = LoadPreset(name=file.stem, sample=sample, **told)
    return found
