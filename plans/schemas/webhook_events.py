"""The types of events that go out by webhooks. A name that was once published stays."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PLAN_CREATED = "gtm.plan.created"
PLAN_MOVED = "gtm.plan.moved"
PLAN_ENDED = "gtm.plan.ended"
TASK_MOVED = "gtm.task.moved"
APPROVAL_MOVED = "gtm.approval.moved"
CASE_OPENED = "gtm.case.opened"
CASE_MOVED = "gtm.case.moved"
BREACH_FOUND = "gtm.breach.found"
RIPCORD_PULLED = "gtm.ripcord.pulled"
RIPCORD_CLOSED = "gtm.ripcord.closed"
DATASET_LOADED = "gtm.dataset.loaded"
AUTHORITY_MOVED = "gtm.authority.moved"

TYPES: Mapping[str, str] = MappingProxyType(
    {
        PLAN_CREATED: "A plan was made",
        PLAN_MOVED: "A plan has another state",
        PLAN_ENDED: "A plan has come to its end",
        TASK_MOVED: "A task has another state",
        APPROVAL_MOVED: "An approval has another state: asked, approved, rejected and so on",
        CASE_OPENED: "An escalation, or another case, was opened",
        CASE_MOVED: "A case has another state",
        BREACH_FOUND: "A limit was breached",
        RIPCORD_PULLED: "The rip-cord was pulled",
        RIPCORD_CLOSED: "A pulled rip-cord was released, or what it stopped was aborted",
        DATASET_LOADED: "A data set was loaded",
        AUTHORITY_MOVED: "A change of authority by two people was proposed or decided",
    }
)
"""Type → what has happened."""
