"""The taxonomy as lines of text: what is typed is what a run reads; what waits is shown until settled."""

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from plans.admin.agreements import open_values, read_stage_lines, read_values, write_stages, write_values
from plans.engine.record import around
from plans.export import document
from plans.models import AROUND
from programs.datasets.worlds.partner_world import agreed_taxonomy
from programs.models import MeasurementAgreement
from tests.factories import UserFactory, make_run
from tests.plans.commands.track_source.campaign import establish

REVIEW = {
    "gathered": {"review": [{"field": "medium", "raw": "misc", "rows": 81}]},
    "normalised": {
        "stage_review": [
            {"field": "stage of contoso", "raw": "Offen", "rows": 1, "candidates": ["qualified", "discovery"]}
        ]
    },
}
WORD = st.text("abcdefgh-_ ", min_size=1, max_size=9).map(str.strip).filter(bool)


@pytest.fixture
def agreement(acting):
    establish()
    return MeasurementAgreement.objects.get()


@pytest.fixture
def steward(agreement):
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def page(agreement):
    return reverse("admin:programs_measurementagreement_change", args=[agreement.pk])


def filled(client, agreement, **changed):
    form = client.get(page(agreement)).context["adminform"].form
    shown = {name: form[name].value() for name in form.fields}
    return {name: "" if value is None else value for name, value in shown.items()} | changed


def test_saving_what_is_shown_changes_nothing(steward, agreement):
    before = (agreement.version, agreement.vocabulary, agreement.stages)
    assert steward.post(page(agreement), filled(steward, agreement)).status_code == 302
    agreement.refresh_from_db()
    assert (agreement.version, agreement.vocabulary, agreement.stages) == before


def test_a_guardrail_is_moved_with_a_reason_that_stands_in_the_plans_own_log(steward, agreement):
    plan = make_run(program=agreement.campaign.program).plan
    plan.campaign = agreement.campaign
    plan.save()
    moved = filled(steward, agreement, confidence_guardrail="0.95")
    refused = steward.post(page(agreement), moved)
    assert refused.context["adminform"].form.errors == {"reason": ["Say why: confidence guardrail changes."]}
    assert steward.post(page(agreement), moved | {"reason": "Agreed with both."}).status_code == 302
    around.carry_waiting()
    (row,) = [r for r in document.build(plan)["change_log"] if r["event"] == AROUND]
    assert (row["field"], row["from"], row["to"], row["reason"]) == (
        "agreement/confidence_guardrail", "0.500", "0.95", "Agreed with both.",
    )  # fmt: skip


def test_a_new_spelling_is_a_new_version_with_its_history(steward, agreement):
    lines = filled(steward, agreement)["utm_medium"].replace("email = ", "email = misc, ")
    steward.post(page(agreement), filled(steward, agreement, utm_medium=lines))
    before, agreement = agreement, MeasurementAgreement.objects.get()
    assert agreement.vocabulary["aliases"]["medium"]["misc"] == "email"
    assert agreement.version == before.version + 1
    assert "misc" not in agreement.history.order_by("history_id").first().vocabulary["aliases"]["medium"]


@pytest.mark.parametrize(
    ("field", "lines", "told"),
    [
        ("utm_medium", "email = mail\nsocial = mail", "“mail” means both email and social."),
        ("utm_medium", "= mail", "names no value"),
        ("partner_stages", "Offen = qualified", "write [partner] first"),
        ("partner_stages", "[nobody]\nOffen = qualified", "nobody is not a partner"),
        ("partner_stages", "[contoso]\nOffen = thinking", "must lead to common stages"),
    ],
)
def test_a_taxonomy_no_run_could_read_is_refused(steward, agreement, field, lines, told):
    answer = steward.post(page(agreement), filled(steward, agreement, **{field: lines}))
    assert told in str(answer.context["adminform"].form.errors)
    assert MeasurementAgreement.objects.get().version == agreement.version


def test_unknown_values_wait_until_the_agreement_holds_them(agreement):
    media, stages = agreement.vocabulary["allowed"]["medium"], ["qualified", "discovery"]
    assert open_values(agreement, REVIEW) == [
        ("utm_medium", "misc", 81, media),
        ("stage of contoso", "Offen", 1, stages),
    ]
    agreement.vocabulary["aliases"]["medium"]["Misc"] = "email"
    agreement.stages["contoso"]["Offen"] = ["qualified"]
    assert open_values(agreement, REVIEW) == []


def test_without_a_run_nothing_waits_and_the_page_says_so(steward, agreement):
    assert "No run of this campaign has read any data yet." in steward.get(page(agreement)).content.decode()


@given(
    st.lists(WORD, unique=True),
    st.dictionaries(WORD, WORD),
)
def test_a_vocabulary_survives_its_lines(values, spellings):
    aliases = {spelling: value for spelling, value in spellings.items() if not values or value in values}
    vocabulary = {"allowed": {"medium": values} if values else {}, "aliases": {"medium": aliases}}
    allowed, again = read_values(write_values(vocabulary, "medium"))
    assert (allowed, again) == (values, aliases)


def test_the_agreed_stages_survive_their_lines():
    stages = agreed_taxonomy()["stages"]
    assert read_stage_lines(write_stages(stages)) == stages
