"""What can be run, and running it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core.api import etag, idempotency
from gtm.core.api.views import ActingMixin, Needs
from gtm.core.errors import NotFound, Problem
from plans.api.serializers import (
    AskedSerializer,
    InputsRunSerializer,
    PlanDetailSerializer,
    PolicyReplayedSerializer,
    PolicySerializer,
    UsageRunSerializer,
)
from plans.engine.gates import preview
from plans.runs import registry, start
from plans.schemas.declaration import COMMAND_IN_ADDRESS, Command
from plans.selectors import plan_with_tasks
from programs.api.insiders import OurPeople

_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key starts one run, however often it is sent",
)


class MayOperate(Needs):
    message = "You need the permission to operate plans."
    any_of = ("plans.operate_plan",)
    to_read = False


class MayReadPlans(Needs):
    """Past votes name people: operations and auditors read them, and nobody's token of a partner."""

    message = "You need the permission to operate plans or to audit them."
    any_of = ("plans.operate_plan", "plans.audit_plan")


def describe(command: Command) -> dict[str, Any]:
    """A command for machines: inputs as JSON Schema (2020-12), steps, gates."""
    return {
        "key": command.key,
        "name": command.name,
        "plugin": command.plugin,
        "path": command.path,
        "title": command.title,
        "summary": command.summary,
        "example": command.example,
        "program_kind": command.program_kind,
        "strategy": command.strategy,
        "required_datasets": list(command.required_datasets),
        "optional_datasets": list(command.optional_datasets),
        "outputs": list(command.outputs),
        "inputs": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {i.name: i.schema() for i in command.inputs},
            "required": [i.name for i in command.inputs if i.required],
            "additionalProperties": False,
        },
        "tasks": [
            {"task_id": s.task_id, "name": s.name, "kind": s.kind, "agent": s.agent, "needs": list(s.needs)}
            for s in command.steps
        ],
        "gates": [
            {"key": s.key, "title": s.gate.title, "roles": [x.role for x in s.gate.seats]}
            for s in command.steps if s.gate
        ],
    }  # fmt: skip


def _run(request: Request, command: Command, given: Mapping[str, Any], program: str | None) -> Response:
    key = _key_of(request)
    plan = start.earlier_run(key, command, given, program) if key else None
    if plan is None:
        plan = start.start(start.draft(command, given, program), idempotency_key=key)
    data = PlanDetailSerializer(plan_with_tasks(plan.plan_id), context={"request": request}).data
    headers = {"Location": reverse("plan-detail", args=[plan.plan_id]), "ETag": etag.of_body(data)}
    return Response(data, status=status.HTTP_202_ACCEPTED, headers=headers)


def _key_of(request: Request) -> str | None:
    """A caller's key is the caller's own: two users may use the same word."""
    given = idempotency.key_of(request)
    return f"{request.user.pk}:{given}" if given else None


class CommandViewSet(ActingMixin, viewsets.ViewSet):
    scope = "run"
    keeps_own_keys = frozenset({"runs"})  # for good, with the plan
    scopes = {"approvers": "read", "replay": "read"}
    permission_classes = [IsAuthenticated, MayOperate, OurPeople]
    lookup_field = "name"
    lookup_value_regex = COMMAND_IN_ADDRESS

    @extend_schema(responses={200: dict}, operation_id="commands_list")
    def list(self, request: Request) -> Response:
        found = [describe(c) for c in registry.all_commands()]
        return Response({"count": len(found), "next": None, "previous": None, "results": found})

    @extend_schema(responses={200: dict}, operation_id="commands_retrieve")
    def retrieve(self, request: Request, name: str) -> Response:
        return Response(describe(registry.get(name)))

    @extend_schema(
        request=InputsRunSerializer,
        responses={202: PlanDetailSerializer},
        parameters=[_KEY],
        examples=[
            OpenApiExample(
                "A loyalty blueprint",
                {"inputs": {"goal": "retention", "tiers": 3, "budget": "50000"}},
                request_only=True,
            )
        ],
    )
    @action(detail=True, methods=["post"])
    def runs(self, request: Request, name: str) -> Response:
        """Start a run from inputs. Returns 202 with the plan. Poll it at Location."""
        body = InputsRunSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given, program = body.validated_data["inputs"], body.validated_data.get("program")
        return _run(request, registry.get(name), given, program)

    @extend_schema(request=InputsRunSerializer, responses=AskedSerializer(many=True))
    @action(detail=True, methods=["post"])
    def approvers(self, request: Request, name: str) -> Response:
        """Who would have to approve such a run, gate by gate, and why. Stores nothing."""
        body = InputsRunSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given, program = body.validated_data["inputs"], body.validated_data.get("program")
        draft = start.draft(registry.get(name), given, program)
        return Response([asked.as_dict() for asked in start.who_would_approve(draft)])

    @extend_schema(
        request=PolicySerializer,
        responses=PolicyReplayedSerializer,
        parameters=[OpenApiParameter("gate", str, OpenApiParameter.PATH, description="Key of the gate")],
    )
    @action(
        detail=True,
        methods=["post"],
        url_path=r"gates/(?P<gate>[a-z0-9-]+)/replay",
        permission_classes=[IsAuthenticated, MayReadPlans, OurPeople],
    )
    def replay(self, request: Request, name: str, gate: str) -> Response:
        """Test a proposed policy on the votes of past rounds of a gate. Stores nothing."""
        command = registry.get(name)
        keys = tuple(step.key for step in command.steps if step.gate)
        if gate not in keys:
            problem = Problem("gate", f"“{gate}” is not a gate of {command.path}.", keys, code="unknown")
            raise NotFound(f"{command.path} has no such gate.", problems=[problem])
        body = PolicySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        told = body.validated_data
        rounds = preview.past_rounds(command.key, gate)[: told["limit"]]
        found = preview.replay_policy(preview.read_seats(told["seats"]), rounds, on_reject=told["on_reject"])
        return Response(
            {"differing": sum(row.differs for row in found), "rounds": [row.as_dict() for row in found]}
        )


class RunViewSet(ActingMixin, viewsets.ViewSet):
    scope = "run"
    keeps_own_keys = frozenset({"create"})
    permission_classes = [IsAuthenticated, MayOperate, OurPeople]

    @extend_schema(
        request=UsageRunSerializer,
        responses={202: PlanDetailSerializer},
        parameters=[_KEY],
        examples=[
            OpenApiExample(
                "A line of the runbooks",
                {
                    "usage": "/loyalty-lifecycle-orchestration:plan-loyalty "
                    "--goal retention --tiers 3 --budget 50000"
                },
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        """Start a run from a usage line, as in the documents."""
        body = UsageRunSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        command, given = start.parse_usage(body.validated_data["usage"])
        return _run(request, command, given, body.validated_data.get("program"))
