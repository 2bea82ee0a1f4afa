"""Skills at the doors: REST, the page, and the plan JSON of a run that follows them."""

from django.urls import reverse

from plans.export import document, rules
from plans.schemas import skills
from tests.doors import start, url, user


def test_rest_gives_every_procedure_with_its_digests(ops):
    found = ops.get(url("skills/")).json()
    assert found["count"] == len(skills.every()) == 5
    one = ops.get(url("skills/loyalty-modeling/")).json()
    assert one == next(skill for skill in found["results"] if skill["name"] == "loyalty-modeling")
    assert one["digest"] == skills.find("loyalty-modeling").digest
    assert one["points"][0]["passage_sha256"] == skills.find("loyalty-modeling").points[0].passage_digest
    assert one["points"][0]["steps"][0]["task"] == "tier-design"


def test_a_skill_that_is_not_there_is_named_with_the_nearest(ops):
    answer = ops.get(url("skills/loyalty-modelling/"))
    assert (answer.status_code, answer.json()["errors"][0]["nearest"]) == (404, "loyalty-modeling")


def test_nobody_changes_a_skill(ops):
    assert [ops.post(url("skills/")).status_code, ops.delete(url("skills/attribution/")).status_code] == [
        405
    ] * 2


def test_the_page_shows_point_passage_and_who_does_it(ops, client):
    client.force_login(user("ops"))
    page = client.get(reverse("admin:plans_skills")).content.decode()
    assert "the pool that earns most within the budget and the tolerated risks" in page
    assert "segment-validation, by a person" in page
    assert skills.find("attribution").digest in page


def test_a_plan_cites_the_version_of_its_start_with_open_points(site):
    plan = start()
    body = document.build(plan)
    cited = {skill["name"]: skill for skill in body["skills"]}
    assert cited.keys() == {"loyalty-modeling", "member-insights"}
    assert cited["loyalty-modeling"]["tasks"] == ["1.2", "2.2"]
    assert {point["result"] for skill in cited.values() for point in skill["points"]} == {"open"}
    assert rules.problems(body) == []
    kept = [dict(skill) for skill in plan.declaration["skills"]]
    kept[0]["version"] = 7  # what the product says later moves no plan
    plan.declaration = plan.declaration | {"skills": kept}
    assert document.build(plan)["skills"][0]["version"] == 7
