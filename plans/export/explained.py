"""Whether the text of a plan document says what the rows of its change log say.

The rows cannot be altered without breaking their chain. Each check answers what contradicts them, how many
values it compared, and how many it could not compare, because the row was erased or was written before
rows said so much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gtm.core import canonical
from gtm.core.evidence import changelog, told
from gtm.core.evidence.erasure import TEXT_ERASED
from gtm.core.evidence.refusals import REFUSED

PLAN, TASK, DECISION = "plans.plan", "plans.task", "plans.decision"
ARTIFACT, CALL = "plans.artifact", "plans.toolcall"
OF_OUTPUT = ("key", "title", "kind", "sha256")
OF_CALL = (
    "tool", "work", "performed_by", "arguments_sha256", "outcome", "said", "result_sha256", "started_at",
)  # fmt: skip
Place = tuple[str, str]
"""Where in the document, and the sentence."""

OF_PLAN: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "inputs": lambda body: body["command"]["inputs"],
    "plugin": lambda body: body["command"]["plugin"],
    "command": lambda body: body["command"]["name"],
    "usage": lambda body: body["command"]["usage"],
    "objective": lambda body: body["objective"],
    "complexity": lambda body: body["complexity"],
    "strategy": lambda body: body["strategy"],
    "datasets": lambda body: body["datasets"],
    "checklist": lambda body: body["review_checklist"],
    "seed": lambda body: body["integrity"]["seed"],
}
"""Column of the plan → where the document has it."""
PLACES = {"datasets": "datasets", "checklist": "review_checklist", "seed": "integrity"}
OF_COMMAND = ("inputs", "plugin", "command", "usage")
EMPTY: tuple[Any, ...] = (None, "", [], {}, 0)


@dataclass(slots=True)
class ComparedText:
    """What one check came to. ``contradictions``: place and sentence."""

    contradictions: list[Place] = field(default_factory=list)
    compared: int = 0
    unknown: int = 0


def state(body: Mapping[str, Any]) -> ComparedText:
    """The status is the one that the last transition led to."""
    found, kept = ComparedText(), changelog.states_kept(body["change_log"])
    moves = [
        kept[row["sequence"]] if row.get("erased") else row["to"]
        for row in body["change_log"]
        if row.get("entity") == PLAN and (row.get("field") == "state" or row["sequence"] in kept)
    ]
    if not moves:
        found.unknown = 1
    elif (led_to := moves[-1]) != body["status"]:
        sentence = f"the change log leads to “{led_to}”, but the document says “{body['status']}”"
        found.contradictions.append(("status", sentence))
    else:
        found.compared = 1
    return found


def columns(body: Mapping[str, Any]) -> ComparedText:
    """Command, inputs, data sets, checklist and seed are those that the rows of the plan recorded last."""
    found = ComparedText()
    last = next((mine for _, mine in _last_told(body, PLAN)), None)
    for column, read in OF_PLAN.items():
        place = PLACES.get(column, "command" if column in OF_COMMAND else column)
        if last is None or column not in last.values and not last.is_known_in_full:
            found.unknown += 1
        elif not is_told(read(body), last.values.get(column)):
            found.contradictions.append((place, f"its {column} is not the one in the change log"))
        else:
            found.compared += 1
    return found


def outputs(body: Mapping[str, Any]) -> ComparedText:
    """The output of each task is the one whose digest the log recorded last."""
    found = ComparedText()
    known = {last.label: last for _, last in _last_told(body, TASK)}
    for task in _tasks(body):
        label = f"task {task['task_id']} {task['name']}"
        last = known.get(label)
        if last is None or "output" not in last.values and not last.is_known_in_full:
            found.unknown += task["output"] is not None
        elif not is_told(task["output"], last.values.get("output")):
            found.contradictions.append((f"stages/{label}", "its output is not the one in the change log"))
        else:
            found.compared += 1
    return found


def listed_outputs(body: Mapping[str, Any]) -> ComparedText:
    """Each output in the list is one that a row says was made, with its digest."""
    found, known = ComparedText(), dict(_last_told(body, ARTIFACT))
    for output in body.get("outputs", ()):
        last = known.get(str(output["id"]))
        if last is None and known:
            sentence = f"no row of the change log says that output {output['id']} was made"
            found.contradictions.append(("outputs", sentence))
        elif last is None or not last.is_known_in_full:
            found.unknown += 1
        elif not all(is_told(output[name], last.values.get(name)) for name in OF_OUTPUT):
            sentence = f"output {output['id']} is not the one in the change log"
            found.contradictions.append(("outputs", sentence))
        else:
            found.compared += 1
    return found


def calls(body: Mapping[str, Any]) -> ComparedText:
    """Each call of a tool is one that a row recorded."""
    found, rows = ComparedText(), [last for _, last in _last_told(body, CALL)]
    found.unknown = sum(not last.is_known_in_full for last in rows)
    recorded = Counter(tuple(last.values.get(name) or "" for name in OF_CALL) for last in rows)
    left = 0
    for hook in body["tool_hooks"]:
        for call in hook.get("calls", ()):
            said = {**call, "tool": hook["tool"]}
            key = tuple(_as_told(said[name]) for name in OF_CALL)
            if recorded[key] > 0:
                recorded[key] -= 1
                found.compared += 1
                continue
            left += 1
            if left > found.unknown:
                sentence = (
                    f"no row of the change log records the call of {hook['tool']} at {call['started_at']}"
                )
                found.contradictions.append(("tool_hooks", sentence))
    return found


def _as_told(value: str | None) -> str:
    """A text as a row tells it: a long one by its digest."""
    text = value or ""
    return text if told.is_short(text) else told.DIGEST + canonical.digest(text)


def votes(body: Mapping[str, Any], *, names_are_sealed: bool) -> ComparedText:
    """Each vote of the log is in the approvals, and each vote there is in the log.

    A person's name of today may differ from the one in the row; it is compared where no seal covers it.
    """
    found = ComparedText()
    in_text: dict[tuple[Any, ...], list[str]] = {}
    for approval in body["approvals"]:
        for vote in approval["decisions"]:
            key = (approval["gate"], approval["round"], vote["decision"], vote["at"])
            in_text.setdefault((*key, vote["scope_sha256"]), []).append(vote["person"])
    for row in body["change_log"]:
        if row["entity"] != DECISION or row["event"] != "created":
            continue
        if row.get(changelog.FIELDS) is None:  # it is erased, or of before rows told values
            found.unknown += 1
            continue
        key, person = _vote_of(row)
        people = in_text.get(key, [])
        if not people:
            sentence = f"{row['object']} (row {row['sequence']} of the change log) is not there"
            found.contradictions.append(("approvals", sentence))
            continue
        found.compared += 1
        name = person if person in people else people[0]
        people.remove(name)
        if name != person and not names_are_sealed:
            sentence = f"row {row['sequence']} of the change log is a vote of {person}, not of {name}"
            found.contradictions.append(("approvals", sentence))
    extra = [key for key, people in in_text.items() for _ in people]
    found.contradictions += [
        ("approvals", f"the change log has no vote “{kind}” at {gate}, round {number}, {at}")
        for gate, number, kind, at, _ in extra[: max(0, len(extra) - found.unknown)]
    ]
    return found


def _vote_of(row: Mapping[str, Any]) -> tuple[tuple[Any, ...], str]:
    fields = row[changelog.FIELDS]
    kind, at = fields["kind"][told.TO], fields["decided_at"][told.TO]
    scope = fields.get("scope_sha256", {told.TO: ""})[told.TO]
    if row["to"] is not None:
        said = row["to"]
        return (said["gate"], said["round"], kind, at, scope), said["person"]
    person, _, gate = row["object"].removeprefix("decision of ").rpartition(" on approval ")
    slug, _, number = gate.rpartition(" round ")
    return (slug, int(number), kind, at, scope), person


@dataclass(slots=True)
class _Told:
    """What the rows of one object told of its columns last."""

    label: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    is_known_in_full: bool = False


def _last_told(body: Mapping[str, Any], entity: str) -> list[tuple[str, _Told]]:
    """Object → its columns as told last; after an erased row only what later rows told."""
    known: dict[str, _Told] = {}
    for row in body["change_log"]:
        if row.get("entity") != entity or row["event"] == REFUSED:  # it changed nothing
            continue
        mine = known.setdefault(row["entity_id"], _Told())
        if row.get("erased"):
            mine.values, mine.is_known_in_full = {}, False
            continue
        mine.label = row["object"]
        fields = row.get(changelog.FIELDS)
        if fields is None:
            continue
        mine.is_known_in_full |= row["event"] == "created" or (
            row["event"] == TEXT_ERASED and row["to"]["in_full"] is True
        )
        if row["event"] == "changed":
            mine.values[row["field"]] = row["to"]
        mine.values |= {column: sides[told.TO] for column, sides in fields.items()}
    return list(known.items())


def is_told(value: Any, last: Any) -> bool:
    """Whether a value of the text is what a row told; one that no row told is empty."""
    if last is None:
        return any(type(value) is type(empty) and value == empty for empty in EMPTY)
    if isinstance(last, str) and str(value) == last:  # True == 1 for Python, not for a digest
        return True
    digest = canonical.digest(value)
    return last == told.DIGEST + digest if isinstance(last, str) else digest == canonical.digest(last)


def _tasks(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for stage in body["stages"]:
        yield from stage["tasks"]
