"""The transition table of a program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gtm.core.actors import Actor
from gtm.core.fsm import Machine, to
from programs.models import Program


def may_manage_programs(actor: Actor, program: Program, params: Mapping[str, Any]) -> str | None:
    """People with the permission to change programs, and the engine."""
    if actor.is_system or actor.user.has_perm("programs.change_program"):
        return None
    return "Ask somebody who manages programs."


def before_hold(program: Program, params: Mapping[str, Any]) -> str:
    """The state the program was in when it was held, read from its history."""
    return program.history.exclude(state="held").order_by("-history_id").first().state


_LIVE = "planning active paused"

PROGRAM = Machine(
    Program,
    states=("draft", "planning", "active", "paused", "held", "completed", "aborted", "cancelled", "archived"),
    final=frozenset({"aborted", "archived"}),
    transitions=(
        to("plan", "draft", "planning", permission=may_manage_programs),
        to("activate", "draft planning", "active", permission=may_manage_programs),
        to("pause", "active", "paused", permission=may_manage_programs, comment_required=True),
        to("resume", "paused", "active", permission=may_manage_programs, comment_required=True),
        to("hold", _LIVE, "held", permission=may_manage_programs, comment_required=True),
        to("release", "held", before_hold, permission=may_manage_programs, comment_required=True),
        to("abort", "held", "aborted", permission=may_manage_programs, comment_required=True),
        to("complete", "active", "completed", permission=may_manage_programs),
        to(
            "cancel",
            "draft planning active paused",
            "cancelled",
            permission=may_manage_programs,
            comment_required=True,
        ),
        to("archive", "completed cancelled", "archived", permission=may_manage_programs),
    ),
)
