"""What I am told, over REST: mine only, and a preference that cannot work is refused."""

import pytest
from rest_framework.test import APIClient

from plans.engine.notices import delivery
from plans.models import NotificationPreference
from tests.factories import PersonFactory, UserFactory, make_plan

pytestmark = pytest.mark.usefixtures("acting")
URL, WISH = "/api/v1/notifications/", "/api/v1/notification-preference/"


def client_of(user):
    client = APIClient()
    client.force_login(user)
    return client


@pytest.fixture
def finance():
    return PersonFactory(name="finance", roles=["finance"])


@pytest.fixture
def client(finance):
    return client_of(finance.accounts.get())


def test_everybody_sees_what_they_were_told_and_nobody_elses(finance, client):
    plan = make_plan()
    delivery.work_off()
    (row,) = client.get(URL).data["results"]
    assert (row["kind"], row["plan"], row["state"], row["channel"]) == (
        "decision", plan.plan_id, "sent", "mail",
    )  # fmt: skip
    other = client_of(PersonFactory().accounts.get())
    assert other.get(URL).data["results"] == []
    assert other.get(f"{URL}{row['id']}/").status_code == 404
    assert APIClient().get(URL).status_code == 401


def test_the_list_answers_filters_and_refuses_others(finance, client):
    make_plan()
    delivery.work_off()
    assert [client.get(f"{URL}?state={state}").data["count"] for state in ("sent", "failed")] == [1, 0]
    assert client.get(f"{URL}?person=1").status_code == 400


def test_a_preference_is_there_before_it_is_stored_and_then_as_it_was_put(
    finance, client, settings, monkeypatch
):
    settings.GTM_CHANNEL_SCHEMES = frozenset({"slack"})
    monkeypatch.setenv("GTM_CHANNEL_FINANCE", "slack://a/b/s3cret")
    first = client.get(WISH)
    assert (first.data["by_mail"], first.data["digest"], first.data["usable_channels"]) == (
        True, "immediate", ["finance"],
    )  # fmt: skip
    wish = {
        "by_mail": False,
        "channels": ["finance"],
        "digest": "daily",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
    }
    answer = client.put(WISH, wish, format="json", headers={"If-Match": first["ETag"]})
    assert (answer.status_code, answer.data["channels"]) == (200, ["finance"])
    assert NotificationPreference.objects.get().person == finance
    assert client.get(WISH).data == answer.data
    assert "s3cret" not in answer.content.decode()
    stale = client.put(WISH, {"digest": "immediate"}, format="json", headers={"If-Match": first["ETag"]})
    assert stale.status_code == 412


@pytest.mark.parametrize(
    "wish",
    [
        {"channels": ["nowhere"]},
        {"by_mail": False},
        {"muted_kinds": ["ripcord"]},
        {"digest_hour": 24},
    ],
)
def test_a_preference_that_cannot_work_is_refused_and_not_stored(client, wish):
    assert client.put(WISH, wish, format="json").status_code == 400
    assert NotificationPreference.objects.count() == 0


def test_an_account_that_is_nobodys_has_no_preference():
    assert client_of(UserFactory()).get(WISH).status_code == 404
