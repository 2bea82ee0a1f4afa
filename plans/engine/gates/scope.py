"""What exactly is approved, and whether what stands there now still is that. Reads rows, decides nothing.

A gate approves the inputs and outputs its scope names; one that names none approves everything before it.
The structure (tasks, edges, roles, limits, ladder) is approved with the plan itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F, QuerySet

from gtm.core import canonical
from plans.engine.gates import tolerance
from plans.models import STANDING_STATES, Approval, Plan, Task, TaskKind
from plans.schemas.rules import GateRules

Needs = Mapping[int, Sequence[int]]


def structure_of(plan: Plan) -> dict[str, Any]:
    """What the review of the plan approves: who does what after what, within which limits."""
    columns = ("task_id", "key", "kind", "max_retries")
    roles = {"role": F("agent__slug"), "fallback_role": F("fallback_agent__slug")}
    tasks = list(plan.tasks.order_by("task_id").values("pk", *columns, **roles))
    number, needs = {task["pk"]: task["task_id"] for task in tasks}, needs_of(plan)
    return {
        "tasks": [
            {
                **{column: task[column] for column in columns},
                "agent": task["role"],
                "fallback_agent": task["fallback_role"],
                "needs": sorted(number[need] for need in needs[task["pk"]]),
            }
            for task in tasks
        ],
        **plan.rules.sealed,
    }


def structure_digest(plan: Plan) -> str:
    return canonical.digest(structure_of(plan))


def scope_of(plan: Plan, gate: GateRules) -> dict[str, Any]:
    """The content a gate approves, as it is now: named inputs and outputs, or all there is before it."""
    if not gate.scope:
        before = ancestors(plan.tasks.get(key=gate.key))
        made = {t.output_var: t.output for t in before if t.output_var and t.kind != TaskKind.GATE}
        return {**plan.inputs, **made}
    outputs = {t.output_var: t.output for t in plan.tasks.exclude(output_var="")}
    return {name: plan.inputs[name] if name in plan.inputs else outputs.get(name) for name in gate.scope}


def needs_of(plan: Plan) -> Needs:
    """What each task waits for, by primary keys. The edges alone: outputs are long."""
    needs: dict[int, list[int]] = defaultdict(list)
    for after, before in Task.needs.through.objects.filter(from_task__plan=plan).values_list(
        "from_task_id", "to_task_id"
    ):
        needs[after].append(before)
    return needs


def ancestors(task: Task, needs: Needs | None = None) -> QuerySet[Task]:
    """Every task on a path to this one, in the order of the plan; ``needs`` where the caller has them."""
    needs = needs_of(task.plan) if needs is None else needs
    found: set[int] = set()
    queue = [task.pk]
    while queue:
        for need in needs.get(queue.pop(), ()):
            if need not in found:
                found.add(need)
                queue.append(need)
    return task.plan.tasks.filter(pk__in=found).order_by("position")


def drift(approval: Approval) -> tuple[str, ...]:
    """Paths outside the tolerance of what was approved; measured from the approval, never from an edit."""
    plan = approval.plan
    tolerances = {"amount": _amount_tolerance(approval), **approval.rules.tolerances}
    before = {**approval.scope, "amount": approval.amount, "currency": approval.currency}
    after = {**scope_of(plan, approval.rules), "amount": plan.amount, "currency": plan.currency}
    return tolerance.outside(before, canonical.plain(after), tolerances)


def _amount_tolerance(approval: Approval) -> float:
    """The plan's amount is one of its inputs: it moves as far as that input may."""
    allowed, amount = approval.rules.tolerances, approval.amount
    money = {name: value["amount"] for name, value in approval.scope.items() if _is_money(value)}
    same = (name for name, found in money.items() if tolerance.number_of(found) == amount)
    return max((allowed.get(name, 0) for name in same), default=0)


def _is_money(value: Any) -> bool:
    return isinstance(value, Mapping) and {"amount", "currency"} <= set(value)


def why_not_approved(task: Task) -> str | None:
    """Why the task must not start: a gate before it without a standing approval of this very content."""
    plan = task.plan
    if plan.structure_sha256 != structure_digest(plan):
        return "The structure of the plan differs from what was accepted."
    for gate in ancestors(task).filter(kind=TaskKind.GATE):
        if not gate.is_done:
            return f"{gate} is not approved."
        standing = gate.approvals.filter(state__in=STANDING_STATES).order_by("-round").first()
        if standing is None:
            return f"{gate} is not approved."
        if outside := drift(standing):
            return f"{', '.join(outside)} differ from what {standing.title} approved."
    return None
