"""Plans over REST: read, export, import, stop, and the evidence."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotAcceptable
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core import clock
from gtm.core.api import etag
from gtm.core.api.etag import IF_MATCH
from gtm.core.api.views import GovernedReadViewSet, ModelPermissions
from gtm.core.evidence import changelog, departures
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from plans.api.answers import MessageSerializer
from plans.api.backlog import BacklogItemSerializer, FollowUpSerializer
from plans.api.commands import MayOperate
from plans.api.serializers import (
    ArtifactSerializer,
    AskedSerializer,
    ImportedPlanSerializer,
    PlanDetailSerializer,
    PlanSerializer,
    ProofClaimSerializer,
    ReasonSerializer,
    RemediationSerializer,
    ReviseSerializer,
    TaskDetailSerializer,
)
from plans.engine.gates import preview
from plans.engine.people import thread
from plans.engine.stopping import ripcord
from plans.export import envelope, files, importer, render
from plans.models import Plan
from plans.runs import follow_up, revise
from plans.runs.current_outputs import standing_of
from plans.selectors import visible_plans, with_tasks
from programs.api.insiders import ForOurPeople

AS_ENVELOPE = (
    "envelope: the same bytes in a DSSE envelope, signed as a whole with the keys of this installation"
)


class PlanViewSet(ForOurPeople, GovernedReadViewSet):
    queryset = Plan.objects.none()
    scope = "run"
    scopes = {"export": "export", "download": "export", "import_document": "load"}
    serializer_class = PlanDetailSerializer
    lookup_field = "plan_id"
    lookup_value_regex = "[A-Za-z0-9-]+"
    filterset_fields = {
        "state": ["exact", "in"],
        "plugin": ["exact"],
        "command": ["exact"],
        "program__slug": ["exact"],
        "created_at": ["gte", "lt"],
    }
    search_fields = ["plan_id", "objective", "usage"]
    ordering_fields = ["created_at", "finished_at", "state", "command"]

    def get_queryset(self) -> Any:
        plans = visible_plans(self.request.user)
        return plans if self.action == "list" else with_tasks(plans)

    def get_serializer_class(self) -> Any:
        return PlanSerializer if self.action == "list" else PlanDetailSerializer

    @extend_schema(
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
        parameters=[OpenApiParameter("as", enum=["json", "envelope"], description=AS_ENVELOPE)],
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def export(self, request: Request, plan_id: str) -> HttpResponse:
        """The plan JSON document, with the same bytes as the file in the plans folder."""
        plan = self.get_object()
        raw = files.export(plan)
        if request.query_params.get("as") == "envelope":
            raw = envelope.wrap(raw)
            departures.record(plan, f"plan JSON of {plan_id}", raw, form=envelope.FORM)
            response = HttpResponse(raw, content_type=envelope.MEDIA_TYPE)
            response["Content-Disposition"] = f'attachment; filename="{plan_id}.{envelope.SUFFIX}"'
            return response
        tag = etag.of_bytes(raw)
        if etag.not_modified(request, tag):
            return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
        departures.record(plan, f"plan JSON of {plan_id}", raw, form="json")
        response = HttpResponse(raw, content_type="application/json", headers={"ETag": tag})
        response["Content-Disposition"] = f'attachment; filename="{plan_id}.json"'
        return response

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: ImportedPlanSerializer}, filters=False)
    @action(
        detail=False, methods=["post"], url_path="import", permission_classes=[ModelPermissions, MayOperate]
    )
    def import_document(self, request: Request) -> Response:
        """Import an exported plan as a record. It is verified first, and it never runs."""
        row, proof = importer.take_in(request.data)
        lists = {
            name: ProofClaimSerializer(claims, many=True).data
            for name, claims in (("proved", proof.proved), ("not_proved", proof.not_proved))
        }
        return Response(ImportedPlanSerializer(row).data | lists, status=status.HTTP_201_CREATED)

    @extend_schema(request=ReasonSerializer, responses=PlanDetailSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, plan_id: str) -> Response:
        body = ReasonSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        plan = self._checked(request)
        perform(
            plan, "cancel", comment=body.validated_data["reason"], set_fields={"finished_at": clock.now()}
        )
        return self._answer(plan)

    @extend_schema(request=ReviseSerializer, responses=PlanDetailSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def revise(self, request: Request, plan_id: str) -> Response:
        """Answer a request for changes. The plan becomes revision n + 1 and goes back to its gates."""
        body = ReviseSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        plan = self._checked(request, required=True)
        told = body.validated_data
        revise.revise(
            plan,
            told["inputs"],
            comment=told["comment"],
            redo=told["redo"],
            fresh_data=told["fresh_data"],
        )
        return self._answer(plan)

    @extend_schema(request=ReviseSerializer, responses=PlanDetailSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def change(self, request: Request, plan_id: str) -> Response:
        """Change a plan that is approved or running. It goes through review and its gates again."""
        body = ReviseSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        plan = self._checked(request, required=True)
        told = dict(body.validated_data)
        revise.change(plan, told.pop("inputs"), **told)
        return self._answer(plan)

    @extend_schema(request=ReasonSerializer, responses=PlanDetailSerializer)
    @action(detail=True, methods=["post"])
    def ripcord(self, request: Request, plan_id: str) -> Response:
        """Emergency stop: nothing new starts, and running steps are stopped or their results kept apart."""
        body = ReasonSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        plan = self._checked(request)
        ripcord.pull("plan", plan=plan, reason=body.validated_data["reason"])
        return self._answer(plan)

    @extend_schema(request=RemediationSerializer, responses=PlanDetailSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, plan_id: str) -> Response:
        """Agree to release a pulled rip-cord. When a second person agrees, it is released."""
        body = RemediationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        plan = self._checked(request)
        ripcord.release(plan, remediation=body.validated_data["remediation"])
        return self._answer(plan)

    @extend_schema(responses={200: {"type": "array", "items": {"type": "object"}}}, filters=False)
    @action(detail=True, methods=["get"])
    def standing(self, request: Request, plan_id: str) -> Response:
        """The present state of the plan, as outputs. For a launch: readiness, its vetoes and its runbook."""
        return Response(standing_of(self.get_object()))

    @extend_schema(methods=["get"], responses=MessageSerializer(many=True), filters=False)
    @extend_schema(methods=["post"], request=MessageSerializer, responses={201: MessageSerializer(many=True)})
    @action(detail=True, methods=["get", "post"], pagination_class=None)
    def messages(self, request: Request, plan_id: str) -> Response:
        """Questions and answers about the plan, the oldest first. They decide nothing."""
        plan = self.get_object()
        if request.method == "GET":
            return Response(MessageSerializer(thread.messages_of(plan), many=True).data)
        body = MessageSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        thread.say(plan, body.validated_data["text"])
        told = MessageSerializer(thread.messages_of(plan), many=True).data
        return Response(told, status=status.HTTP_201_CREATED)

    @extend_schema(responses=AskedSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def approvers(self, request: Request, plan_id: str) -> Response:
        """Who must approve this plan, gate by gate, and why. Stores nothing."""
        return Response([asked.as_dict() for asked in preview.who_must_approve(self.get_object())])

    @extend_schema(responses={200: dict})
    @action(detail=True, methods=["get"])
    def changelog(self, request: Request, plan_id: str) -> Response:
        plan = self.get_object()
        entries = ChangeLogEntry.objects.filter(chain=plan.change_chain()).select_related("payload")
        page = self.paginate_queryset(entries.order_by("sequence"))
        return self.get_paginated_response([changelog.row_of(entry) for entry in page])

    @extend_schema(responses=ArtifactSerializer(many=True))
    @action(detail=True, methods=["get"])
    def artifacts(self, request: Request, plan_id: str) -> Response:
        rows = (
            self.get_object()
            .artifacts.filter(superseded_at=None)
            .select_related("task")
            .defer("payload", "specification")
            .order_by("task__position", "position")
        )
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(ArtifactSerializer(page, many=True).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("as", str, enum=list(render.FORMATS)),
            OpenApiParameter("artifact_id", int, "path"),
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        filters=False,
    )
    @action(detail=True, methods=["get"], url_path=r"artifacts/(?P<artifact_id>[0-9]+)/download")
    def download(self, request: Request, plan_id: str, artifact_id: str) -> HttpResponse:
        artifact = get_object_or_404(self.get_object().artifacts, pk=artifact_id)
        wanted = request.query_params.get("as", "json")
        possible = render.formats_of(artifact.payload)
        if wanted not in possible:
            raise NotAcceptable(f"This {artifact.kind} is available as {', '.join(possible)}.")
        rendered = render.render(artifact.payload, wanted, artifact.specification)
        what = f"output {artifact.key} of {plan_id}"
        departures.record(artifact.plan, what, rendered.content, form=rendered.suffix)
        response = HttpResponse(rendered.content, content_type=rendered.media_type)
        response["Content-Disposition"] = f'attachment; filename="{plan_id}-{artifact.key}.{rendered.suffix}"'
        response["X-Content-Type-Options"] = "nosniff"
        return response

    @extend_schema(responses=BacklogItemSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"])
    def backlog(self, request: Request, plan_id: str) -> Response:
        """The plan's backlog in its order, each item with the task it became."""
        found = follow_up.backlog_of(self.get_object())
        return Response(BacklogItemSerializer(found, many=True).data)

    @extend_schema(
        request=FollowUpSerializer,
        responses={201: TaskDetailSerializer},
        parameters=[OpenApiParameter("rank", int, "path")],
    )
    @action(detail=True, methods=["post"], url_path=r"backlog/(?P<rank>[0-9]{1,4})/task")
    def start_item(self, request: Request, plan_id: str, rank: str) -> Response:
        """Make an item of the approved backlog a task with owner and date. Repeated, it "
        "returns the same task."""
        body = FollowUpSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        task = follow_up.start(self.get_object(), int(rank), **body.validated_data)
        return Response(TaskDetailSerializer(task).data, status=status.HTTP_201_CREATED)

    def _checked(self, request: Request, *, required: bool = False) -> Plan:
        """An emergency does not wait for an ETag; a change of content does."""
        plan = self.get_object()
        etag.check_match(request, self.etag_of(plan), required=required)
        return plan

    def _answer(self, plan: Plan) -> Response:
        data = self.get_serializer(self.get_queryset().get(pk=plan.pk)).data
        return Response(data, headers={"ETag": etag.of_body(data)})
