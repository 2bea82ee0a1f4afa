"""How plans and their parts look over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from gtm.core import fsm
from gtm.core.actors import current
from gtm.core.api.fields import InstantField
from gtm.core.api.serializers import ActionSerializer, ModelSerializer, Serializer
from plans.api.answers import AnswerField
from plans.engine.gates import rounds
from plans.models import (
    Approval,
    Artifact,
    Decision,
    DecisionKind,
    Escalation,
    ImportedPlan,
    Plan,
    Task,
    TaskAttempt,
)
from plans.selectors import comments_on


@extend_schema_field(ActionSerializer(many=True))
class ActionsField(serializers.Field):
    """What the caller may do with the object now, and why not where refused."""

    def __init__(self, **kwargs: Any):
        super().__init__(read_only=True, source="*", **kwargs)

    def to_representation(self, obj: Any) -> list[dict[str, Any]]:
        return ActionSerializer(self.actions(obj), many=True).data

    def actions(self, obj: Any) -> list[fsm.Action]:
        return fsm.actions(obj, current().actor)


class DecisionsField(ActionsField):
    """The votes the caller may cast now; a token sees why it may not."""

    def actions(self, obj: Any) -> list[fsm.Action]:
        return rounds.available(obj, current().actor)


class AttemptSerializer(ModelSerializer):
    class Meta:
        model = TaskAttempt
        fields = [
            "number",
            "executor",
            "outcome",
            "worker",
            "started_at",
            "finished_at",
            "seconds",
            "error_class",
            "error",
        ]


class SpokenSerializer(Serializer):
    """A comment on a task, from the change log."""

    at = InstantField()
    by = serializers.CharField()
    text = serializers.CharField()
    evidence = serializers.DictField(child=serializers.CharField())


class TaskSerializer(ModelSerializer):
    plan = serializers.SlugRelatedField("plan_id", read_only=True)
    agent = serializers.SlugRelatedField("slug", read_only=True)
    fallback_agent = serializers.SlugRelatedField("slug", read_only=True)
    owner = serializers.StringRelatedField()
    needs = serializers.SlugRelatedField("task_id", many=True, read_only=True)

    class Meta:
        model = Task
        fields = [
            "id", "plan", "task_id", "stage_id", "stage_name", "key", "name", "purpose", "kind", "state",
            "version", "agent", "fallback_agent", "owner", "needs", "skills", "tools", "output_var",
            "due_at", "held_because", "progress", "progress_note", "attempts_used", "attempts_allowed",
            "next_attempt_at",
            "started_at", "finished_at", "output_sha256", "error",
        ]  # fmt: skip


class TaskDetailSerializer(TaskSerializer):
    attempts = AttemptSerializer(many=True, read_only=True)
    comments = serializers.SerializerMethodField()
    actions = ActionsField()

    class Meta(TaskSerializer.Meta):
        fields = [
            *TaskSerializer.Meta.fields, "evidence_wanted", "output", "attempts", "comments", "actions",
        ]  # fmt: skip

    @extend_schema_field(SpokenSerializer(many=True))
    def get_comments(self, task: Task) -> list[dict[str, Any]]:
        return comments_on(task)


class PlanSerializer(ModelSerializer):
    program = serializers.SlugRelatedField("slug", read_only=True)
    requested_by = serializers.SlugRelatedField("username", read_only=True)

    class Meta:
        model = Plan
        fields = [
            "plan_id", "revision", "state", "version", "plugin", "command", "usage", "inputs", "objective",
            "strategy", "program", "requested_by", "amount", "currency", "created_at", "started_at",
            "finished_at",
        ]  # fmt: skip


class PlanDetailSerializer(PlanSerializer):
    answer = AnswerField()
    tasks = TaskSerializer(many=True, read_only=True)
    actions = ActionsField()

    class Meta(PlanSerializer.Meta):
        fields = [*PlanSerializer.Meta.fields, "answer", "checklist", "datasets", "tasks", "actions"]


class DecisionSerializer(ModelSerializer):
    person = serializers.StringRelatedField()
    on_behalf_of = serializers.StringRelatedField()

    class Meta:
        model = Decision
        fields = [
            "id", "kind", "person", "on_behalf_of", "comment", "evidence", "scope_sha256", "decided_at",
            "superseded_at", "void_reason",
        ]  # fmt: skip


class ApprovalSerializer(ModelSerializer):
    plan = serializers.SlugRelatedField("plan_id", read_only=True)
    decisions = DecisionSerializer(many=True, read_only=True)

    class Meta:
        model = Approval
        fields = [
            "id", "plan", "gate", "title", "round", "state", "version", "question", "summary", "amount",
            "currency", "policy", "scope", "scope_sha256", "opened_at", "due_at", "decided_at", "missing",
            "decisions",
        ]  # fmt: skip


class ApprovalDetailSerializer(ApprovalSerializer):
    answer = AnswerField()
    actions = DecisionsField()

    class Meta(ApprovalSerializer.Meta):
        fields = [*ApprovalSerializer.Meta.fields, "answer", "actions"]


class EscalationSerializer(ModelSerializer):
    plan = serializers.SlugRelatedField("plan_id", read_only=True)
    acknowledged_by = serializers.StringRelatedField()
    owner = serializers.SlugRelatedField("email", read_only=True)

    class Meta:
        model = Escalation
        fields = [
            "id", "plan", "trigger", "about", "subject", "detail", "evidence", "state", "version", "rung",
            "asks_to_stop", "told_at_once", "due_at", "acknowledged_by", "owner", "occurrences",
            "remediation", "created_at", "closed_at",
        ]  # fmt: skip


class EscalationDetailSerializer(EscalationSerializer):
    actions = ActionsField()

    class Meta(EscalationSerializer.Meta):
        fields = [*EscalationSerializer.Meta.fields, "actions"]


class ArtifactSerializer(ModelSerializer):
    task_id = serializers.SlugRelatedField("task_id", read_only=True, source="task")

    class Meta:
        model = Artifact
        fields = ["id", "task_id", "key", "title", "kind", "is_deliverable", "sha256", "created_at"]


class ProofClaimSerializer(Serializer):
    what = serializers.CharField()
    ground = serializers.CharField(help_text="By what it is proved, or why it is not")


class ImportedPlanSerializer(ModelSerializer):
    """The record, with what the document proved when it came, and what it did not."""

    proved = ProofClaimSerializer(many=True, read_only=True)
    not_proved = ProofClaimSerializer(many=True, read_only=True)

    class Meta:
        model = ImportedPlan
        fields = [
            *("plan_id", "sha256", "head", "status", "objective", "command", "created_at"),
            *("proved", "not_proved"),
        ]


class AskedSeatSerializer(Serializer):
    role = serializers.CharField()
    minimum = serializers.IntegerField()
    why = serializers.CharField(help_text="Which condition asks for it")


class AskedCapacitySerializer(Serializer):
    role = serializers.CharField()
    by = serializers.CharField(help_text="Delegate, substitute or rung; empty in their own right")
    authority_of = serializers.CharField()


class AskedPersonSerializer(Serializer):
    person = serializers.CharField()
    capacities = AskedCapacitySerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["as"] = fields.pop("capacities")  # a word of the language, so no attribute
        return fields


class PassedOverSerializer(Serializer):
    person = serializers.CharField()
    why = serializers.CharField()


class AskedSerializer(Serializer):
    """One gate: its seats with their reasons, who may decide, who may not and why, and open seats."""

    gate = serializers.CharField()
    title = serializers.CharField()
    seats = AskedSeatSerializer(many=True)
    people = AskedPersonSerializer(many=True)
    passed_over = PassedOverSerializer(many=True)
    missing = serializers.ListField(child=serializers.CharField())


class ReplayedRoundSerializer(Serializer):
    plan = serializers.CharField()
    gate = serializers.CharField()
    round = serializers.IntegerField()
    was = serializers.CharField()
    would_be = serializers.CharField()
    seats_before = serializers.ListField(child=serializers.CharField())
    seats_after = serializers.ListField(child=serializers.CharField())
    missing = serializers.ListField(child=serializers.CharField(), help_text="Roles that were not asked")
    differs = serializers.BooleanField()


class PolicyReplayedSerializer(Serializer):
    differing = serializers.IntegerField()
    rounds = ReplayedRoundSerializer(many=True)


# ------------------------------------------------------------------ what callers send


class PolicySerializer(Serializer):
    seats = serializers.JSONField(
        help_text='[{"role": "finance", "minimum": 2, "condition": {"field": "amount", "over": "25000", '
        '"currency": "USD"}}, …]'
    )
    on_reject = serializers.ChoiceField(["veto", "impossible"], required=False, default="veto")
    limit = serializers.IntegerField(
        required=False, default=100, min_value=1, max_value=500, help_text="So many rounds, the newest"
    )


class UsageRunSerializer(Serializer):
    usage = serializers.CharField(max_length=4000, trim_whitespace=True)
    program = serializers.CharField(
        required=False, help_text="Slug; the default program of the kind otherwise"
    )


class InputsRunSerializer(Serializer):
    inputs = serializers.DictField(child=serializers.JSONField(), default=dict)
    program = serializers.CharField(required=False)


class DecideSerializer(Serializer):
    decision = serializers.ChoiceField(DecisionKind.choices)
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=4000)
    evidence = serializers.DictField(child=serializers.JSONField(), required=False, default=dict)
    on_behalf_of = serializers.EmailField(required=False, help_text="The principal you act for")
    scope_sha256 = serializers.CharField(required=False, help_text="Digest of what you looked at")
    password = serializers.CharField(
        required=False, write_only=True, help_text="Decisions about money or law need it again"
    )


class CommentSerializer(Serializer):
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=4000)


class ReasonSerializer(Serializer):
    reason = serializers.CharField(max_length=4000)


class WaitSerializer(ReasonSerializer):
    until = InstantField(help_text="When the climb goes on")


class ReviseSerializer(Serializer):
    comment = serializers.CharField(max_length=4000, help_text="What was changed, or why nothing must change")
    inputs = serializers.DictField(
        child=serializers.JSONField(allow_null=True),
        required=False,
        default=dict,
        help_text="Only the inputs that change; null removes an optional one",
    )
    redo = serializers.ListField(
        child=serializers.CharField(max_length=80),
        required=False,
        default=list,
        help_text="Keys of tasks to do again; what depends on them runs again too",
    )
    fresh_data = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Read the newest datasets and material, not those of the start",
    )


class RemediationSerializer(Serializer):
    remediation = serializers.CharField(max_length=4000)


class CompleteSerializer(CommentSerializer):
    result = serializers.DictField(child=serializers.JSONField(), required=False, default=dict)
    evidence = serializers.DictField(child=serializers.CharField(), required=False, default=dict)


class TaskCommentSerializer(Serializer):
    comment = serializers.CharField(max_length=4000)
    evidence = serializers.DictField(child=serializers.CharField(), required=False, default=dict)


class ProgressSerializer(Serializer):
    percent = serializers.IntegerField(
        min_value=0, max_value=99, help_text="Percent of the task that is done"
    )
    note = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class ReassignSerializer(CommentSerializer):
    owner = serializers.EmailField(help_text="E-mail of the person who takes the task")
