"""The part of ``requirements.lock`` that a lane installs.

``python gtm/trial/lanes.py run < requirements.lock`` prints what `make run` needs.
One lock holds every package with its hashes, and says under each which others ask for it (``# via``). A lane
takes what its lists in ``pyproject.toml`` name, and all that those ask for. It runs before anything is
installed, so it reads with the standard library alone.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

LANES: Mapping[str, tuple[str, ...]] = {
    "run": (),
    "test": ("dev", "s3", "clickhouse", "tracing"),
    "image": ("s3", "tracing"),
}
"""Lane → the extras of ``pyproject.toml`` beside what the product itself needs."""

PROJECT = "gtm-governance"
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==")
_NAME = re.compile(r"^[A-Za-z0-9._-]+")
_ASKED_BY = re.compile(r"^    #(?: via)?(?:\s+(?P<name>\S+).*)?$")


class UnknownPackage(ValueError):
    """A list names a package that the lock does not hold; ``make lock`` resolves it anew."""


def normal(name: str) -> str:
    """The name as an index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names_of(project: Mapping[str, object], lane: str) -> set[str]:
    """The packages that ``pyproject.toml`` names for a lane. ``project`` is its table of that name."""
    extras = project.get("optional-dependencies", {})
    assert isinstance(extras, Mapping)
    lists = [project["dependencies"], *(extras.get(extra, []) for extra in LANES[lane])]
    found = (_NAME.match(line) for lines in lists for line in lines)  # type: ignore[attr-defined]
    return {normal(match[0]) for match in found if match}


def part_of(lock: str, wanted: set[str]) -> str:
    """The blocks of ``lock`` for ``wanted`` and for all that they ask for, in the lock's order.

    Raises UnknownPackage where a wanted name is not in the lock.
    """
    blocks = [block for block in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.M) if _PIN.match(block)]
    names = [normal(_PIN.match(block)["name"]) for block in blocks]  # type: ignore[index]
    if missing := sorted(wanted - set(names)):
        raise UnknownPackage(f"requirements.lock holds no {', '.join(missing)}: make lock resolves it anew.")
    asked_by = [_asked_by(block) for block in blocks]
    kept = set(wanted)
    while more := {name for name, by in zip(names, asked_by, strict=True) if by & kept} - kept:
        kept |= more
    return "".join(block for name, block in zip(names, blocks, strict=True) if name in kept)


def _asked_by(block: str) -> set[str]:
    lines = block.splitlines()
    start = next((n for n, line in enumerate(lines) if line.strip().startswith("# via")), len(lines))
    found = (_ASKED_BY.match(line) for line in lines[start:])
    return {normal(match["name"]) for match in found if match and match["name"]}


def main(lane: str) -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    sys.stdout.write(part_of(sys.stdin.read(), names_of(project, lane)))


if __name__ == "__main__":
    main(*sys.argv[1:])
