"""Rows by the hundred thousand, copied from one real run inside the database.

Foreign keys are not checked while rows are copied (``session_replication_role``); the triggers that keep the
change log append-only are back before anything is measured.
"""

from __future__ import annotations

import gzip
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from django.db import connection

from gtm.core import canonical
from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import changelog
from gtm.core.models import ChangeLogChain, ChangeLogEntry, ChangeLogPayload
from plans.demo import organisation
from plans.engine.people import human_tasks
from plans.engine.running import runner
from plans.models import Approval, Decision, Escalation, Plan, Task
from plans.runs import start
from programs.models import Dataset, Person
from programs.services import load_dataset

USAGE = "/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers 3 --budget 50000"
PURCHASES = 4_000
AT = "2026-01-01T00:00:00.000000Z"


def one_run() -> Plan:
    """The demo's people, and a real run of a command up to its gates."""
    with acting_as(Actor.system("Benchmark")), tempfile.TemporaryDirectory() as folder:
        program = organisation.establish()
        file = Path(folder) / "purchases.csv"
        packed = resources.files("programs.datasets") / "samples" / organisation.CDNOW
        with resources.as_file(packed) as path, gzip.open(path, "rt") as lines:
            file.write_text("".join(line for line, _ in zip(lines, range(PURCHASES), strict=False)))
        load_dataset("purchases", [file], program=program, currency="USD")
        command, given = start.parse_usage(USAGE)
        plan = start.start(start.prepare(command, given, program))
        while ready := plan.tasks.filter(state="ready").exclude(kind="gate").first():
            _do(ready)
    assert plan.approvals.filter(state="pending").count() == 2
    return plan


def _do(task: Task) -> None:
    """Compute a task, or complete it as whoever may: its owner, or somebody of its role."""
    if task.kind == "automated":
        assert runner.run_task(task.pk, "benchmark") == "succeeded", task.error
        return
    holders = Person.objects.filter(approverships__role=task.agent, accounts__isnull=False)
    person = task.owner or holders.order_by("pk").first()
    assert person is not None, f"nobody does {task}"
    with acting_as(Actor.of_user(person.accounts.get(), "admin", interactive=True)):
        human_tasks.complete(task, result={}, evidence={"note": "Sizes compared with our reports"})


def copy(plan: Plan, *, plans: int, approvals: int, changes: int) -> None:
    """Copy the run: plans with their tasks and history, approvals with votes, cases, chains, datasets."""
    share = min(plans, approvals // 2)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        _plans(plan, plans, share)
        _approvals(plan, share)
        _cases(plan, share)
        made = {
            "sha256": "md5(n::text) || md5('b' || n)",
            "created_at": "now() - interval '3 years' * random()",
        }
        _copy(Dataset, made, f"programs_dataset t, generate_series(1, {share} / 2) n WHERE t.id = 1")
        _chains(max(changes // plans, 1))
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")


def _copy(model: Any, changed: dict[str, str], source: str) -> None:
    """A copy of row ``t`` for each row of ``source``; ``changed`` is column → SQL of what differs."""
    columns = [f.column for f in model._meta.concrete_fields if not f.primary_key]
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(changed.get(column, f't."{column}"') for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {model._meta.db_table} ({names}) SELECT {values} FROM {source}")


def _plans(plan: Plan, plans: int, share: int) -> None:
    """Most are over; of those with approvals, one in five still runs. History and tasks like the original."""
    lives = f"n <= {share} AND n % 5 = 0"
    at = f"now() - interval '3 years' * (n::float / {plans})"
    changed = {
        "plan_id": f"'plan-' || to_char({at}, 'YYYYMMDD-HH24MISS') || '-' || lpad(to_hex(n), 6, '0')",
        "state": f"CASE WHEN {lives} THEN 'running' WHEN n % 20 = 1 THEN 'failed' ELSE 'succeeded' END",
        "created_at": at,
        "updated_at": at,
        "finished_at": f"CASE WHEN {lives} THEN NULL ELSE {at} + interval '1 day' END",
        "idempotency_key": "NULL",
    }
    _copy(Plan, changed, f"plans_plan t, generate_series(1, {plans}) n WHERE t.id = {plan.pk}")
    history = Plan.history.model
    changed = {f.column: f'p."{f.column}"' for f in Plan._meta.concrete_fields} | {
        "history_date": "p.created_at"
    }
    oldest = plan.history.earliest("history_id").history_id
    copies = f"plans_plan p WHERE p.id > {plan.pk}"
    _copy(history, changed, f"{history._meta.db_table} t, {copies} AND t.history_id = {oldest}")
    changed = {
        "plan_id": "p.id",
        "state": "CASE WHEN p.state = 'running' OR t.state = 'succeeded' THEN t.state ELSE 'waived' END",
        "output": "jsonb_build_object('sha256', t.output_sha256)",
        "due_at": "p.created_at + interval '2 days'",
    }
    _copy(Task, changed, f"plans_task t, {copies} AND t.plan_id = {plan.pk}")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO plans_task_needs (from_task_id, to_task_id) SELECT a.id, b.id "
            "FROM plans_task_needs d JOIN plans_task x ON x.id = d.from_task_id "
            "JOIN plans_task y ON y.id = d.to_task_id JOIN plans_task a ON a.task_id = x.task_id "
            f"JOIN plans_task b ON b.task_id = y.task_id AND b.plan_id = a.plan_id WHERE a.plan_id > {plan.pk}"
        )


def _approvals(plan: Plan, share: int) -> None:
    """Both gates of the first ``share`` plans, and the votes of the rounds that are decided."""
    changed = {
        "plan_id": "p.id",
        "task_id": "k.id",
        "state": "CASE WHEN p.state = 'running' THEN 'pending' ELSE 'approved' END",
        "created_at": "p.created_at",
        "opened_at": "p.created_at",
        "due_at": "p.created_at + interval '2 days'",
    }
    source = (
        "plans_approval t JOIN plans_task o ON o.id = t.task_id JOIN plans_task k ON k.task_id = o.task_id "
        f"JOIN plans_plan p ON p.id = k.plan_id WHERE t.plan_id = {plan.pk} "
        f"AND p.id > {plan.pk} AND p.id <= {plan.pk + share}"
    )
    _copy(Approval, changed, source)
    voter = Person.objects.get(name="Fiona Walsh")
    vote = {"approval_id": "t.id", "person_id": f"{voter.pk}", "user_id": f"{voter.accounts.get().pk}",
            "on_behalf_of_id": "NULL", "kind": "'approve'", "comment": "'Within the pool.'", "evidence": "'{}'",
            "decided_at": "t.created_at", "superseded_at": "NULL", "void_reason": "''"}  # fmt: skip
    _copy(Decision, vote, "plans_approval t WHERE t.state = 'approved'")


def _cases(plan: Plan, share: int) -> None:
    """A case for every other plan with approvals; those of plans that run are open."""
    with acting_as(Actor.system("Benchmark")):
        ladder = [dict(rung.stored) for rung in plan.rules.ladder]
        case = Escalation(plan=plan, trigger="approval-overdue", subject="Finance is overdue", ladder=ladder)
        case.save()
    changed = {
        "plan_id": "p.id",
        "state": "CASE WHEN p.state = 'running' THEN 'notified' ELSE 'resolved' END",
        "rung": "1",
        "due_at": "p.created_at",
        "created_at": "p.created_at",
    }
    copies = f"plans_plan p WHERE p.id > {plan.pk} AND p.id <= {plan.pk + share} AND p.id % 2 = 0"
    _copy(Escalation, changed, f"plans_escalation t, {copies} AND t.id = {case.pk}")


def _chains(length: int) -> None:
    """A hash chain a plan, grown by one row of every plan at a time; each row links to the one before."""
    salt = "0" * 32
    told = {
        "actor": "Olivia Park",
        "object": "the plan",
        "field": "state",
        "from": "draft",
        "to": "in_review",
    }
    body = dict.fromkeys(changelog.PAYLOAD) | told
    hashed = changelog.payload_hash(salt, body)
    entry, payload, heads = (m._meta.db_table for m in (ChangeLogEntry, ChangeLogPayload, ChangeLogChain))
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE head AS SELECT p.id, 'plan:' || p.plan_id AS chain, '{changelog.GENESIS}' "
                       f"AS hash FROM plans_plan p WHERE 'plan:' || p.plan_id NOT IN (SELECT name FROM {heads})")  # fmt: skip
        for number in range(1, length + 1):
            # RFC 8785: keys in order, no blanks; all of it is ASCII without quotes.
            header = (
                f"""'{{"at":"{AT}","chain":"' || chain || '","entity":"plans.plan","entity_id":"' || id || '",' || """
                f"""'"event":"changed","request_id":"","sequence":{number},"via":"admin"}}'"""
            )
            cursor.execute(
                f"INSERT INTO {entry} (chain, sequence, at, via, request_id, entity, entity_id, event, "
                f"payload_hash, previous_hash, hash) SELECT chain, {number}, '{AT}', 'admin', '', 'plans.plan', "
                f"id::text, 'changed', '{hashed}', hash, "
                f"encode(sha256(convert_to(hash || {header} || '{hashed}', 'UTF8')), 'hex') FROM head"
            )
            cursor.execute(
                f"UPDATE head SET hash = e.hash FROM {entry} e WHERE e.chain = head.chain AND e.sequence = {number}"
            )
        cursor.execute(
            f"INSERT INTO {heads} (name, sequence, head, grown_at) SELECT chain, {length}, hash, now() FROM head"
        )
        cursor.execute(
            f"INSERT INTO {payload} (entry_id, salt, body) SELECT e.id, %s, %s FROM {entry} e "
            "JOIN head ON head.chain = e.chain",
            [salt, canonical.dumps(body).decode()],
        )
