"""What exactly is approved, and whether what stands there now still is that. Reads rows, decides nothing.

A gate approves the inputs and outputs its scope names; one that names none approves everything before it.
The structure (tasks, edges, roles, limits, ladder) is approved with the plan itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from django.db.models import F, QuerySet

from gtm.core import canonical
from gtm.core.evidence import changelog
from gtm.core.models import ChangeLogChain
from plans.engine.gates import tolerance
from plans.models import STANDING_STATES, Approval, Plan, Task, TaskKind
from plans.schemas.inputs import a_year
from plans.schemas.rules import GateRules

Needs = Mapping[int, Sequence[int]]
READ_AGAIN_AFTER = 60  # seconds
MOST_KNOWN = 256
_COLUMNS = ("task_id", "key", "kind", "max_retries")
_OWN = (*_COLUMNS, "agent_id", "fallback_agent_id")
MOVES = ("created", "changed", "linked", "unlinked", "deleted")


@dataclass(frozen=True, slots=True)
class AcceptedStructure:
    """A plan's structure, read whole and found to be what was accepted.

    Reading it whole at every claim would make a task of a long plan dearer than one of a short plan. A
    process keeps it for as long as plan, change log and the task at hand say that nothing moved, and for a
    minute at most: that bounds what somebody did to the rows without leaving a row in the log.
    """

    accepted: tuple[str, int]
    sequence: int
    read_at: float
    rows: Mapping[int, tuple[Any, ...]]
    needs: Needs
    gates: frozenset[int]

    def gates_before(self, task_pk: int) -> frozenset[int]:
        """Primary keys of the gates on a path to the task."""
        return self.gates & all_before(task_pk, self.needs) if self.gates else frozenset()

    def holds_for(self, task: Task, edges: int) -> bool:
        """Whether the task's own row, and the number of its edges, are as they were."""
        own = tuple(getattr(task, name) for name in _OWN)
        return self.rows.get(task.pk) == own and edges == len(self.needs.get(task.pk, ()))


_accepted: dict[str, AcceptedStructure] = {}


def known_structure(plan: Plan) -> AcceptedStructure | None:
    """What this process found out about this version of the plan less than a minute ago."""
    known = _accepted.get(plan.plan_id)
    if known is None or known.accepted != (plan.structure_sha256, plan.version):
        return None
    return known if monotonic() - known.read_at < READ_AGAIN_AFTER else None


def forget_structure(plan: Plan) -> None:
    _accepted.pop(plan.plan_id, None)


def structure_around(task: Task, has_moved: bool) -> AcceptedStructure | None:
    """The structure the task stands in, or None where it is not the one that was accepted.

    It is read unless it is known and, by what the caller found under the lock, has not moved.
    """
    plan = task.plan
    chain, known = plan.change_chain(), known_structure(plan)
    length = changelog.length_of_held(chain)
    if known is not None and not has_moved and length is not None:
        _accepted[plan.plan_id] = replace(known, sequence=length)
        return known
    if length is None:
        length = ChangeLogChain.objects.filter(name=chain).values_list("sequence", flat=True).first() or 0
    tasks, needs = _tasks_and_needs(plan)
    if canonical.digest(_structure(plan, tasks, needs)) != plan.structure_sha256:
        forget_structure(plan)
        return None
    while len(_accepted) >= MOST_KNOWN:
        _accepted.pop(next(iter(_accepted)), None)
    found = _accepted[plan.plan_id] = AcceptedStructure(
        (plan.structure_sha256, plan.version),
        length,
        monotonic(),
        {row["pk"]: tuple(row[name] for name in _OWN) for row in tasks},
        needs,
        frozenset(row["pk"] for row in tasks if row["kind"] == TaskKind.GATE),
    )
    return found


def structure_of(plan: Plan) -> dict[str, Any]:
    """What the review of the plan approves: who does what after what, within which limits."""
    return _structure(plan, *_tasks_and_needs(plan))


def _tasks_and_needs(plan: Plan) -> tuple[list[dict[str, Any]], Needs]:
    """The tasks in the order of their numbers, and what each waits for. One query, one row an edge."""
    also = {"role": F("agent__slug"), "fallback_role": F("fallback_agent__slug"), "need": F("needs")}
    tasks: dict[int, dict[str, Any]] = {}
    needs: dict[int, list[int]] = defaultdict(list)
    for row in plan.tasks.order_by("task_id").values("pk", *_OWN, **also):
        need = row.pop("need")
        tasks[row["pk"]] = row
        if need is not None:
            needs[row["pk"]].append(need)
    return list(tasks.values()), dict(needs)


def _structure(plan: Plan, tasks: list[dict[str, Any]], needs: Needs) -> dict[str, Any]:
    number = {task["pk"]: task["task_id"] for task in tasks}
    return {
        "tasks": [
            {
                **{column: task[column] for column in _COLUMNS},
                "agent": task["role"],
                "fallback_agent": task["fallback_role"],
                "needs": sorted(number[need] for need in needs.get(task["pk"], ())),
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
    found = all_before(task.pk, needs_of(task.plan) if needs is None else needs)
    return task.plan.tasks.filter(pk__in=found).order_by("position")


def all_before(task_pk: int, needs: Needs) -> set[int]:
    """Primary keys of every task on a path to this one."""
    found: set[int] = set()
    queue = [task_pk]
    while queue:
        for need in needs.get(queue.pop(), ()):
            if need not in found:
                found.add(need)
                queue.append(need)
    return found


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
    money = {name: a_year(value) for name, value in approval.scope.items() if _is_money(value)}
    same = (name for name, found in money.items() if found == amount)
    return max((allowed.get(name, 0) for name in same), default=0)


def _is_money(value: Any) -> bool:
    is_one = isinstance(value, Mapping) and {"amount", "currency"} <= set(value)
    return is_one and tolerance.number_of(value["amount"]) is not None


def why_not_approved(task: Task, *, has_moved: bool = True) -> str | None:
    """Why the task must not start: a gate before it without a standing approval of this very content.

    ``has_moved`` False: under the lock the structure was found to be as this process knows it.
    """
    structure = structure_around(task, has_moved)
    if structure is None:
        return "The structure of the plan differs from what was accepted."
    before = structure.gates_before(task.pk)
    for gate in task.plan.tasks.filter(pk__in=before).order_by("position") if before else ():
        if not gate.is_done:
            return f"{gate} is not approved."
        standing = gate.approvals.filter(state__in=STANDING_STATES).order_by("-round").first()
        if standing is None:
            return f"{gate} is not approved."
        if outside := drift(standing):
            return f"{', '.join(outside)} differ from what {standing.title} approved."
    return None
