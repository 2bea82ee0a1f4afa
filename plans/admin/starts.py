"""The commands as actions on what they start from, and what a program has and needs on its page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from gtm.core.admin.actions import LIST, PAGE, ROW, SELECTED, Link, add_panel, offer
from gtm.core.errors import InvalidInput
from plans.drawing import badges
from plans.runs import origins, overview
from plans.schemas.declaration import Command
from programs.models import Campaign, Partner, Program


def may_run(request: HttpRequest) -> bool:
    return request.user.has_perm("plans.operate_plan")


def offer_commands() -> None:
    """Each command on the pages that its declaration names."""
    for kind, model in origins.KINDS.items():
        offer(model, partial(_actions, kind))


def _actions(kind: str) -> list[Link]:
    return [_action(command, kind) for command, _ in origins.startable(kind)]


def _action(command: Command, kind: str) -> Link:
    """A link to the command's form, filled in for the object; in a program's list for the default one."""
    slots = {ROW, PAGE, SELECTED} | ({LIST} if kind == "program" else set())
    return Link(
        f"run_{command.key.replace('-', '_').replace(':', '__')}",
        command.action,
        may_run,
        icon="play_arrow",
        slots=frozenset(slots),
        fits=origins.fitting(command, kind),
        respond=_opener(command, kind),
    )


def _opener(command: Command, kind: str) -> Callable[[HttpRequest, list[Any]], HttpResponse]:
    def respond(request: HttpRequest, objects: list[Any]) -> HttpResponse:
        if len(objects) > 1:
            raise InvalidInput(f"{command.action}: a run is for one {kind}; choose one.")
        query = ""
        if objects:
            origins.fill(command, kind, objects[0].pk)  # says why it does not start from here
            query = "?" + urlencode({"from": f"{kind}-{objects[0].pk}"})
        return HttpResponseRedirect(reverse("admin:plans_run_command", args=[command.key]) + query)

    return respond


def _panel(gather: Callable[[Any], overview.Overview]) -> Callable[[HttpRequest, Any], Mapping[str, Any]]:
    def context(request: HttpRequest, obj: Any) -> Mapping[str, Any]:
        if not request.user.has_perm("plans.view_plan"):
            return {}
        found = gather(obj)
        plans = [(plan, badges.badge(plan)) for plan in found.plans]
        return {"overview": found, "plans": plans, "may_run": may_run(request)}

    return context


def add_panels() -> None:
    add_panel(Program, "plans/_overview.html", _panel(overview.of_program))
    add_panel(Campaign, "plans/_overview.html", _panel(overview.of_campaign))
    add_panel(Partner, "plans/_overview.html", _panel(overview.of_partner))


offer_commands()
add_panels()
