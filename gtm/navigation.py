"""The sidebar: what the reader uses daily, then everything by job; to each what they may open."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy

from gtm import dashboard
from plans import case_kinds
from plans.admin.waiting import badge


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups as this person sees them; a number is shown where there is something."""
    numbers = {"plans_inbox": badge(request)}
    if request.user.has_perm("plans.view_escalation"):
        numbers["plans_escalation_changelist"] = dashboard.escalated_count()
    here, daily = _place(request), daily_views(request.user)
    shown = {
        item["view"]: {**item, "badge": numbers.get(item["view"]) or "", "active": item["view"] == here}
        for group in NAVIGATION
        for item in group["items"]
        if not item["needs"] or request.user.has_perm(item["needs"])
    }
    first, *others = NAVIGATION
    top = [item["view"] for item in first["items"]]
    views = [[*top, *daily], *([i["view"] for i in g["items"] if i["view"] not in daily] for g in others)]
    groups = (
        {**g, "items": [shown[v] for v in w if v in shown]} for g, w in zip(NAVIGATION, views, strict=True)
    )
    return [group for group in groups if group["items"]]


def daily_views(user: Any) -> list[str]:
    """What this person works with every day, by what they are allowed to do; no place twice."""
    found: list[str] = []
    for needs, views in DAILY:
        found += views if user.has_perm(needs) else ()
    for kind in case_kinds.all_kinds():
        if any(user.has_perm(needs) for needs in kind.permissions):
            found += [f"{place.model.replace('.', '_')}_changelist" for place in kind.navigation]
    found += ["plans_plan_changelist", "plans_approval_changelist"]
    return list(dict.fromkeys(found))[:MOST_DAILY]


def _place(request: HttpRequest) -> str:
    """The entry a page belongs to: the page itself, or the list it came from."""
    name = (request.resolver_match.url_name or "") if request.resolver_match else ""
    for pages in ("plans_run", "plans_set_up"):
        if name.startswith(pages):
            return pages
    known = {item["view"] for group in NAVIGATION for item in group["items"]}
    return name if name in known else "_".join(name.split("_")[:2]) + "_changelist"


def _item(title: str, icon: str, view: str, permission: str = "") -> dict[str, Any]:
    link = reverse_lazy(f"admin:{view}")
    return {"title": title, "icon": icon, "view": view, "needs": permission, "link": link}


def _list(title: str, icon: str, model: str) -> dict[str, Any]:
    app, name = model.split(".")
    return _item(title, icon, f"{app}_{name}_changelist", f"{app}.view_{name}")


MOST_DAILY = 5
DAILY = (
    ("plans.audit_plan", ("core_changelogentry_changelist", "core_anchor_changelist")),
    ("plans.operate_plan", ("plans_plan_changelist", "plans_escalation_changelist", "plans_task_changelist")),
    ("programs.add_dataset", ("programs_dataset_changelist", "programs_dataset_upload")),
)
"""Permission → the places that who has it opens every day. Kinds of cases add their own."""
NAVIGATION = [
    {
        "items": [
            _item("Home", "home", "index"),
            _item("Waiting for me", "inbox", "plans_inbox"),
            _item("Run", "play_circle", "plans_run", "plans.operate_plan"),
        ]
    },
    {
        "title": "Work",
        "items": [
            _list("Plans", "account_tree", "plans.plan"),
            _list("Tasks", "task_alt", "plans.task"),
            _list("Approvals", "gavel", "plans.approval"),
            _item(
                "Escalations",
                "escalator_warning",
                "plans_escalation_changelist",
                "plans.view_escalation",
            ),
            *(_list(entry.title, entry.icon, entry.model) for entry in case_kinds.navigation()),
            _list("Schedules", "schedule", "plans.schedule"),
            _list("Messages", "mail", "plans.notification"),
        ],
    },
    {
        "title": "Governance",
        "items": [
            _item("Rules and breaches", "rule", "plans_rules", "plans.view_reading"),
            _item("Policies and ladders", "assured_workload", "plans_policies", "plans.view_policyversion"),
            _item("Rotas", "support_agent", "plans_rotas", "programs.view_rotaoverride"),
            _item("Policy bench", "balance", "plans_bench", "plans.view_plan"),
            _item("Skills", "menu_book", "plans_skills", "plans.view_plan"),
            _list("Rip-cord", "emergency_home", "plans.ripcordpull"),
            _list("Break-glass", "emergency", "plans.breakglass"),
        ],
    },
    {
        "title": "Programs",
        "items": [
            _item("Set up a program", "add_task", "plans_set_up", "programs.add_program"),
            _list("Programs", "loyalty", "programs.program"),
            _list("Tiers", "stairs", "programs.tier"),
            _list("Benefits", "redeem", "programs.benefit"),
            _list("Lifecycle triggers", "bolt", "programs.lifecycletrigger"),
            _list("Partners", "handshake", "programs.partner"),
            _list("Campaigns", "campaign", "programs.campaign"),
            _list("Agreements", "contract", "programs.measurementagreement"),
            _list("Experiments", "science", "programs.experiment"),
            _list("Message templates", "mark_email_read", "programs.messagetemplate"),
            _list("Launch profiles", "rocket_launch", "programs.launchprofile"),
            _list("Runbooks", "checklist", "programs.runbook"),
            _list("Metrics", "monitoring", "programs.metric"),
        ],
    },
    {
        "title": "Data",
        "items": [
            _list("Datasets", "database", "programs.dataset"),
            _list("Load profiles", "bookmark", "programs.loadprofile"),
            _item("Load data", "upload", "programs_dataset_upload", "programs.add_dataset"),
        ],
    },
    {
        "title": "People",
        "items": [
            _list("People", "person", "programs.person"),
            _list("Roles", "badge", "programs.role"),
            _item("Directory", "contacts", "plans_directory", "programs.view_approver"),
            _list("Approvers", "verified_user", "programs.approver"),
            _list("Absences", "event_busy", "programs.absence"),
            _list("Delegations", "swap_horiz", "programs.delegation"),
            _list("Overrides of rotas", "published_with_changes", "programs.rotaoverride"),
            _list("Changes by two people", "group_add", "programs.guardedchange"),
        ],
    },
    {
        "title": "Evidence",
        "items": [
            _list("Change log", "history", "core.changelogentry"),
            _list("Anchors", "anchor", "core.anchor"),
        ],
    },
    {
        "title": "Settings",
        "collapsible": True,
        "items": [
            _item("Establish", "foundation", "plans_establish", "auth.add_permission"),
            _list("Accounts", "manage_accounts", "auth.user"),
            _list("Groups", "group", "auth.group"),
            _item("Tokens", "key", "core_accesstoken_changelist"),
            _item("Service accounts", "smart_toy", "core_serviceaccount_changelist"),
            _list("Webhooks", "webhook", "plans.webhooksubscription"),
            _list("Webhook deliveries", "outgoing_mail", "plans.webhookdelivery"),
            _list("Incoming webhooks", "move_to_inbox", "plans.incomingsource"),
            _list("Received messages", "inbox", "plans.receivedmessage"),
            _item("Sign-ins", "login", "core_signin_changelist"),
            _list("Notification settings", "notifications", "plans.notificationpreference"),
            {**_item("REST documentation", "api", "docs"), "link": reverse_lazy("docs")},
        ],
    },
]
