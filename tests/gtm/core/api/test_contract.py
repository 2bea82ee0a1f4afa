"""No request ends in a defect, and no answer is outside the published document, whoever asks."""

import pytest
from django.conf import settings as site_settings
from django.db import transaction

from gtm.core import access_tokens
from gtm.core.actors import Actor, acting_as
from programs.models import (
    Approver,
    Campaign,
    Dataset,
    LaunchProfile,
    MessageTemplate,
    Metric,
    Partner,
    Runbook,
    RunbookTask,
    Tier,
)
from tests import contract
from tests.doors import start, user
from tests.factories import round_of

WHO = ("anonymous", "auditor", "ops", "service")
"""The last is the account of a program, with a token of every scope and the rights of operations."""


@pytest.fixture
def known(plan):
    """Path parameters that exist, by the path."""
    begun = start()
    objects = {
        Approver: "id",
        Campaign: "slug",
        Dataset: "id",
        LaunchProfile: "id",
        MessageTemplate: "id",
        Metric: "key",
        Partner: "slug",
        Runbook: "id",
        RunbookTask: "id",
        Tier: "id",
    }
    rows = {model: model.objects.order_by("pk").first() for model in objects}
    ids = {
        "plans": {"plan_id": begun.plan_id},
        "approvals": {"id": round_of(plan).pk},
        "tasks": {"id": plan.tasks.get(key="publish").pk},
        "programs": {"slug": "cdnow"},
        "commands": {"name": "plan-loyalty", "gate": "finance-approval"},
        "skills": {"name": "loyalty-program-design"},
    }
    for model, name in objects.items():
        if rows[model] is not None:
            address = str(model._meta.verbose_name_plural).replace(" ", "-")
            ids[address] = {name: getattr(rows[model], name)}
    return lambda path: ids.get(path.split("/")[3], {"id": 1} if "{id}" in path else {})


@pytest.fixture
def account_of(site, client):
    def account(username: str) -> contract.Account:
        if username == "anonymous":
            return contract.Account()
        if username == "service":
            return contract.Account({"Authorization": f"Token {_token_of_a_service()}"})
        client.force_login(user(username))
        session, token = client.cookies[site_settings.SESSION_COOKIE_NAME].value, "c" * 32
        return contract.Account({"X-CSRFToken": token}, {"sessionid": session, "csrftoken": token})

    return account


def _token_of_a_service() -> str:
    with transaction.atomic(), acting_as(Actor.system("Test")):
        made = access_tokens.make_service("loader", owner=user("ops"), purpose="Loads orders.").user
        made.groups.set(user("ops").groups.all())
        return access_tokens.make(made, name="Test", scopes=tuple(access_tokens.SCOPES))[1]


@pytest.mark.parametrize("who", WHO)
def test_every_answer_is_as_the_document_says(account_of, known, who):
    account, found = account_of(who), {}
    for operation in contract.operations(account_of("auditor") if who == "anonymous" else account):
        if told := contract.finding(operation, account, known):
            found[operation.label] = told
    assert found == {}, "\n".join(f"{label}: {told}" for label, told in found.items())
