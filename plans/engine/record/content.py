"""The governed content of a plan, and the rows of its log that say from what to what each place moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gtm.core.evidence import changelog
from gtm.core.evidence.differ import differ
from plans.models import Plan, Task
from programs.selectors import PROGRAM_FACTS

CONTENT = "content changed"
"""The event of a row about a place in the content of a plan."""
REPEATED = "differs from the run before"
"""The same, where the plan is another run of a command and the place was otherwise in the one before."""
RULES = ("gates", "ladder", "ladder_repeats", "triggers", "max_retries", "success_metrics", "limits")
OF_DATA = ("source", "rows", "window", "sha256", "contract_version")


def content_of(plan: Plan) -> dict[str, Any]:
    """Inputs, data, rules and the facts of the program, as a plan holds them now."""
    rules, facts = plan.rules, (*PROGRAM_FACTS, *plan.rules.governed_facts)
    return {
        "inputs": plan.inputs,
        "data": {_name_of(told): {part: told.get(part) for part in OF_DATA} for told in plan.datasets},
        "rules": {name: rules.stored[name] for name in RULES if name in rules.stored},
        "program": {name: plan.context[name] for name in facts if name in plan.context},
    }


def _name_of(dataset: Mapping[str, Any]) -> str:
    return f"{dataset['kind']} of {dataset['partner']}" if dataset.get("partner") else str(dataset["kind"])


@contextmanager
def telling(plan: Plan, reason: str) -> Iterator[None]:
    """Whatever moves in the content of the plan inside the block gets a row of its own at the end.

    The caller is in a transaction and has the plan's row as it is stored.
    """
    before = content_of(plan)
    yield
    tell(plan, before, content_of(plan), reason=reason)


def tell(plan: Plan, before: Any, after: Any, *, reason: str = "", event: str = CONTENT, at: str = "") -> int:
    """A row for each place that differs. Answers how many."""
    changes = list(differ(before, after, at))
    for change in changes:
        changelog.append(
            plan, event, field=change.place, before=change.before, after=change.after, reason=reason or None
        )
    return len(changes)


def tell_output(task: Task, after: Mapping[str, Any]) -> int:
    """Rows about what a task that is done again makes otherwise, of the values its step says it governs.

    Asked before the new output is written.
    """
    names = task.plan.rules.governed_outputs.get(task.key, ())
    before = Task.objects.values_list("output", flat=True).get(pk=task.pk) if names else None
    if not isinstance(before, Mapping):
        return 0
    sides = ({name: values.get(name) for name in names} for values in (before, after))
    reason = f"{task} was done again, in revision {task.plan.revision}."
    return tell(task.plan, *sides, at=task.output_var or task.key, reason=reason)


def tell_repetition(plan: Plan) -> int:
    """Rows about what this run does otherwise than the last one of its command on the same program."""
    same = {"program": plan.program_id, "plugin": plan.plugin, "command": plan.command}
    earlier = Plan.objects.filter(**same, campaign=plan.campaign_id).exclude(pk=plan.pk)
    last = earlier.order_by("-created_at", "-pk").first()
    if last is None:
        return 0
    reason = f"Compared with {last.plan_id}."
    return tell(plan, content_of(last), content_of(plan), reason=reason, event=REPEATED)
