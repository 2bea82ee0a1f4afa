"""Create, read, change, delete over REST: with the tag that was read, and history of each step."""

import pytest

from tests.doors import url

NEW = {"slug": "gold-club", "name": "Gold Club", "kind": "loyalty", "currency": "USD"}


@pytest.fixture
def made(ops):
    return ops.post(url("programs/"), NEW, format="json")


def change(client, path, tag, method="patch", **body):
    return getattr(client, method)(url(path), body, format="json", headers={"If-Match": tag})


def test_what_is_created_is_found_with_the_tag_of_the_answer(ops, made):
    assert (made.status_code, made.json()["state"], made.json()["version"]) == (201, "draft", 1)
    found = ops.get(url("programs/gold-club/"))
    assert (found.json(), found["ETag"]) == (made.json(), made["ETag"])


def test_a_second_one_of_the_same_key_is_told_what_is_there(ops, made):
    body = {"program": "gold-club", "key": "double", "name": "Double points"}
    first, second = (ops.post(url("experiments/"), body, format="json") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 400)
    (problem,) = second.json()["errors"]
    assert (problem["code"], problem["message"]) == (
        "unique",
        "There is one already that has the same program, key: change that one.",
    )


def test_a_change_with_the_tag_that_was_read_is_made_and_answers_the_next_tag(ops, made):
    first = change(ops, "programs/gold-club/", made["ETag"], name="Gold Society")
    assert (first.status_code, first.json()["name"], first.json()["version"]) == (200, "Gold Society", 2)
    second = change(ops, "programs/gold-club/", first["ETag"], name="Gold Circle")
    assert (second.status_code, second.json()["name"]) == (200, "Gold Circle")


def test_a_whole_replacement_takes_the_tag_too(ops, made):
    put = change(ops, "programs/gold-club/", made["ETag"], "put", **NEW | {"description": "For the best."})
    assert (put.status_code, put.json()["description"]) == (200, "For the best.")


def test_a_stale_tag_or_none_changes_nothing(ops, made):
    change(ops, "programs/gold-club/", made["ETag"], name="Gold Society")
    late = change(ops, "programs/gold-club/", made["ETag"], name="Too late")
    blind = ops.patch(url("programs/gold-club/"), {"name": "Blind"}, format="json")
    assert (late.status_code, blind.status_code) == (412, 428)
    assert ops.get(url("programs/gold-club/")).json()["name"] == "Gold Society"


def test_a_state_is_shown_and_never_written(ops, made):
    answer = change(ops, "programs/gold-club/", made["ETag"], state="active", name="Gold Society")
    assert (answer.json()["state"], answer.json()["name"]) == ("draft", "Gold Society")


def test_history_tells_each_step_and_who_took_it(ops, made):
    change(ops, "programs/gold-club/", made["ETag"], name="Gold Society")
    rows = ops.get(url("programs/gold-club/history/")).json()["results"]
    assert [(row["values"]["name"], row["by"]) for row in rows] == [
        ("Gold Society", "ops"),
        ("Gold Club", "ops"),
    ]


def test_a_superuser_deletes_with_the_tag_and_it_is_gone(as_, made):
    admin = as_("admin")
    gone = admin.delete(url("programs/gold-club/"), headers={"If-Match": made["ETag"]})
    assert (gone.status_code, admin.get(url("programs/gold-club/")).status_code) == (204, 404)
