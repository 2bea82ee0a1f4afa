"""The groups of accounts that every installation begins with, and what each may do."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

GOVERNED = ("programs", "plans")
ADMINISTRATORS, OPERATIONS, STEWARDS = "Administrators", "Operations", "Stewards"
GROUPS: dict[str, Q] = {
    ADMINISTRATORS: Q(content_type__app_label__in=GOVERNED, codename__startswith="view_")
    | Q(content_type__app_label="auth", codename__in=["add_user", "change_user", "view_user", "view_group"])
    | Q(codename__in=["add_metric", "change_metric", "change_notificationpreference"]),
    OPERATIONS: Q(content_type__app_label__in=GOVERNED, codename__startswith="view_")
    | Q(codename__in=["operate_plan", "pull_ripcord", "answer_escalation", "add_dataset", "add_schedule", "change_schedule",
                      "judge_fraudcase", "use_break_glass", "propose_policy", "manage_webhooks",
                      "add_webhooksubscription", "change_webhooksubscription", "add_incomingsource", "change_incomingsource"])
    | Q(content_type__app_label="programs", codename__regex=r"^(add|change)_(program|tier|benefit|lifecycletrigger|partner|campaign|experiment|absence|rotaoverride|messagetemplate|launchprofile|loadprofile|runbook|runbooktask|runbookalert)$"),
    "Analysts": Q(content_type__app_label__in=GOVERNED, codename__startswith="view_")
    | Q(codename__in=["add_dataset", "answer_escalation", "add_metric", "change_metric", "answer_dispute", "add_absence", "add_delegation",
                      "add_measurementagreement", "change_measurementagreement"]),
    "Approvers": Q(content_type__app_label__in=GOVERNED, codename__startswith="view_")
    | Q(codename__in=["decide_approval", "answer_escalation", "pull_ripcord", "add_absence", "add_delegation", "judge_fraudcase"]),
    STEWARDS: Q(codename__in=["release_ripcord", "pull_ripcord", "use_break_glass", "erase_payload", "view_policyversion", "propose_policy", "adopt_policy",
                                "decide_guardedchange", "view_guardedchange", "view_user"])
    | Q(content_type__app_label="programs", codename__regex=r"^(add|change)_(role|person|approver|absence|delegation|rotaoverride)$")
    | Q(codename__in=["delete_rotaoverride", "view_rotaoverride"]),
    "Partner contacts": Q(codename__in=["view_attributionrecord", "view_dispute"]),
    "Auditors": Q(content_type__app_label__in=[*GOVERNED, "core"], codename__startswith="view_") | Q(codename__in=["audit_plan", "review_break_glass"]),
}  # fmt: skip


def make(name: str) -> Group:
    """The group with the permissions it has today. Nothing is written where it has them already."""
    group, _ = Group.objects.get_or_create(name=name)
    permissions = Permission.objects.filter(GROUPS[name])
    if set(group.permissions.values_list("pk", flat=True)) != set(permissions.values_list("pk", flat=True)):
        group.permissions.set(permissions)
    return group
