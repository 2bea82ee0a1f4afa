"""Partners' contacts over REST: their own records, joint disputes, nothing else."""

import pytest
from rest_framework.test import APIClient

from plans.cases.disputes.models import AttributionRecord
from tests.plans.cases.disputes.test_disputes_verbs import CLAIM, Joint


@pytest.fixture
def joint(acting):
    return Joint()


def client_of(person):
    client = APIClient()
    client.force_login(person.accounts.first())
    return client


def test_a_partners_contact_lists_its_own_record_and_cannot_open_the_others(joint):
    north = client_of(joint.people["north"])
    listed = north.get("/api/v1/attribution/").json()["results"]
    assert [row["partner"] for row in listed] == ["north"]
    assert north.get(f"/api/v1/attribution/{joint.records['south'].pk}/").status_code == 404
    assert AttributionRecord.objects.count() == 2


@pytest.mark.parametrize("place", ["plans", "tasks", "approvals", "datasets"])
def test_a_partners_contact_reads_nothing_of_ours(joint, place):
    assert client_of(joint.people["north"]).get(f"/api/v1/{place}/").status_code == 403


def test_a_dispute_goes_from_claim_to_both_signatures(joint):
    north, south, desk = (client_of(p) for p in (joint.people["north"], joint.people["south"], joint.desk))
    claimed = north.post(f"/api/v1/attribution/{joint.records['north'].pk}/dispute/", CLAIM, format="json")
    assert (claimed.status_code, claimed.json()["state"]) == (201, "open")
    here = f"/api/v1/disputes/{claimed.json()['id']}"
    assert (
        desk.post(f"{here}/answer/", {"said": "Right."}, format="json").status_code == 404
    )  # may not see it
    joint.allow_desk_to_see()
    assert desk.post(f"{here}/answer/", {"said": "Right."}, format="json").json()["state"] == "answered"
    assert north.post(f"{here}/sign-off/", {"said": "Yes."}, format="json").json()["state"] == "answered"
    settled = south.post(f"{here}/sign-off/", {"said": "Yes."}, format="json").json()
    assert settled["state"] == "settled"
    assert [set(s) for s in settled["signed_off"]] == [{"partner", "name", "said"}] * 2


def test_the_others_record_cannot_be_disputed_and_a_stranger_is_refused(joint):
    south = client_of(joint.people["south"])
    url = f"/api/v1/attribution/{joint.records['north'].pk}/dispute/"
    assert south.post(url, CLAIM, format="json").status_code == 404
    assert APIClient().get("/api/v1/attribution/").status_code in (401, 403)
