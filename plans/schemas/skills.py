"""Skills as procedures: what is checked, where the method says so, and which step or person does it.

A skill is a file of the product, ``plans/skills/<name>.toml``. A step cites it by its name; the plan keeps
what was cited, in the version of its start. ``plans/skills/published.toml`` holds the digest of every version
that was published: a text that changes gets a version of its own. Pure.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any

from gtm.core import canonical

PEOPLE = "people"
"""Who does a point that no code does."""


@dataclass(frozen=True, slots=True)
class FollowedBy:
    """The step of a command that does a point: its key, the code behind it, and the value it leaves.

    ``code`` is "package.module:function", or "" where people do it; ``shows`` is the place of the value in
    what the step made, or "" where being done is all there is to show.
    """

    command: str
    task: str
    code: str = ""
    shows: str = ""


@dataclass(frozen=True, slots=True)
class ProcedurePoint:
    """What is checked. ``passage`` is the method's own words, in the document ``source``."""

    key: str
    checks: str
    source: str
    passage: str
    steps: Sequence[FollowedBy]

    @property
    def passage_digest(self) -> str:
        return hashlib.sha256(self.passage.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Skill:
    """A procedure in one version. ``digest`` is that of its whole content."""

    name: str
    version: int
    title: str
    purpose: str
    points: Sequence[ProcedurePoint]

    @property
    def digest(self) -> str:
        return canonical.digest(canonical.plain(asdict(self)))

    def points_of(self, command: str) -> list[tuple[ProcedurePoint, FollowedBy]]:
        """Each point that a command follows, with the step that does it."""
        return [(point, step) for point in self.points for step in point.steps if step.command == command]


@dataclass(frozen=True, slots=True)
class CitedPoint:
    """A point as a plan keeps it: for the one step of its command that does it."""

    key: str
    checks: str
    source: str
    passage: str
    passage_digest: str
    task: str
    code: str = ""
    shows: str = ""


@dataclass(frozen=True, slots=True)
class CitedSkill:
    """A skill as a plan keeps it, in the version of its start."""

    name: str
    version: int
    title: str
    digest: str
    points: Sequence[CitedPoint]


def cited(names: Iterable[str], command: str) -> list[CitedSkill]:
    """The procedures of these names as a plan of ``command`` cites them, each once, by name."""
    return [_cited(find(name), command) for name in sorted(set(names))]


def _cited(skill: Skill, command: str) -> CitedSkill:
    points = [
        CitedPoint(p.key, p.checks, p.source, p.passage, p.passage_digest, step.task, step.code, step.shows)
        for p, step in skill.points_of(command)
    ]
    return CitedSkill(skill.name, skill.version, skill.title, skill.digest, points)


def find(name: str) -> Skill:
    """The skill of a name. Raises KeyError where there is none."""
    return every()[name]


@cache
def every() -> Mapping[str, Skill]:
    """Every skill of the product by its name. Raises ValueError naming the file that is not well formed."""
    folder = resources.files("plans") / "skills"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda f: f.name)
    found = {}
    for file in files:
        if file.name != "published.toml":
            skill = read(tomllib.loads(file.read_text(encoding="utf-8")), file.name)
            found[skill.name] = skill
    return found


@cache
def published() -> Mapping[str, Mapping[str, str]]:
    """Skill → version → digest of what was published under it."""
    text = (resources.files("plans") / "skills" / "published.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def read(told: Mapping[str, Any], file: str) -> Skill:
    """A skill from its file. Raises ValueError with what is wrong and where."""
    try:
        points = [
            ProcedurePoint(**point | {"steps": tuple(FollowedBy(**step) for step in point["steps"])})
            for point in told["points"]
        ]
        skill = Skill(**{**told, "points": tuple(points)})
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file} is no skill: {error}") from error
    if file != f"{skill.name}.toml":
        raise ValueError(f"{file} holds the skill {skill.name}; a skill is in a file of its own name.")
    bare = [p.key for p in points if not (p.checks and p.source and p.passage and p.steps)]
    if bare or not points:
        raise ValueError(
            f"{file}: a point says what it checks, the passage and its source, and which step does it; "
            f"missing in {', '.join(bare) or 'all of it'}."
        )
    return skill
