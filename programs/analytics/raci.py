"""Responsibility assignment: who is Responsible, Accountable, Consulted and Informed for every task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

LETTERS = {"R": "responsible", "A": "accountable", "C": "consulted", "I": "informed"}


@dataclass(frozen=True, slots=True)
class Assignment:
    """One letter of the matrix; ``role`` may hold several letters for a task."""

    task: str
    role: str
    letter: str


def find_problems(
    assignments: Sequence[Assignment], *, tasks: Collection[str], roles: Collection[str]
) -> tuple[str, ...]:
    """Everything wrong with the matrix, a sentence each: exactly one accountable, somebody responsible."""
    found = []
    for each, count in Counter(assignments).items():
        found += [f"{each.role} is assigned to {each.task} as {each.letter} {count} times."] * (count > 1)
        found += [f"{each.letter} for {each.task} is none of {', '.join(LETTERS)}."] * (
            each.letter not in LETTERS
        )
        found += [f"There is no task {each.task} for {each.role}."] * (each.task not in tasks)
        found += [f"There is no role {each.role}, named for {each.task}."] * (each.role not in roles)
    for task in tasks:
        accountable = sorted({each.role for each in assignments if each.task == task and each.letter == "A"})
        if not accountable:
            found.append(f"Nobody is accountable for {task}.")
        if len(accountable) > 1:
            found.append(f"More than one is accountable for {task}: {', '.join(accountable)}.")
        if not any(each.task == task and each.letter == "R" for each in assignments):
            found.append(f"Nobody is responsible for {task}.")
    return tuple(sorted(found))


def matrix(assignments: Sequence[Assignment]) -> dict[str, dict[str, str]]:
    """Task → role → letters in the order R, A, C, I; tasks and roles sorted."""
    cells: dict[str, dict[str, str]] = {}
    for each in sorted(assignments, key=lambda a: (a.task, a.role, [*LETTERS].index(a.letter))):
        row = cells.setdefault(each.task, {})
        row[each.role] = row.get(each.role, "") + each.letter
    return cells


def load(assignments: Sequence[Assignment]) -> Mapping[str, int]:
    """Role → how many tasks it is responsible or accountable for: who is the bottleneck."""
    return Counter(role for _, role in {(a.task, a.role) for a in assignments if a.letter in ("R", "A")})
