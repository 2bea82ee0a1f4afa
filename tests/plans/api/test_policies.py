"""Policies over REST: the text in force, a proposal, and somebody else's answer."""

import json

from tests.doors import fields, start, url

PROPOSAL = {
    "command": "plan-loyalty",
    "subject": "finance-approval",
    "text": {"seats": [{"role": "finance", "minimum": 2}]},
    "reason": "The board asked for it.",
}


def propose(client, **changes):
    return client.post(url("policies/"), PROPOSAL | changes, format="json")


def decide(client, pk, verb, **body):
    return client.post(url(f"policies/{pk}/{verb}/"), {"comment": "As agreed."} | body, format="json")


def test_a_proposal_is_adopted_by_somebody_else_and_the_next_run_is_held_to_it(ops, as_):
    made = propose(ops)
    assert (made.status_code, made.json()["state"], made.json()["number"]) == (201, "proposed", 1)
    pk = made.json()["id"]
    assert decide(ops, pk, "adopt").status_code == 403
    adopted = decide(as_("exec"), pk, "adopt")
    assert (adopted.status_code, adopted.json()["state"]) == (200, "in_force")
    listed = ops.get(url("policies/?state=in_force&command=plan-loyalty")).json()["results"]
    assert [row["id"] for row in listed] == [pk]
    gates = {gate["key"]: gate for gate in start().declaration["gates"]}
    assert gates["finance-approval"]["policy_version"] == 1


def test_a_rota_is_proposed_and_read_over_rest(ops, as_):
    rota = {"name": "Desk", "turn": "day", "since": "2026-03-02", "people": ["ops@demo.example"]}
    rungs = [{"roles": [role], "hours": 4, "effect": "notify"} for role in ("finance", "legal")]
    text = {"rungs": [{"roles": [], "hours": 4, "effect": "notify", "rota": rota}, *rungs]}
    made = propose(ops, subject="ladder", text=text)
    assert (made.status_code, made.json()["text"]["rungs"][0]["rota"]) == (201, rota)
    assert decide(as_("exec"), made.json()["id"], "adopt").status_code == 200
    body = ops.get(url(f"plans/{start().plan_id}/export/"))
    assert json.loads(b"".join(body))["escalation_ladder"][0]["rota"] == rota
    text["rungs"][0]["rota"] = rota | {"people": ["nobody@demo.example"]}
    assert fields(propose(ops, subject="ladder", text=text)) == ["rungs.0.rota.people"]


def test_every_problem_is_named_by_its_path(ops):
    response = propose(ops, text={"seats": [{"role": "nobody"}], "hours": 0})
    assert (response.status_code, fields(response)) == (400, ["seats.0.role", "hours"])
    assert fields(propose(ops, text=[])) == ["text"]
    assert propose(ops, command="plan-nothing").status_code == 404


def test_a_stale_answer_changes_nothing(ops, as_):
    pk = propose(ops).json()["id"]
    session = as_("exec")
    stale = session.post(
        url(f"policies/{pk}/reject/"), {"comment": "No."}, format="json", headers={"if-match": '"old"'}
    )
    assert stale.status_code == 412
    assert decide(session, pk, "reject").json()["state"] == "rejected"
    assert decide(session, pk, "adopt").status_code == 409


def test_the_proposer_takes_it_back(ops):
    pk = propose(ops).json()["id"]
    actions = ops.get(url(f"policies/{pk}/")).json()["actions"]
    assert [a["name"] for a in actions if a["allowed"]] == ["withdraw"]
    assert decide(ops, pk, "withdraw").json()["state"] == "withdrawn"


def test_without_the_permission_nobody_proposes(as_):
    assert propose(as_("finance")).status_code == 403
