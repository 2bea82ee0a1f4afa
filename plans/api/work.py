"""What waits for people over REST: tasks, approvals, escalations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core.api.etag import IF_MATCH
from gtm.core.api.views import WorkViewSet
from gtm.core.errors import InvalidInput, NotPermitted, Problem
from gtm.core.identity import proof
from plans.api.insiders import ListForOurPeople
from plans.api.serializers import (
    ApprovalDetailSerializer,
    ApprovalSerializer,
    CommentSerializer,
    CompleteSerializer,
    DecideSerializer,
    EscalationDetailSerializer,
    EscalationSerializer,
    ProgressSerializer,
    ReasonSerializer,
    ReassignSerializer,
    RemediationSerializer,
    TaskCommentSerializer,
    TaskDetailSerializer,
    TaskSerializer,
    WaitSerializer,
)
from plans.engine.escalation import ladder
from plans.engine.gates import rounds
from plans.engine.people import human_tasks, taken_back
from plans.models import Approval, Escalation, Task
from plans.runs import revise
from plans.selectors import approvals_with_votes, cases_with_people, tasks_with_people
from programs.models import Person


class TaskViewSet(ListForOurPeople, WorkViewSet):
    queryset = Task.objects.none()
    scope = "run"
    serializer_class = TaskDetailSerializer
    list_serializer_class = TaskSerializer
    filterset_fields = {
        "state": ["exact", "in"],
        "kind": ["exact"],
        "plan__plan_id": ["exact"],
        "agent__slug": ["exact"],
    }
    search_fields = ["name", "purpose"]
    ordering_fields = ["position", "due_at", "state"]

    def get_queryset(self) -> Any:
        return tasks_with_people().order_by("-plan_id", "position")

    @extend_schema(request=CompleteSerializer, responses=TaskDetailSerializer)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, pk: str) -> Response:
        """Complete a task of yours, or record the result of an escalated one, with evidence."""
        task, body = self.checked(request, CompleteSerializer)
        human_tasks.complete(task, result=body["result"], evidence=body["evidence"], comment=body["comment"])
        return self.answer(task)

    @extend_schema(request=CommentSerializer, responses=TaskDetailSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Take back a completion of yours within one minute, if nothing has used it yet."""
        task, body = self.checked(request, CommentSerializer)
        return self.answer(taken_back.undo(task, comment=body["comment"]))

    @extend_schema(request=ReasonSerializer, responses=TaskDetailSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Do a task of people again. The plan becomes its next revision and comes back to its gates."""
        task, body = self.checked(request, ReasonSerializer)
        return self.answer(taken_back.reopen(task, comment=body["reason"]))

    @extend_schema(request=ReasonSerializer, responses=TaskDetailSerializer)
    @action(detail=True, methods=["post"])
    def fail(self, request: Request, pk: str) -> Response:
        """Report a task of yours as blocked. It escalates, and other tasks go on."""
        task, body = self.checked(request, ReasonSerializer)
        human_tasks.report_blocked(task, reason=body["reason"])
        return self.answer(task)

    @extend_schema(request=ReasonSerializer, responses=TaskDetailSerializer)
    @action(detail=True, methods=["post"])
    def block(self, request: Request, pk: str) -> Response:
        """The same as fail."""
        return self.fail(request, pk)

    @extend_schema(request=CommentSerializer, responses=TaskDetailSerializer)
    @action(detail=True, methods=["post"])
    def unblock(self, request: Request, pk: str) -> Response:
        """Unblock a task of yours, so that it goes on."""
        task, body = self.checked(request, CommentSerializer)
        human_tasks.unblock(task, comment=body["comment"])
        return self.answer(task)

    @extend_schema(request=TaskCommentSerializer, responses=TaskDetailSerializer)
    @action(detail=True, methods=["post"])
    def comment(self, request: Request, pk: str) -> Response:
        """Comment on a task, with evidence. The comment is kept in the change log."""
        task, body = self.checked(request, TaskCommentSerializer)
        human_tasks.comment_on(task, text=body["comment"], evidence=body["evidence"])
        return self.answer(task)

    @extend_schema(request=ProgressSerializer, responses=TaskDetailSerializer)
    @action(detail=True, methods=["post"])
    def progress(self, request: Request, pk: str) -> Response:
        """Say how far a task of yours is. What is left of it moves the forecast of its plan."""
        task, body = self.checked(request, ProgressSerializer)
        human_tasks.report_progress(task, percent=body["percent"], note=body["note"])
        return self.answer(task)

    @extend_schema(request=CommentSerializer, responses=TaskDetailSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Grant an escalated task one more attempt."""
        task, body = self.checked(request, CommentSerializer)
        human_tasks.grant_attempt(task, comment=body["comment"])
        return self.answer(task)

    @extend_schema(request=CommentSerializer, responses=TaskDetailSerializer)
    @action(detail=True, methods=["post"])
    def waive(self, request: Request, pk: str) -> Response:
        task, body = self.checked(request, CommentSerializer)
        human_tasks.waive(task, comment=body["comment"])
        return self.answer(task)

    @extend_schema(request=ReassignSerializer, responses=TaskDetailSerializer)
    @action(detail=True, methods=["post"])
    def reassign(self, request: Request, pk: str) -> Response:
        task, body = self.checked(request, ReassignSerializer)
        revise.reassign(task, owner=person_by_email(body["owner"], "owner"), comment=body["comment"])
        return self.answer(task)


class ApprovalViewSet(ListForOurPeople, WorkViewSet):
    queryset = Approval.objects.none()
    scope = "run"
    serializer_class = ApprovalDetailSerializer
    list_serializer_class = ApprovalSerializer
    filterset_fields = {"state": ["exact", "in"], "gate": ["exact"], "plan__plan_id": ["exact"]}
    ordering_fields = ["due_at", "opened_at", "state"]

    def get_queryset(self) -> Any:
        return approvals_with_votes().order_by("-opened_at", "-pk")

    @extend_schema(request=DecideSerializer, responses=ApprovalDetailSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, pk: str) -> Response:
        """Approve, reject, request changes or recuse yourself. It needs a session: a token cannot decide.

        Name the version that you saw: send If-Match with the approval's ETag, or ``scope_sha256``.
        """
        approval, body = self.checked(request, DecideSerializer, instead="scope_sha256")
        principal = body.get("on_behalf_of")
        rounds.decide(
            approval,
            body["decision"],
            comment=body["comment"],
            evidence=body["evidence"],
            on_behalf_of=person_by_email(principal, "on_behalf_of") if principal else None,
            seen_digest=body.get("scope_sha256"),
            reauthenticated_at=self.proved_at(request, body),
        )
        return self.answer(approval)

    @extend_schema(request=ReasonSerializer, responses=ApprovalDetailSerializer)
    @action(detail=True, methods=["post"], url_path="ask-again")
    def ask_again(self, request: Request, pk: str) -> Response:
        """End a round that nobody can decide. A new round asks the people of today; it is the answer."""
        approval, body = self.checked(request, ReasonSerializer)
        return self.answer(rounds.ask_again(approval, reason=body["reason"]))

    def proved_at(self, request: Request, body: dict[str, Any]) -> datetime | None:
        """When the caller has proved anew who they are: by the password, or at the account’s provider."""
        found = proof.given(request, body.get("password"))
        if found is None and "password" in body:
            raise NotPermitted("The password is wrong. Nothing was decided.", reauthenticate=True)
        return found


class EscalationViewSet(ListForOurPeople, WorkViewSet):
    queryset = Escalation.objects.none()
    scope = "run"
    serializer_class = EscalationDetailSerializer
    list_serializer_class = EscalationSerializer
    filterset_fields = {"state": ["exact", "in"], "trigger": ["exact"], "plan__plan_id": ["exact"]}
    ordering_fields = ["created_at", "due_at", "state"]

    def get_queryset(self) -> Any:
        return cases_with_people().order_by("-created_at")

    @extend_schema(request=CommentSerializer, responses=EscalationDetailSerializer)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        case, body = self.checked(request, CommentSerializer)
        ladder.acknowledge(case, comment=body["comment"])
        return self.answer(case)

    @extend_schema(request=ReassignSerializer, responses=EscalationDetailSerializer)
    @action(detail=True, methods=["post"], url_path="hand-over")
    def hand_over(self, request: Request, pk: str) -> Response:
        """Give the case to somebody else on a rung that it has reached."""
        case, body = self.checked(request, ReassignSerializer)
        ladder.hand_over(case, owner=person_by_email(body["owner"], "owner"), comment=body["comment"])
        return self.answer(case)

    @extend_schema(request=WaitSerializer, responses=EscalationDetailSerializer)
    @action(detail=True, methods=["post"])
    def wait(self, request: Request, pk: str) -> Response:
        """Let the case wait until a time, at most two weeks ahead."""
        case, body = self.checked(request, WaitSerializer)
        ladder.wait(case, until=body["until"], comment=body["reason"])
        return self.answer(case)

    @extend_schema(request=ReasonSerializer, responses=EscalationDetailSerializer)
    @action(detail=True, methods=["post"], url_path="escalate-now")
    def escalate_now(self, request: Request, pk: str) -> Response:
        """Notify the next rung at once."""
        case, body = self.checked(request, ReasonSerializer)
        ladder.escalate_now(case, comment=body["reason"])
        return self.answer(case)

    @extend_schema(request=RemediationSerializer, responses=EscalationDetailSerializer)
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: str) -> Response:
        case, body = self.checked(request, RemediationSerializer)
        ladder.resolve(case, remediation=body["remediation"])
        return self.answer(case)


def person_by_email(email: str, field: str) -> Person:
    person = Person.objects.filter(email__iexact=email, is_active=True).first()
    if person is None:
        raise InvalidInput("No person has this address.", problems=[Problem(field, f"{email} is unknown.")])
    return person
