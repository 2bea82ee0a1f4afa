"""The requests of the matrix of REST: to which object, after what, and with which body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from rest_framework.test import APIClient

from gtm.core import clock
from gtm.core.actors import REST, Actor, acting_as
from plans.engine.people import human_tasks
from plans.engine.stopping import ripcord
from plans.management.rest_matrix import Operation, RestCaller
from plans.schemas import skills
from tests.doors import INPUTS, USAGE, user
from tests.rest_world import Side, World, force

WHY = {"reason": "Because."}
COMMENT = {"comment": "Because."}


def client_of(world: World, caller: RestCaller, scope: str) -> APIClient:
    client = APIClient()
    if caller.is_service:
        left_out = "" if caller.has_scope else scope
        client.credentials(HTTP_AUTHORIZATION=f"Token {world.secrets[caller.name, left_out][1]}")
    elif caller.name != "anonymous":
        client.force_login(world.accounts[caller.name])
    return client


def status(world: World, operation: Operation, caller: RestCaller, own: bool) -> int:
    """What the site answers. The caller of the request rolls back."""
    side = world.own if own else world.other
    client = client_of(world, caller, operation.scope)
    with acting_as(Actor.system("Test")):
        if caller.is_contact:
            force(world.own.partner, contact=world.person(caller.name))
        pk = _pk(world, operation, caller, side, own)
        ARRANGED.get(operation.key, lambda world, side, caller: None)(world, side, caller)
    names = {"pk": pk, "plan_id": pk, "slug": pk, "key": pk, "number": 1, "name": pk, "rank": 1}
    names |= {"artifact_id": side.artifact.pk, "gate": "finance-approval"}
    path = f"/api/v1/{operation.path}".format(**names)
    if operation.method == "GET":
        asked = {"program": side.program.slug} if operation.action == "held" else {}
        return client.get(path, asked).status_code
    if operation.action in ("preview", "upload"):
        return client.post(path, {}, format="multipart").status_code
    body = BODIES.get(operation.key, {})
    told = body(world, side) if callable(body) else body
    answer = getattr(client, operation.method.lower())(path, told, format="json", headers={"If-Match": "*"})
    return answer.status_code


def _pk(world: World, operation: Operation, caller: RestCaller, side: Side, own: bool) -> Any:
    name = operation.basename
    if "{" not in operation.path:
        return ""
    if name == "plan":
        is_read = operation.method == "GET"
        return (side.begun if is_read else side.plan).plan_id
    if name == "notification":
        mine = world.notifications.get(caller.name)
        return mine.pk if own and mine else world.notifications["stranger"].pk
    if name == "token":
        mine = world.secrets.get((caller.name, "read" if caller.is_service else ""))
        return (mine if own and mine else world.secrets["stranger", ""])[0].pk
    if name == "ripcord":
        return ripcord.pull("plan", plan=side.plan, reason="r").pk
    if operation.key in ("task.waive", "task.retry"):
        return side.work.pk
    if operation.key == "dataset.make_current":
        return side.former.pk
    if name in NAMES:
        return NAMES[name]
    where, field = ROWS[name]
    row = getattr(side, where, None) or getattr(world, where)
    return getattr(row, field)


NAMES = {"command": "plan-loyalty", "skill": next(iter(skills.every())), "hook": "shop", "anchor": 1}
ROWS: Mapping[str, tuple[str, str]] = {
    "program": ("program", "slug"), "tier": ("tier", "pk"), "benefit": ("benefit", "pk"),
    "lifecycle-trigger": ("trigger", "pk"), "partner": ("partner", "slug"), "campaign": ("campaign", "slug"),
    "experiment": ("experiment", "pk"), "metric": ("metric", "key"), "approver": ("approver", "pk"),
    "dataset": ("dataset", "pk"), "message-template": ("template", "pk"), "launch-profile": ("launch", "pk"),
    "load-profile": ("load", "pk"), "runbook": ("runbook", "pk"), "runbook-task": ("step", "pk"),
    "runbook-alert": ("alert", "pk"), "task": ("check", "pk"), "approval": ("approval", "pk"),
    "escalation": ("case", "pk"), "break-glass": ("broken", "pk"), "policy": ("policy", "pk"),
    "rota-override": ("rota", "pk"), "guarded-change": ("change", "pk"), "reading": ("reading", "pk"),
    "schedule": ("schedule", "pk"), "scheduled-run": ("due", "pk"), "webhook": ("webhook", "pk"),
    "webhook-delivery": ("delivery", "pk"), "incoming-webhook": ("source", "pk"),
    "received-message": ("message", "pk"), "signing-key": ("key", "pk"), "attribution": ("record", "pk"),
    "dispute": ("dispute", "pk"), "fraud-case": ("fraud", "pk"), "run": ("program", "pk"),
}  # fmt: skip
"""Where the object of a basename is, and which of its fields stands in the address."""

Arranged = Callable[[World, Side, RestCaller], None]


def _state(where: str, state: str) -> Arranged:
    return lambda world, side, caller: force(getattr(side, where, None) or getattr(world, where), state=state)


def _completed(world: World, side: Side, caller: RestCaller) -> None:
    """By the owner, a moment ago; of the other side, by somebody else."""
    force(side.check, state="ready")
    who = world.accounts["analysts"] if side is world.own else user("ops")
    with acting_as(Actor.of_user(who, REST, interactive=True)):
        human_tasks.complete(side.check, result={}, evidence={})


def _proposed_by(world: World, side: Side, caller: RestCaller) -> None:
    force(world.policy, proposed_by=world.accounts["operations"])
    force(world.change, requested_by=world.accounts["operations"])


ARRANGED: Mapping[str, Arranged] = {
    "approval.ask_again": _state("approval", "exhausted"),
    "break-glass.create": _state("broken", "expired"),
    "break-glass.review": _state("broken", "granted"),
    "dispute.sign_off": _state("dispute", "answered"),
    "fraud-case.appeal": _state("fraud", "held"),
    "fraud-case.confirm": _state("fraud", "held"),
    "fraud-case.release": _state("fraud", "held"),
    "guarded-change.confirm": _state("change", "single_handed"),
    "guarded-change.withdraw": _proposed_by,
    "policy.withdraw": _proposed_by,
    "plan.revise": _state("plan", "changes_requested"),
    "plan.resume": lambda world, side, caller: ripcord.pull("plan", plan=side.plan, reason="r") and None,
    "task.block": _state("check", "ready"),
    "task.complete": _state("check", "ready"),
    "task.fail": _state("check", "ready"),
    "task.progress": _state("check", "ready"),
    "task.reassign": _state("check", "ready"),
    "task.reopen": _completed,
    "task.retry": _state("work", "escalated"),
    "task.undo": _completed,
    "task.unblock": _state("check", "escalated"),
    "task.waive": _state("work", "escalated"),
    "webhook.resume": _state("webhook", "paused"),
}
SAID = {"said": "Yes."}
BODIES: Mapping[str, Any] = {
    "approval.ask_again": WHY,
    "approval.decide": lambda world, side: {
        "decision": "approve", "scope_sha256": side.approval.scope_sha256,
    },
    "attribution.dispute": {"deal": "D-2", "claim": "Ours."},
    "break-glass.create": lambda world, side: {"approval": side.approval.pk, **WHY},
    "break-glass.agree": COMMENT,
    "break-glass.review": COMMENT,
    "command.approvers": lambda world, side: {"inputs": INPUTS, "program": side.program.slug},
    "command.replay": {"seats": [{"role": "finance"}]},
    "command.runs": lambda world, side: {"inputs": INPUTS, "program": side.program.slug},
    "run.create": lambda world, side: {"usage": USAGE, "program": side.program.slug},
    "dataset.make_current": WHY,
    "dataset.take_back": WHY,
    "dataset.save_profile": {"name": "again"},
    **{f"dispute.{name}": SAID for name in ("answer", "sign_off", "withdraw")},
    "escalation.acknowledge": COMMENT,
    "escalation.escalate_now": WHY,
    "escalation.hand_over": {"owner": "bystander@example.com", **COMMENT},
    "escalation.resolve": {"remediation": "Done."},
    "escalation.wait": lambda world, side: {"until": (clock.now() + timedelta(days=1)).isoformat(), **WHY},
    **{f"fraud-case.{name}": COMMENT for name in ("appeal", "confirm", "hold", "release")},
    **{f"guarded-change.{name}": COMMENT for name in ("approve", "confirm", "refuse", "withdraw")},
    "plan.cancel": WHY,
    "plan.change": {"redo": ["work"], **COMMENT},
    "plan.revise": COMMENT,
    "plan.messages": {"text": "Why?"},
    "plan.ripcord": WHY,
    "plan.resume": {"remediation": "Done."},
    "policy.create": {
        "command": "plan-loyalty", "subject": "legal-approval", "text": {"hours": 30},
        "reason": "It takes longer.",
    },
    **{f"policy.{name}": COMMENT for name in ("adopt", "reject", "withdraw")},
    "reading.create": lambda world, side: {
        "plan": side.plan.plan_id, "trigger": "objection", "message": "No.",
    },
    "reading.correct": {"value": "", "breached": False, "comment": "Wrong."},
    "ripcord.create": lambda world, side: {"scope": "plan", "plan": side.plan.plan_id, **WHY},
    "ripcord.release": {"remediation": "Done."},
    "ripcord.abort": WHY,
    "scheduled-run.run_after_all": WHY,
    "task.block": WHY,
    "task.comment": COMMENT,
    "task.complete": COMMENT,
    "task.fail": WHY,
    "task.progress": {"percent": 5},
    "task.reassign": {"owner": "bystander@example.com"},
    "task.reopen": WHY,
    "task.retry": COMMENT,
    "task.unblock": COMMENT,
    "task.undo": COMMENT,
    "task.waive": COMMENT,
    "token.create": {"name": "n", "scopes": ["read"]},
    "token.end": WHY,
    "webhook-delivery.send_again": WHY,
    "webhook.end": WHY,
    "webhook.pause": WHY,
    "webhook.resume": WHY,
    "webhook.replay": {"since": "2026-01-01T00:00:00Z", **WHY},
}  # fmt: skip
"""What makes each act valid where it is allowed; everything else is sent an empty body."""
