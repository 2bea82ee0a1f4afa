"""What several lines are judged by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tests.documents.lines import Line

BROWSER = "Playwright"
TOOLS = ("Serena", "Context7", "Sequential Thinking", BROWSER)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def numbers(values: Iterable[Any]) -> bool:
    found = list(values)
    return bool(found) and all(map(number, found))


def full(values: Any) -> bool:
    """A list, or several values, of which none is empty."""
    return isinstance(values, list | tuple) and bool(values) and all(values)


def in_order(values: Any) -> bool:
    return numbers(values) and list(values) == sorted(values)


def several(values: Any) -> bool:
    """At least two, none like another."""
    return full(values) and len(values) > 1 and differ(*values)


def holds(text: Any, *words: str) -> bool:
    return isinstance(text, str) and all(word in text for word in words)


def differ(*values: Any) -> bool:
    return None not in values and len({str(value) for value in values}) == len(values)


def covers(pairs: Sequence[Sequence[str]], agent: str, cover: str) -> bool:
    agents, covered_by = pairs
    return (agent, cover) in set(zip(agents, covered_by, strict=True))


def table_of(record: str, key: str, *columns: str) -> tuple[str, ...]:
    """Places of whole columns of a table."""
    return tuple(f"{record} outputs.{key}.rows[*].{column}" for column in columns)


def tools_ran(text: str, says: str, record: str, *, pages: str = "") -> Line:
    """A line on tool hooks: something answered for each, with a result; ``pages``: seen in a browser."""
    at = [f"{record} json.tool_hooks[{tool}].calls" for tool in TOOLS if tool != BROWSER]
    at += [f"{pages} json.tool_hooks[{BROWSER}].calls"] if pages else []
    return Line(text, says, tuple(at), all_answered)


def all_answered(*hooks: Any) -> bool:
    """Each hook has calls, and every one says what answered it and leaves a result."""
    calls = [call for hook in hooks for call in hook]
    return all(hooks) and all(
        call["outcome"] == "answered" and full((call["performed_by"], call["said"], call["result_sha256"]))
        for call in calls
    )


def procedure(text: str, says: str, record: str, skill: str) -> Line:
    """A line on a skill: the plan cites its procedure, and each point was checked."""
    at = f"{record} json.skills[{skill}]"
    places = (f"{at}.version", f"{at}.digest", f"{at}.points[*].passage", f"{at}.points[*].result")
    return Line(text, says, (*places, f"{at}.points[*].by"), followed)


def followed(
    version: int, digest: str, passages: Sequence[str], results: Sequence[str], by: Sequence[str]
) -> bool:
    return version >= 1 and len(digest) == 64 and full(passages) and set(results) == {"checked"} and full(by)
