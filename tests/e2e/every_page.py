"""Every address of the admin, out of its URL conf, with an object for each that shows one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, reverse

from gtm.core import access_tokens, clock
from gtm.core.actors import Actor, acting_as
from gtm.core.admin import actions
from gtm.core.errors import WaitsForSecondPerson
from gtm.core.evidence import anchors, refusals
from gtm.core.identity import urls as identity
from gtm.core.models import ServiceAccount, SignIn
from plans.cases.fraud import verbs
from plans.engine.gates import break_glass
from plans.engine.webhooks import subscriptions
from plans.models import (
    IncomingSource,
    Notice,
    Notification,
    NotificationPreference,
    Plan,
    ReceivedMessage,
    Schedule,
    ScheduledRun,
    WebhookDelivery,
    WebhookSubscription,
)
from plans.runs import policies
from programs.models import (
    Approver,
    Benefit,
    Campaign,
    Dataset,
    Experiment,
    LifecycleTrigger,
    LoadProfile,
    MeasurementAgreement,
    MessageTemplate,
    Program,
    Role,
    RotaOverride,
    Tier,
)
from tests.doors import token_of, user
from tests.factories import (
    LADDER,
    AbsenceFactory,
    DelegationFactory,
    PersonFactory,
    gate,
    make_plan,
    make_run,
    seat,
)
from tests.plans.cases.disputes.test_disputes_verbs import Joint
from tests.plans.cases.fraud.test_fraud_api import RING
from tests.plans.engine.conftest import actor_of

COMMANDS = ("plan-loyalty", "monitor-loyalty", "launch-program", "optimize-referrals", "track-source")
TABS = ("outputs", "timeline", "rules", "changes")
NO_PAGES = {
    "jsi18n": "a script",
    "autocomplete": "answers of a select box",
    "search": "answers of the search, looked at where it is used",
    "view_on_site": "a redirect; no model of ours has a place elsewhere",
    "logout": "takes a form; its page is seen after it",
    "login": "seen on the way in by everybody",
    "password_change_done": "seen after the password is changed",
    "mfa_authenticate": "seen in test_second_factor",
    "mfa_reauthenticate": "seen in test_second_factor",
    "mfa_activate_totp": "seen in test_second_factor",
    "mfa_deactivate_totp": "seen in test_second_factor",
    "mfa_view_recovery_codes": "seen in test_second_factor",
    "mfa_generate_recovery_codes": "seen in test_second_factor",
    "provider_login": "leads to a provider",
    "openid_connect_callback": "leads on from a provider",
    "provider_prove": "leads to a provider",
    "account_logout": "takes a form; its page is seen after it",
    "mfa_confirm": "seen in test_second_factor",
    "mfa_ask_to_confirm": "takes a form",
    "mfa_login_webauthn": "takes a form",
    "mfa_reauthenticate_webauthn": "seen in test_passkeys",
    "mfa_add_webauthn": "seen in test_passkeys",
    "mfa_remove_webauthn": "seen in test_passkeys",
    "account_login": "seen on the way in by everybody",
    "plans_plan_live": "a part of the plan's page",
    "plans_plan_outputs": "a part of the plan's page",
    "plans_plan_json": "a file",
    "plans_verifier": "a file",
    "plans_plan_report": "a file",
    "plans_plan_output": "a file",
    "plans_plan_picture": "a picture",
    "programs_dataset_rejects": "a file",
    "plans_run_line": "takes a form",
    "plans_run_check": "takes a form",
    "plans_plan_assume": "takes a form",
    "plans_inbox_decide": "takes a form",
    "plans_approval_break_glass": "takes a form",
    "plans_plan_backlog": "takes a form",
    "plans_plan_act": "takes a form",
    "plans_plan_say": "takes a form",
    "programs_program_perform": "takes a form",
    "programs_delegation_revoke": "takes a form",
}
FORMS = ("process_import", "revert")  # of every model: they take a form
KINDS = ("changelist", "add", "change", "history", "simple_history", "delete", "import", "export")
ONE_TEMPLATE = KINDS[3:]
"""Pages that differ by model in their words only: one in six is looked at, every one with GTM_EXPLORE=1."""


def names() -> set[str]:
    """The name of every address of the admin and of sign-in."""
    found = [*admin.site.get_urls(), *identity.urlpatterns]
    return {pattern.name for pattern in _patterns(found) if pattern.name}


def _patterns(found: list[Any]) -> Iterator[URLPattern]:
    for one in found:
        if isinstance(one, URLResolver):
            yield from _patterns(one.url_patterns)
        else:
            yield one


def action_names() -> set[str]:
    """The addresses of what is offered on the pages of models, and of the dialogs of several objects."""
    return {
        f"{model._meta.app_label}_{model._meta.model_name}_{action}{suffix}"
        for model in admin.site._registry
        for action in actions.offers_of(model)
        for suffix in ("", "_all")
    }


def own_pages(plan: Plan) -> dict[str, list[str]]:
    """The addresses that are not of the kinds every model has."""
    template = MessageTemplate.objects.order_by("pk").first()
    at = reverse("admin:plans_plan_change", args=[plan.pk])
    return {
        "index": [reverse("admin:index")],
        "mfa_index": [reverse("mfa_index")],
        "forgotten_password": [reverse("forgotten_password")],
        "usersessions_list": [reverse("usersessions_list")],
        "saved_views": [reverse("saved_views")],
        "own_zone": [reverse("own_zone")],
        "account_reauthenticate": [reverse("account_reauthenticate")],
        "app_list": [reverse("admin:app_list", args=[app]) for app in ("auth", "core", "programs", "plans")],
        "plans_inbox": [reverse("admin:plans_inbox")],
        "plans_run": [reverse("admin:plans_run")],
        "plans_run_command": [reverse("admin:plans_run_command", args=[name]) for name in COMMANDS],
        "plans_plan_revise": [reverse("admin:plans_plan_revise", args=[plan.pk])],
        "plans_plan_compare": [reverse("admin:plans_plan_compare", args=[plan.pk])],
        "plans_plan_evidence": [reverse("admin:plans_plan_evidence", args=[plan.pk])],
        "plans_establish": [reverse("admin:plans_establish")],
        "plans_set_up": [reverse("admin:plans_set_up")],
        "plans_set_up_step": [
            reverse("admin:plans_set_up_step", args=["cdnow", step])
            for step in ("name", "data", "money", "people", "run")
        ],
        "plans_plan_table": [
            reverse("admin:plans_plan_table", args=[plan.pk, artifact.pk])
            for artifact in plan.artifacts.order_by("pk")[:1]
        ],
        "plans_webhook_secret": [
            reverse("admin:plans_webhook_secret", args=[WebhookSubscription.objects.get().pk])
        ],
        "plans_incoming_secret": [
            reverse("admin:plans_incoming_secret", args=[IncomingSource.objects.get().pk])
        ],
        "plans_directory": [reverse("admin:plans_directory")],
        "plans_bench": [f"{reverse('admin:plans_bench')}?plan={plan.plan_id}"],
        "plans_bench_replay": [reverse("admin:plans_bench_replay")],
        "plans_policies": [reverse("admin:plans_policies")],
        "plans_rotas": [f"{reverse('admin:plans_rotas')}?weeks=1"],
        "plans_policy_propose": [
            reverse("admin:plans_policy_propose", args=["plan-loyalty", subject])
            for subject in ("finance-approval", "ladder")
        ],
        "plans_ripcord_pull": [reverse("admin:plans_ripcord_pull")],
        "plans_rules": [reverse("admin:plans_rules")],
        "plans_skills": [reverse("admin:plans_skills")],
        "programs_dataset_upload": [reverse("admin:programs_dataset_upload")],
        "programs_dataset_answer": [
            reverse("admin:programs_dataset_answer", args=[Dataset.objects.order_by("pk").first().pk])
        ],
        "programs_messagetemplate_preview": [
            reverse("admin:programs_messagetemplate_preview", args=[template.pk])
        ],
        "tabs": [f"{at}?tab={tab}" for tab in TABS],
    }


def model_pages(kind: str, request: HttpRequest) -> dict[str, str]:
    """The page of a ``kind`` of every model that has one and lets this person see it, by its name."""
    found = {}
    for model, model_admin in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}_{kind}"
        if name in names() and _may(kind, model_admin, request):
            found[name] = reverse(f"admin:{name}", args=_arguments(kind, model))
    every = 6 if kind in ONE_TEMPLATE and "GTM_EXPLORE" not in os.environ else 1
    return dict(list(found.items())[::every])


def _may(kind: str, model_admin: Any, request: HttpRequest) -> bool:
    asked = {"add": "add", "delete": "delete", "import": "import", "export": "export"}.get(kind, "view")
    return getattr(model_admin, f"has_{asked}_permission")(request)


def _arguments(kind: str, model: Any) -> list[Any]:
    if kind in ("changelist", "add", "import", "export"):
        return []
    row = model.objects.order_by("pk").first()
    assert row is not None, f"there is no {model._meta.verbose_name} to look at"
    return [row.pk, row.history.first().pk] if kind == "simple_history" else [row.pk]


def one_of_everything() -> None:
    """A row at least of every model that has a page; the worker sees them when all are there."""
    with transaction.atomic(), acting_as(Actor.system("Demo")):
        Joint(is_over=False).file()  # record, dispute, reading, breach, case, pull
        verbs.open_all(make_run(requester=user("ops")).plan, [RING])
        AbsenceFactory(person=PersonFactory())
        DelegationFactory(principal=PersonFactory(), delegate=PersonFactory())
        desk = {"name": "Desk", "turn": "week", "since": "2026-11-02", "people": [PersonFactory().email]}
        make_plan(
            ladder=[{"rung": 1, "roles": [], "hours": 4, "effect": "notify", "rota": desk}, *LADDER[1:]]
        )
        span = {"starts_at": clock.now(), "ends_at": clock.now() + timedelta(days=1)}
        RotaOverride(rota="Desk", person=PersonFactory(), reason="An exam", **span).save()
        program, role = Program.objects.get(slug="cdnow"), Role.objects.first()
        if not MeasurementAgreement.objects.exists():
            MeasurementAgreement(campaign=Campaign.objects.first()).save()
        Experiment(program=program, key="looked-at", name="Looked at").save()
        LoadProfile(
            program=program, name="looked-at", kind="purchases", options={"decimal_separator": "."}
        ).save()
        tier = Tier(program=program, rank=9, name="Gold", threshold=500)
        tier.save()
        Benefit(tier=tier, name="Early sale", kind="perk").save()
        told = {"event": "First order", "entry_rule": "orders = 1", "action": "Welcome", "channel": "email"}
        LifecycleTrigger(program=program, key="looked-at", stage="onboarding", owner_role=role, **told).save()
        schedule = Schedule(name="looked-at", command="monitor-loyalty", program=program, owner=user("ops"))
        schedule.save()
        ScheduledRun(schedule=schedule, due_at=clock.now()).save()
        person = PersonFactory()
        NotificationPreference(person=person, channels=["finance"]).save()
        notice = Notice.objects.create(key="a matter", kind="task", entity="plans.task", entity_id="1")
        about = {"subject": "Your task", "body": "It is due.", "url": "https://gtm.example/"}
        due = clock.now() + timedelta(days=3)
        Notification(notice=notice, person=person, channel="mail", due_at=due, **about).save()
        plan = make_plan(gate(seat("finance")), requester=user("ops"))
        anchors.anchor(tell_auditors=False)
        token_of("ops")
        access_tokens.make_service("crm", owner=user("ops"), purpose="Loads orders every night.")
        webhook, _ = subscriptions.make(user("ops"), name="crm", url="https://crm.example.com/events")
        WebhookDelivery.objects.create(
            subscription=webhook, chain="installation", sequence=1, event_id="evt_1",
            body='{"specversion": "1.0", "data": {"dataset": 1}}', type="gtm.dataset.loaded",
        )  # fmt: skip
        incoming = IncomingSource(
            name="shop", profile=LoadProfile.objects.first(), account=ServiceAccount.objects.get().user
        )
        incoming.save()
        ReceivedMessage.objects.create(
            source=incoming, event_id="msg_1", sha256="0" * 64, media_type="text/csv"
        )
        SignIn.objects.create(user=user("ops"), username="ops", address="10.0.0.7", door="page", outcome="in")
        asker = PersonFactory()
        asker.accounts.update(is_superuser=True)
        with acting_as(actor_of(asker)):
            break_glass.ask(plan.approvals.get(), reason="The board meets at nine.")
            policies.propose("plan-loyalty", "finance-approval", {"hours": 24}, reason="Holidays.")
            with refusals.on_record(), suppress(WaitsForSecondPerson):
                Approver(person=person, role=role).save()
