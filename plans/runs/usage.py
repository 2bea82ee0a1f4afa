"""The usage line of the runbooks: ``/plugin:name --option value``, quotes and commas included.

The plugin may be left out where one alone has a command of that name.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gtm.core.errors import Problem
from plans.schemas.declaration import Command

MAX_LENGTH = 4000
_SMART_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "\u00a0": " "})
_PATH = re.compile(r"^/(?:(?P<plugin>[a-z0-9-]+):)?(?P<name>[a-z0-9-]+)$")
_OPTION = re.compile(r"^--(?P<name>[A-Za-z][A-Za-z0-9_-]*)(?:=(?P<value>.*))?$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class UsageLine:
    """A line taken apart. Names are as typed, the plugin may be empty; values are text."""

    plugin: str = ""
    name: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def command(self) -> str:
        """The command's key, or its name alone."""
        return f"{self.plugin}:{self.name}" if self.plugin else self.name


def parse(text: str) -> UsageLine:
    """Take a usage line apart. What is wrong comes back in ``problems``, all of it."""
    if len(text) > MAX_LENGTH:
        return _refused(f"the line is longer than {MAX_LENGTH} characters.")
    try:
        words = shlex.split(text.translate(_SMART_QUOTES).strip())
    except ValueError:
        return _refused("a quotation mark is opened and not closed.")
    if not words:
        return _refused("the line is empty. A usage line starts with /plugin:command.")
    match = _PATH.match(words[0].lower())
    if not match:
        return _refused(f"“{words[0]}” is not a command. A usage line starts with /plugin:command.")
    options: dict[str, str] = {}
    problems: list[Problem] = []
    rest = words[1:]
    while rest:
        rest = _take_option(rest, options, problems)
    return UsageLine(match["plugin"] or "", match["name"], options, tuple(problems))


def _take_option(words: Sequence[str], options: dict[str, str], problems: list[Problem]) -> Sequence[str]:
    head, *rest = words
    match = _OPTION.match(head)
    if not match:
        problems.append(
            Problem(
                "usage",
                (
                    f"“{head}” belongs to no option. An option starts with --. A value with spaces "
                    "needs quotes."
                ),
            )
        )
        return rest
    name, value = match["name"], match["value"]
    if value is None:
        if not rest or _OPTION.match(rest[0]):
            problems.append(Problem(name, "has no value.", code="required"))
            return rest
        value, *rest = rest
    if name in options:
        problems.append(Problem(name, "is given twice."))
        return rest
    options[name] = value
    return rest


def write(command: Command, inputs: Mapping[str, Any]) -> str:
    """The line that reproduces a run."""
    words = [command.path]
    for spec in command.inputs:
        if spec.name in inputs:
            words += [f"--{spec.flag or spec.name}", _quoted(spec.write(inputs[spec.name]))]
    return " ".join(words)


def _quoted(value: str) -> str:
    """Double quotes as the documents write them, only where they are needed."""
    if re.fullmatch(r"[A-Za-z0-9_.:/@%+-]+", value):
        return value
    escaped = re.sub(r'(["\\$`])', r"\\\1", value)
    return f'"{escaped}"'


def _refused(message: str) -> UsageLine:
    return UsageLine(problems=(Problem("usage", message),))
