"""The schedule of rotas, on its page, over REST and at the command line; and an override at its form."""

import pytest
from django.urls import reverse

from programs.models import GuardedChange, RotaOverride
from tests.doors import manage, url
from tests.plans.admin.test_two_people import (
    a_rota_stands,
    answer,
    at,
    page,
    patch,
    rest,
    studio_is_on_call,
    who,
)


@pytest.fixture
def on_call(demo):
    return studio_is_on_call()


def test_the_page_shows_turns_overrides_and_where_they_stand(on_call):
    shown = page("auditor").get(f"{reverse('admin:plans_rotas')}?weeks=2").content.decode()
    assert "rota Desk, by week from 2026-03-02: Paul Nguyen" in shown
    assert "/loyalty-lifecycle-orchestration:plan-loyalty, rung 1" in shown
    assert "by an override: exam" in shown
    assert "✓ somebody at all times" in shown
    assert f'href="{at(RotaOverride, "change", on_call.pk)}"' in shown


def test_a_page_of_too_many_weeks_says_so_and_shows_four(on_call):
    told = page("auditor").get(f"{reverse('admin:plans_rotas')}?weeks=99")
    assert "must be a whole number, 1 to 12." in told.content.decode()
    assert told.context["weeks"] == 4


def test_rest_tells_the_same_and_knows_its_parameter(on_call):
    client, path = rest("auditor"), url("rotas/")
    (rota,) = client.get(path).json()
    assert (rota["name"], [one["person"] for one in rota["overrides"]]) == ("Desk", [who("studio").email])
    shifts = rota["zones"][0]["shifts"]
    assert [shift["person"] for shift in shifts] == [
        who(name).email for name in ("partner", "studio", "partner")
    ]
    assert shifts[1]["by"] == "by an override: exam"
    assert [client.get(f"{path}?{wrong}").status_code for wrong in ("weeks=0", "weeks=x", "days=3")] == [
        400
    ] * 3


def test_the_command_line_shows_the_schedule_and_ends_an_override_by_two(on_call):
    told = manage("rota", "schedule", "--weeks", "1")[1]
    assert "Clara Moreau  (by an override: exam)" in told
    asked = manage("rota", "end", str(on_call.pk), "--reason", "She is ill", "--as", "exec")
    assert "A second person has to agree" in asked[1]
    assert manage("authority", str(GuardedChange.objects.get().pk), "approve", "--as", "deputy")[0] == 0
    assert not RotaOverride.objects.exists()
    assert RotaOverride.history.filter(history_type="-").get().history_change_reason.startswith("She is ill")


def test_whoever_takes_the_turn_is_neither_who_asks_nor_who_agrees(on_call):
    """Dora would have it: Elena asks, and Lena agrees."""
    assert (
        patch("deputy", url(f"rota-overrides/{on_call.pk}/"), person=who("deputy").email).status_code == 403
    )
    assert patch("exec", url(f"rota-overrides/{on_call.pk}/"), person=who("deputy").email).status_code == 202
    change = GuardedChange.objects.get()
    refused = answer("deputy", change, "approve")
    assert (refused.status_code, "whose authority it concerns" in refused.json()["detail"]) == (403, True)
    assert answer("legal", change, "approve").json()["state"] == "approved"
    assert RotaOverride.objects.get().person == who("deputy")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rota": "Night desk"}, "rota"),
        ({"person": "gone@demo.example"}, "person"),
        ({"reason": " "}, "reason"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_field(demo, body, field):
    a_rota_stands()
    times = {"starts_at": "2099-12-01T00:00Z", "ends_at": "2099-12-02T00:00Z"}
    told = {"rota": "Desk", "person": who("studio").email, "reason": "exam", **times, **body}
    refused = rest("ops").post(url("rota-overrides/"), told, format="json")
    assert (refused.status_code, [problem["field"] for problem in refused.json()["errors"]]) == (400, [field])
    assert not GuardedChange.objects.exists()
