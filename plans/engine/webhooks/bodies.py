"""What a webhook says: a CloudEvent of a row of the change log, in codes and states, naming no person.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings

from gtm.core.governed import StatefulModel
from gtm.core.models import ChangeLogEntry
from plans import case_kinds
from plans.models import FINAL_PLAN_STATES, Plan
from plans.schemas import webhook_events as types

MEDIA_TYPE = "application/cloudevents+json"
CREATED, STATE = "created", "state"
SUBJECTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "plans.plan": ("plan", ()),
    "plans.task": ("task", ("task_id", "key")),
    "plans.approval": ("approval", ("gate", "round")),
    "plans.escalation": ("escalation", ("trigger",)),
    "plans.breach": ("breach", ("rule", "period")),
    "plans.ripcordpull": ("rip-cord", ("scope",)),
    "programs.dataset": ("dataset", ("kind", "rows", "fingerprint")),
    "programs.guardedchange": ("change by two people", ("kind",)),
}
"""Entity of the change log → what it is called, and its fields that are told: codes and numbers only."""
_BORN = {
    "plans.plan": types.PLAN_CREATED,
    "plans.breach": types.BREACH_FOUND,
    "plans.ripcordpull": types.RIPCORD_PULLED,
    "programs.dataset": types.DATASET_LOADED,
    "programs.guardedchange": types.AUTHORITY_MOVED,
}
_MOVED = {
    "plans.plan": types.PLAN_MOVED,
    "plans.task": types.TASK_MOVED,
    "plans.approval": types.APPROVAL_MOVED,
    "plans.ripcordpull": types.RIPCORD_CLOSED,
    "programs.guardedchange": types.AUTHORITY_MOVED,
}


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A row of the change log that is an event for the outside. ``plan`` and ``program_id`` where it has."""

    entry: ChangeLogEntry
    type: str
    obj: Any
    plan: Plan | None
    program_id: int | None

    @property
    def event_id(self) -> str:
        """The same for the same row, whoever is told and however often."""
        row = f"{self.entry.chain}#{self.entry.sequence}"
        return f"evt_{hashlib.sha256(row.encode()).hexdigest()[:32]}"


def entities() -> Sequence[str]:
    """What the change log calls the objects of which events are told."""
    return [*SUBJECTS, *(kind.entity for kind in case_kinds.all_kinds())]


def type_of(entry: ChangeLogEntry, said: Mapping[str, Any]) -> str | None:
    """The type of event that a row is; None where it is none. ``said`` is its payload, {} where erased."""
    entity, field = entry.entity, said.get("field", "")
    is_case = entity == "plans.escalation" or case_kinds.kind_of(entity) is not None
    if entry.event == CREATED and not field:
        return types.CASE_OPENED if is_case else _BORN.get(entity)
    if field != STATE:
        return None
    if entity == "plans.plan" and said.get("to") in FINAL_PLAN_STATES:
        return types.PLAN_ENDED
    return types.CASE_MOVED if is_case else _MOVED.get(entity)


def read(entry: ChangeLogEntry, wanted: Sequence[str]) -> LoggedEvent | None:
    """The row as an event of one of the ``wanted`` types; None where it is not, or its object is gone."""
    said = entry.payload.body or {}
    kind = type_of(entry, said)
    if kind is None or kind not in wanted:
        return None
    obj = apps.get_model(entry.entity)._base_manager.filter(pk=entry.entity_id).first()
    if obj is None:
        return None
    plan = obj if isinstance(obj, Plan) else getattr(obj, "plan", None)
    program_id = plan.program_id if plan is not None else getattr(obj, "program_id", None)
    return LoggedEvent(entry, kind, obj, plan, program_id)


def body_of(event: LoggedEvent) -> str:
    """The CloudEvent as JSON text, a few hundred bytes. It has no name, no comment and no other free text."""
    entry, obj, plan = event.entry, event.obj, event.plan
    said = entry.payload.body or {}
    called, fields = SUBJECTS.get(entry.entity) or (_case_name(entry.entity), ("key",))
    told = {"kind": called, "id": str(obj.pk)}
    told |= {name: getattr(obj, name) for name in fields if hasattr(obj, name)}
    data: dict[str, Any] = {
        "object": told,
        "event": entry.event,
        "from": said.get("from") if said.get("field") == STATE else None,
        "to": said.get("to") if said.get("field") == STATE else _first_state(obj),
        "change_log": {"chain": entry.chain, "sequence": entry.sequence, "hash": entry.hash},
    }
    subject = f"{called.replace(' ', '-')}/{obj.pk}"
    if plan is not None:
        subject = f"plans/{plan.plan_id}"
        data["plan"] = {
            "plan_id": plan.plan_id,
            "command": plan.command,
            "plugin": plan.plugin,
            "program": plan.program.slug,
            "href": f"{settings.GTM_BASE_URL}/api/v1/plans/{plan.plan_id}/",
        }
    made = {
        "specversion": "1.0",
        "id": event.event_id,
        "source": settings.GTM_BASE_URL,
        "type": event.type,
        "subject": subject,
        "time": entry.at,
        "datacontenttype": "application/json",
        "sequence": f"{entry.sequence:012d}",  # the extension of that name: its order is that of texts
        "data": data,
    }
    return json.dumps(made, ensure_ascii=False, separators=(",", ":"), default=str)


def _first_state(obj: Any) -> str | None:
    """The state in which a row begins: what it has come to since is told by later events."""
    if not isinstance(obj, StatefulModel):
        return None
    state: Any = obj._meta.get_field(STATE)
    return state.get_default()


def _case_name(entity: str) -> str:
    return apps.get_model(entity)._meta.verbose_name.lower()
