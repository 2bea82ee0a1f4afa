"""Which data count: asked, added, replaced, taken back, and the answer of every load, at each door."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from gtm.core.errors import StaleVersion
from gtm.core.models import ChangeLogEntry
from programs import series
from programs.models import Dataset, Program
from programs.selectors import latest_datasets
from tests.doors import manage, start, stored, url
from tests.plans.admin.conftest import login
from tests.programs.api.conftest import as_, built, ops, site

__all__ = ["as_", "built", "login", "ops", "site"]

ORDERS = "member_id,purchased_at,amount,order_id\n"
JANUARY = f"{ORDERS}anna01,2026-01-05,5,A1\nbert02,2026-01-31,20,A2\n"
FEBRUARY = f"{ORDERS}anna01,2026-02-05,7,B1\nbert02,2026-01-31,19,A2\n"
UPLOAD = reverse("admin:programs_dataset_upload")


@pytest.fixture
def program(site):
    """A program of which nothing is current."""
    program = Program.objects.get(slug="cdnow")
    with acting_as(Actor.system("Test")):
        for dataset in Dataset.objects.filter(program=program):
            dataset.current_since = None
            dataset.save()
    return program


@pytest.fixture
def upload(ops, program):
    def send(text, name="orders.csv", **rest):
        told = {"kind": "purchases", "program": "cdnow", "file": SimpleUploadedFile(name, text.encode())}
        return ops.post(url("datasets/upload/"), told | rest)

    return send


@pytest.fixture
def load(tmp_path, program):
    """At the command line."""

    def run(text, *words, name="orders.csv"):
        (tmp_path / name).write_text(text)
        return manage("load_dataset", "purchases", str(tmp_path / name), "--program", "cdnow", *words)

    return run


def current():
    rows = latest_datasets(Program.objects.get(slug="cdnow"), ["purchases"])
    return [dataset.pk for dataset in rows]


def rows_of(pk):
    return Dataset.objects.get(pk=pk).rows


# ---------------------------------------------------------------- asked


def test_a_second_file_is_asked_about_with_both_in_numbers_and_nothing_is_stored(upload, settings):
    assert upload(JANUARY).status_code == 201
    before = stored(settings.GTM_DATA_DIR)
    asked = upload(FEBRUARY, "feb.csv")
    assert asked.status_code == 400
    (problem,) = asked.json()["errors"]
    assert (problem["field"], problem["code"], problem["allowed"]) == (
        "series",
        "add_or_replace",
        ["add", "replace"],
    )
    for words in (
        "Current: 2 rows, 2026-01-05 to 2026-01-31, amount 25.00 USD.",
        "feb.csv: 2 rows, 2026-01-31 to 2026-02-05, amount 26.00 USD.",
        "1 of the new rows have the order_id of a row that is there already.",
    ):
        assert words in problem["message"]
    assert stored(settings.GTM_DATA_DIR) == before


def test_the_command_line_asks_and_names_its_own_options(load):
    assert load(JANUARY)[0] == 0
    code, said = load(FEBRUARY)
    assert code == 2
    assert "--add or --replace" in said
    assert "2 rows, 2026-01-05 to 2026-01-31" in said


def test_the_upload_page_asks_on_the_same_field(login, program, upload):
    upload(JANUARY)
    told = {
        "program": program.pk,
        "kind": "purchases",
        "file": SimpleUploadedFile("f.csv", FEBRUARY.encode()),
    }
    client = login("ops")
    asked = client.post(UPLOAD, told)
    assert "add them to the current data" in asked.content.decode()
    kept = told | {"file": "", "token": asked.context["token"], "series": "add", "step": "load"}
    answered = client.post(UPLOAD, kept)
    assert answered.url == reverse("admin:programs_dataset_answer", args=current())
    assert rows_of(*current()) == 3


def test_the_rows_that_are_current_need_no_word(upload):
    first, again = upload(JANUARY).json(), upload(JANUARY, "same.csv").json()
    assert first["id"] == again["id"]
    assert again["answer"]["change"]["how"] == "nothing"
    assert upload(JANUARY, series="both").status_code == 400


# ---------------------------------------------------------------- added and replaced


def test_a_file_that_is_added_is_read_with_what_was_there(upload):
    january = upload(JANUARY, "jan.csv").json()
    added = upload(FEBRUARY, "feb.csv", series="add").json()
    assert current() == [added["id"]] != [january["id"]]
    assert (added["rows"], added["window_start"][:10], added["window_end"][:10]) == (
        3,
        "2026-01-05",
        "2026-02-05",
    )
    change = added["answer"]["change"]
    assert [change[name] for name in ("how", "added", "same", "replaced")] == ["add", 1, 0, 1]
    assert change["after"]["sums"] == {"amount": {"USD": "31.00"}}  # 5 + 7 + the later 19 of A2
    assert [source["name"] for source in added["sources"]] == ["jan.csv", "feb.csv"]
    assert [part["rows"] for part in added["parts"]] == [2, 2]
    assert [part["sha256"] for part in added["parts"]][0] == january["sha256"]


def test_the_same_file_added_twice_changes_nothing(upload):
    upload(JANUARY)
    added = upload(FEBRUARY, series="add").json()
    again = upload(FEBRUARY, series="add").json()
    assert (again["id"], again["answer"]["change"]["how"]) == (added["id"], "nothing")
    assert Dataset.objects.get(pk=added["id"]).rows == 3


def test_months_added_one_by_one_are_one_load(upload, load):
    upload(JANUARY)
    added = upload(f"{ORDERS}cleo03,2026-02-07,3,B9\n", series="add").json()
    code, said = load(f"{JANUARY}cleo03,2026-02-07,3,B9\n", "--replace")
    assert code == 0
    assert f"These rows are dataset {added['id']}, which is current." in said


def test_a_b_a_makes_a_current_and_says_so(load):
    assert load(JANUARY)[0] == 0
    (january,) = current()
    load(FEBRUARY, "--replace")
    (february,) = current()
    code, said = load(JANUARY, "--replace")
    assert code == 0
    assert current() == [january]
    assert f"loaded before as dataset {january}; it is current again, instead of {february}." in said


@pytest.mark.parametrize(
    "other",
    [FEBRUARY, f"{ORDERS}anna01,2026-02-05,-5,A1\n", f"{JANUARY}anna01,2026-02-05,-2,A1\n"],
    ids=["contradicts", "refunds alone", "with refunds"],
)
def test_a_file_that_is_loaded_again_is_current_again_whatever_came_between(load, other):
    assert load(JANUARY)[0] == 0
    (january,) = current()
    assert load(other, "--replace")[0] == 0
    assert current() != [january]
    assert load(JANUARY, "--replace")[0] == 0
    assert current() == [january]


def test_a_month_that_refunds_and_corrects_the_one_before_is_one_load_of_what_stands(load):
    load(JANUARY)
    load(f"{ORDERS}anna01,2026-02-05,-2,A1\nbert02,2026-01-31,19,A2\n", "--add")
    (added,) = current()
    code, said = load(
        f"{ORDERS}anna01,2026-01-05,5,A1\nanna01,2026-02-05,-2,A1\nbert02,2026-01-31,19,A2\n", "--replace"
    )
    assert (code, current()) == (0, [added])
    assert f"These rows are dataset {added}, which is current." in said


def test_a_load_that_another_one_overtook_is_refused(upload, program, monkeypatch):
    upload(JANUARY)
    here, meanwhile = series.register, upload

    def overtaken(*told):
        monkeypatch.setattr("programs.services.register", here)
        meanwhile(FEBRUARY, series="replace")
        return here(*told)

    monkeypatch.setattr("programs.services.register", overtaken)
    answer = upload(f"{ORDERS}cleo03,2026-03-07,3,C1\n", series="add")
    assert (answer.status_code, answer.json()["title"]) == (StaleVersion.status, StaleVersion.title)
    assert "loaded at the same time" in answer.json()["detail"]
    assert rows_of(*current()) == 2


# ---------------------------------------------------------------- taken back


def test_a_choice_is_taken_back_step_by_step_with_reasons_on_record(upload, ops):
    january = upload(JANUARY).json()["id"]
    february = upload(FEBRUARY, series="replace").json()["id"]
    upload(JANUARY, series="replace")
    nameless = ops.post(url(f"datasets/{january}/take-back/"), {"reason": " "}, format="json")
    assert nameless.status_code == 400
    seen = []
    for pk in (january, february, january):
        said = {"reason": "It is the wrong file."}
        answer = ops.post(url(f"datasets/{pk}/take-back/"), said, format="json")
        assert (answer.status_code, answer.json()["is_current"]) == (200, False)
        seen.append(current())
    assert seen == [[february], [january], []]
    rows = ChangeLogEntry.objects.filter(entity="programs.dataset", entity_id=str(february))
    (kept,) = [row.payload.body for row in rows if row.payload.body["field"] == "current_since"]
    assert (kept["reason"], kept["to"]) == ("It is the wrong file.", None)
    assert Dataset.objects.get(pk=february).history.first().history_change_reason == "It is the wrong file."


def test_only_what_is_current_is_taken_back(upload, ops):
    january = upload(JANUARY).json()["id"]
    february = upload(FEBRUARY, series="replace").json()["id"]
    refused = ops.post(url(f"datasets/{january}/take-back/"), {"reason": "Why not."}, format="json")
    assert (refused.status_code, current()) == (409, [february])
    again = ops.post(url(f"datasets/{february}/make-current/"), {"reason": "Why not."}, format="json")
    assert (again.status_code, "is current already" in again.json()["detail"]) == (409, True)


def test_an_older_dataset_is_made_current_at_the_command_line(load):
    load(JANUARY)
    (january,) = current()
    load(FEBRUARY, "--replace")
    (february,) = current()
    code, said = manage("choose_dataset", str(january), "--reason", "February was not closed.")
    assert (code, said.strip()) == (0, f"Dataset {january} is current, instead of {february}.")
    code, said = manage("choose_dataset", str(january), "--take-back", "--reason", "It is now.")
    assert (code, current()) == (0, [february])
    assert manage("choose_dataset", "0", "--reason", "x")[0] == 2
    assert manage("choose_dataset", str(january))[0] == 2


def test_the_admin_makes_current_and_takes_back_with_a_reason(upload, login):
    january = upload(JANUARY).json()["id"]
    february = upload(FEBRUARY, series="replace").json()["id"]
    client = login("ops")
    for name, pk, now in (("make_current", january, january), ("take_back", january, february)):
        address = reverse(f"admin:programs_dataset_{name}", args=[pk])
        assert client.get(address).status_code == 200
        client.post(address, {"answered": "1", "reason": "The file was wrong."})
        assert current() == [now]


def test_an_approver_chooses_nothing(upload, as_):
    pk = upload(JANUARY).json()["id"]
    for verb in ("make-current", "take-back"):
        address = url(f"datasets/{pk}/{verb}/")
        assert as_("finance").post(address, {"reason": "x"}, format="json").status_code == 403


def test_a_plan_keeps_the_rows_it_started_with(upload):
    rows = "".join(f"m{n:02},2026-0{1 + n % 6}-1{n % 9},{n},O{n}\n" for n in range(1, 40))
    first = upload(f"{ORDERS}{rows}").json()
    plan = start()
    upload(FEBRUARY, series="add")
    plan.refresh_from_db()
    assert [(d["id"], d["sha256"]) for d in plan.datasets] == [(first["id"], first["sha256"])]
    assert current() != [first["id"]]


# ---------------------------------------------------------------- the answer


def test_the_answer_is_the_same_from_the_load_and_from_the_dataset(upload, ops, program):
    with acting_as(Actor.system("Test")):
        program.time_zone = "Europe/Berlin"
        program.save()
    loaded = upload(JANUARY).json()
    answer = ops.get(url(f"datasets/{loaded['id']}/answer/")).json()
    assert answer == loaded["answer"]
    (file,) = answer["files"]
    assert file["columns"]["amount"] == "amount"
    assert [row["cells"]["amount"] for row in file["samples"]] == [
        {"written": "5", "read": "5.00"},
        {"written": "20", "read": "20.00"},
    ]
    assert file["samples"][0]["cells"]["purchased_at"] == {
        "written": "2026-01-05",
        "read": "2026-01-05 00:00:00+01:00",
    }
    applied = {one["name"]: (one["value"], one["source"]) for one in answer["applied"]}
    assert applied["time_zone"] == ("Europe/Berlin", "program")
    assert applied["currency"] == ("USD", "program")
    assert [one["source"] for one in answer["applied"] if one["name"] == "date_order"] == ["file"]
    assert (answer["loaded"]["first_day"], answer["loaded"]["last_day"]) == ("2026-01-05", "2026-01-31")


@pytest.mark.parametrize(
    ("currency", "amount", "read", "total"),
    [
        ("EUR", "1.7", "1.70", "2.70 EUR"),
        ("JPY", "1200", "1200", "1,201 JPY"),
        ("KWD", "1.7", "1.700", "2.700 KWD"),
    ],
)
def test_amounts_in_the_answer_have_the_decimals_of_their_currency(load, currency, amount, read, total):
    text = f"ann,2026-01-05,{amount},{currency}\nbob,2026-01-06,1,{currency}\n"
    text = f"member_id,purchased_at,amount,currency\n{text}"
    code, said = load(text)
    assert code == 0
    assert f"Accepted: 2 rows, 2026-01-05 to 2026-01-06, amount {total}." in said
    assert f"  amount ← amount: {amount} → {read}" in said or amount == read


def test_days_of_a_file_in_another_zone_are_days_of_the_program(upload, ops, program, login):
    """A date without a time is a day of the program; a time is of the zone that was said."""
    with acting_as(Actor.system("Test")):
        program.time_zone = "America/New_York"
        program.save()
    text = f"{ORDERS}anna01,2026-01-05,5,A1\nbert02,2026-01-31T23:30,20,A2\n"
    loaded = upload(text, time_zone="Asia/Tokyo").json()
    answer = loaded["answer"]
    assert (answer["loaded"]["first_day"], answer["loaded"]["last_day"]) == ("2026-01-05", "2026-01-31")
    assert [row["cells"]["purchased_at"]["read"] for row in answer["files"][0]["samples"]] == [
        "2026-01-05 00:00:00-05:00",
        "2026-01-31 09:30:00-05:00",
    ]
    page = login("ops").get(reverse("admin:programs_dataset_change", args=[loaded["id"]])).content.decode()
    assert "2026-01-05 – 2026-01-31" in page


def test_the_answer_keeps_nobody_by_name(upload):
    answer = upload(JANUARY).json()["answer"]
    assert "anna01" not in json.dumps(answer)
    assert answer["files"][0]["samples"][0]["cells"]["member_id"]["read"] == "an… (6 characters)"


def test_rejects_are_counted_with_reasons_and_the_file_to_correct(upload, ops):
    loaded = upload(f"{JANUARY}x,never,1,Z1\n").json()
    rejects = loaded["answer"]["rejects"]
    assert (rejects["rejected"], list(rejects["reasons"])) == (1, ["purchased_at: not a date or time"])
    assert "never" in ops.get(url(f"datasets/{loaded['id']}/rejects/")).content.decode()
    assert rejects["file"]


def test_sums_and_counts_are_those_of_each_kind_of_entry(upload):
    rows = "e1,m1,2026-01-05,issue,100\ne2,m1,2026-01-06,redeem,40\ne3,m2,2026-01-07,issue,10\n"
    answer = upload(f"entry_id,member_id,posted_at,entry,points\n{rows}", kind="point_ledger").json()[
        "answer"
    ]
    groups = {g["value"]: (g["rows"], g["sums"]["points"]["points"]) for g in answer["loaded"]["groups"]}
    assert groups == {"issue": (2, "110"), "redeem": (1, "40")}


def test_the_command_line_gives_the_answer_as_text_and_as_json(load, ops):
    code, said = load(JANUARY, "--json")
    answer = json.loads(said)
    assert (code, answer) == (0, ops.get(url(f"datasets/{answer['dataset']}/answer/")).json())
    _, said = load(FEBRUARY, "--add")
    for line in (
        "2 rows read: 2 accepted, 0 rejected, 0 duplicates.",
        "Accepted: 2 rows, 2026-01-31 to 2026-02-05, amount 26.00 USD.",
        "  purchased_at ← purchased_at: 2026-02-05 → 2026-02-05 00:00:00+00:00, 2026-01-31 → ",
        "currency: USD (the program's)",
        "  before: 2 rows, 2026-01-05 to 2026-01-31, amount 25.00 USD",
        "  now:    3 rows, 2026-01-05 to 2026-02-05, amount 31.00 USD",
        "  1 rows are new, 0 were there, 1 replaced an older row of their key",
    ):
        assert line in said


def test_the_admin_shows_the_answer_to_who_may_see_data(upload, login):
    pk = upload(f"{JANUARY}x,never,1,Z1\n").json()["id"]
    address = reverse("admin:programs_dataset_answer", args=[pk])
    page = login("ops").get(address).content.decode()
    for words in ("how its columns were read", "2026-01-05 → 2026-01-05 00:00", "1 × purchased_at",
                  "first purchases of", "What each command has and lacks"):  # fmt: skip
        assert words in page
    assert reverse("admin:programs_dataset_rejects", args=[pk]) in page
    assert (
        reverse("admin:programs_dataset_answer_of_load", args=[pk])
        in login("ops").get(reverse("admin:programs_dataset_changelist")).content.decode()
    )
    get_user_model().objects.create_user("guest", is_staff=True)
    assert login("guest").get(address).status_code == 403


def test_a_dataset_from_before_answers_says_so(program, ops):
    old = Dataset.objects.filter(program=program).first()
    with acting_as(Actor.system("Test")):
        old.answer = {}
        old.save()
    assert (
        "before the answers of loads were kept" in ops.get(url(f"datasets/{old.pk}/answer/")).json()["detail"]
    )


def test_another_shop_s_order_of_the_same_number_is_asked_about(load):
    load(JANUARY)
    other = f"{ORDERS}carl03,2026-02-05,7,A1\n"
    code, said = load(other, "--add")
    assert code == 2
    assert "order_id A1 is of anna01 in what is current and of carl03 in the new rows" in said
    code, said = load(other, "--add", "--source", "south")
    assert code == 0
    assert [rows_of(pk) for pk in current()] == [3]
