"""A file becomes data on the upload page: found, corrected, compared, loaded once; the same at every door."""

import json
from pkgutil import resolve_name

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from programs import previews
from programs.admin import pending
from programs.datasets.loading import preview as looking
from programs.datasets.presets import presets
from programs.datasets.readers import csv as csv_reader
from programs.datasets.readers import unpack
from programs.models import Dataset, LoadProfile
from programs.selectors import waiting_files
from tests.doors import manage, stored, url, user
from tests.factories import ProgramFactory
from tests.plans.admin.conftest import login
from tests.programs.api.conftest import as_, built, ops, site

__all__ = ["as_", "built", "login", "ops", "site"]

UPLOAD = reverse("admin:programs_dataset_upload")
PREVIEW = url("datasets/preview/")
ORDERS = "member_id,purchased_at,amount,order_id\n"
STATED = "member_id,purchased_at,amount,Status\nann,2026-01-05,5,paid\nbob,2026-01-06,7,failed\n"


@pytest.fixture
def program(site):
    with acting_as(Actor.system("Test")):
        return ProgramFactory(slug="berlin", kind="loyalty", currency="EUR", time_zone="Europe/Berlin")


@pytest.fixture
def client(login):
    return login("ops")


@pytest.fixture
def look(client, program):
    """Post the upload page; what it shows of the file."""

    def post(text, name="orders.csv", **said):
        told = {"program": program.pk, "kind": "purchases", "step": "preview"}
        return client.post(UPLOAD, told | {"file": SimpleUploadedFile(name, text.encode())} | said)

    return post


@pytest.fixture
def again(client):
    """Post the page that was shown, with the fields a browser would send."""

    def post(shown, **said):
        return client.post(UPLOAD, fields_of(shown) | {"step": "preview"} | said)

    return post


def fields_of(shown):
    """The fields of the workbench as a browser sends them back."""
    bench, words = shown.context["bench"], shown.context["words"]
    rows = [*bench.columns(), *bench.further_columns()]
    fields = {"program": words.program.pk, "kind": bench.kind, "profile": bench.profile}
    fields |= {"token": shown.context["token"], "seen-kind": bench.kind, "seen-profile": bench.profile}
    fields |= {row["field"]: row["chosen"] for row in rows}
    fields |= {row["shown_field"]: row["proposed"] for row in rows}
    return fields | {field["name"]: field["value"] for group in bench.options() for field in group["fields"]}


def columns_of(shown):
    return {
        column["name"]: (column["theirs"], column["source"]) for column in shown.context["preview"]["columns"]
    }


# ---------------------------------------------------------------- found


def shopify():
    return f"Orders of the shop\n\n{presets()['shopify-orders'].sample.read_text()}"


def test_an_export_is_recognised_below_its_preamble_and_shown_as_it_would_be_stored(look):
    shown = look(shopify(), kind="", profile="find")
    preview = shown.context["preview"]
    assert (preview["kind"], preview["terms"]["profile"], preview["questions"]) == (
        "purchases",
        "shopify-orders",
        [],
    )
    (file,) = preview["files"]
    assert (file["written_as"], file["above"]) == (
        {"encoding": "utf-8", "delimiter": "comma", "header_row": "3"},
        [["Orders of the shop"]],
    )
    assert columns_of(shown)["member_id"] == ("Email", "profile")
    first = preview["accepted"][0]["cells"]
    assert (first["purchased_at"], first["amount"]) == ("2026-03-01 16:30:00", "59.00 USD")
    counts = preview["counts"]
    assert (counts["read"], counts["accepted"], counts["left_out"]) == (5, 3, 2)
    assert {one["example"] for one in counts["left_out_for"]} <= {"row 2", "row 5"}
    assert "It looks like “Shopify: orders”. All 7 columns that it reads are in the file" in (
        shown.content.decode()
    )


def test_a_file_that_looks_like_nothing_we_know_is_asked_about(look):
    shown = look("x,y\n1,2\n", kind="", profile="find")
    assert "The columns do not look like any kind that we know" in shown.context["form"].errors["kind"][0]


@pytest.mark.parametrize(
    ("currency", "amount", "shown_as"),
    [("JPY", "1200", "1,200 JPY"), ("EUR", "3.5", "3.50 EUR"), ("KWD", "1.25", "1.250 KWD")],
)
def test_amounts_have_the_decimals_of_their_currency(look, currency, amount, shown_as):
    preview = look(f"{ORDERS}ann,2026-01-05,{amount},1\n", currency=currency).context["preview"]
    assert preview["accepted"][0]["cells"]["amount"] == shown_as
    assert preview["change"]["comparison"]["months"][0]["sums_new"] == [shown_as]


def test_rows_that_would_be_rejected_are_shown_with_reason_and_line(look):
    shown = look(f"{ORDERS}ann,2026-01-05,5,1\nbob,never,7,2\n")
    (row,) = shown.context["bench"].refused()
    assert (row["row"], row["outcome"]) == (2, "rejected")
    assert row["line"] == "member_id: bob · purchased_at: never · amount: 7 · order_id: 2"
    assert "1 × purchased_at: not a date or time" in shown.content.decode()


@pytest.fixture
def here(monkeypatch):
    """Files are looked at in the process of the test, where it can change the limits."""

    def call(function, *arguments, bounds, **named):
        return resolve_name(function)(*arguments, **named)

    monkeypatch.setattr(previews, "work", call)


def test_a_look_reads_the_first_rows_only_and_says_so(look, again, monkeypatch, here):
    monkeypatch.setattr(previews, "FIRST_ROWS", 10)
    monkeypatch.setattr(looking, "LIMITS", looking.Limits(first_rows=10))
    rows = "".join(f"m{n},2026-01-05,5,{n}\n" for n in range(25))
    shown = look(f"{ORDERS}{rows}")
    preview = shown.context["preview"]
    assert (preview["counts"]["read"], preview["is_whole"]) == (10, False)
    assert "Only the first 10 rows of each file were read for this preview" in shown.content.decode()
    again(shown, step="load")
    assert Dataset.objects.latest("pk").rows == 25


def test_the_beginning_of_a_large_file_ends_with_a_whole_record(look, monkeypatch, here):
    monkeypatch.setattr(csv_reader, "BEGINNING", 2048)
    monkeypatch.setattr(unpack, "CHUNK", 1024)
    rows = "".join(f'm{n},2026-01-05,5,"{n}\n{"x" * 300}"\n' for n in range(40))
    preview = look(f"{ORDERS}{rows}").context["preview"]
    assert not preview["is_whole"]
    assert preview["counts"]["rejected"] == 0
    assert 1 <= preview["counts"]["accepted"] < 10


# ---------------------------------------------------------------- corrected


def test_a_question_is_answered_by_its_button(look, again):
    shown = look(STATED)
    (question,) = shown.context["preview"]["questions"]
    replies = {reply["label"]: f"{reply['option']}|{reply['value']}" for reply in question["replies"]}
    assert list(replies) == ["Load only paid", "“Status” does not matter: load all rows"]
    settled = again(shown, reply=replies["Load only paid"])
    assert settled.context["preview"]["questions"] == []
    assert settled.context["preview"]["terms"]["options"] == {"filters": "Status: paid"}
    assert settled.context["preview"]["counts"]["accepted"] == 1


def test_a_column_is_chosen_taken_away_and_found_again(look, again):
    text = "who,purchased_at,amount,order_id,region\nann,2026-01-05,5,1,North\n"
    shown = look(text)
    assert columns_of(shown)["member_id"] == ("", "")
    assert [row["name"] for row in shown.context["bench"].columns() if row["errors"]] == ["member_id"]
    chosen = again(shown, **{"map-member_id": "who", "map-region": "-"})
    assert columns_of(chosen)["member_id"] == ("who", "said")
    assert columns_of(chosen)["region"] == ("", "")
    assert columns_of(again(chosen))["region"] == ("", "")
    found = again(chosen, **{"map-region": ""})
    assert columns_of(found)["region"] == ("region", "name")
    again(chosen, step="load")
    (columns,) = Dataset.objects.latest("pk").mapping.values()
    assert columns == {
        "member_id": "who",
        "purchased_at": "purchased_at",
        "amount": "amount",
        "order_id": "order_id",
    }


def test_a_missing_column_is_chosen_by_its_button(look, again):
    shown = look("buyer,purchased_at,amount\nann@x.example,2026-01-05,5\n")
    (question,) = shown.context["preview"]["questions"]
    assert [(one["option"], one["value"]) for one in question["replies"]] == [("mapping", "member_id=buyer")]
    assert columns_of(again(shown, reply="mapping|member_id=buyer"))["member_id"] == ("buyer", "said")


def test_a_word_of_theirs_is_given_its_meaning(look, again):
    text = (
        "entry_id,member_id,posted_at,entry,points\n1,ann,2026-01-05,earning,5\n2,ann,2026-01-06,redeem,3\n"
    )
    shown = look(text, kind="point_ledger")
    (row,) = [row for row in shown.context["bench"].columns() if row["name"] == "entry"]
    assert [(word["word"], word["ours"]) for word in row["word_fields"]] == [
        ("earning", ""),
        ("redeem", "redeem"),
    ]
    settled = again(shown, **{"word|entry|earning": "issue"})
    assert settled.context["preview"]["terms"]["options"] == {"value_map": "entry: earning=issue"}
    assert settled.context["preview"]["counts"]["accepted"] == 2


def test_an_option_of_the_profile_is_cleared_and_what_it_says_is_not_said_again(look, again):
    shown = look(shopify(), profile="shopify-orders")
    kept = again(shown)
    assert kept.context["words"].mapping == {}
    assert kept.context["words"].options == {}
    cleared = again(shown, subtract_columns="", ignore_columns="Refunded Amount, Lineitem price")
    assert cleared.context["words"].without == ("subtract_columns",)
    assert "subtract_columns" not in cleared.context["preview"]["terms"]["options"]


def test_another_kind_begins_with_its_own_columns(look, again):
    shown = look("who,joined\nann,2026-01-05\n")
    chosen = again(shown, **{"map-member_id": "who"})
    other = again(chosen, kind="members")
    assert (other.context["preview"]["kind"], other.context["words"].mapping) == ("members", {})


def test_what_an_option_cannot_say_is_shown_at_its_field(look, again):
    shown = again(look(f"{ORDERS}ann,2026-01-05,5,1\n"), time_zone="Mars/Base")
    fields = {f["name"]: f["errors"] for group in shown.context["bench"].options() for f in group["fields"]}
    assert "“Mars/Base” is not an IANA time zone" in fields["time_zone"][0]
    assert shown.context["preview"]["files"]


def test_only_options_that_can_matter_are_offered(look):
    ledger = "entry_id,member_id,posted_at,entry,points\n1,ann,2026-01-05,issue,5\n"
    offered = [one["name"] for one in look(ledger, kind="point_ledger").context["preview"]["options"]]
    assert {"sign_rule", "delimiter", "value_map"} <= {*offered}
    assert not {"line_items", "add_columns", "sheet", "records", "file_in_zip"} & {*offered}


# ---------------------------------------------------------------- compared


def test_what_is_current_is_compared_by_month_members_and_what_each_choice_does(look, again):
    again(look(f"{ORDERS}ann,2026-01-05,5,1\nbob,2026-02-01,7,2\n"), step="load")
    shown = look(f"{ORDERS}bob,2026-01-31T23:30:00Z,8,2\ncy,2026-03-01,9,3\n")
    change = shown.context["preview"]["change"]
    compared = change["comparison"]
    assert [compared[name] for name in ("members_before", "members_new", "members_both")] == [2, 2, 1]
    assert [(m["month"], m["sums_before"], m["sums_new"]) for m in compared["months"]] == [
        ("2026-01", ["5.00 EUR"], []),
        ("2026-02", ["7.00 EUR"], ["8.00 EUR"]),  # half past midnight in Berlin
        ("2026-03", [], ["9.00 EUR"]),
    ]
    assert "1 have the order_id of a current row and replace it" in change["choices"]["add"]
    assert "new runs read the 2 new rows instead of 2" in change["choices"]["replace"]
    asked = again(shown, step="load")
    assert "add them to the current data" in asked.context["form"].errors["series"][0]
    again(shown, step="load", series="add")
    assert Dataset.objects.latest("pk").rows == 3


def test_rows_that_are_current_change_nothing(look, again):
    text = f"{ORDERS}ann,2026-01-05,5,1\n"
    again(look(text), step="load")
    change = look(text).context["preview"]["change"]
    assert (change["choices"], "Loading them again changes nothing" in change["sentence"]) == ({}, True)


# ---------------------------------------------------------------- loaded


def test_a_double_submit_loads_once(look, again):
    shown = look(f"{ORDERS}ann,2026-01-05,5,1\n")
    first = again(shown, step="load", save_as="web-shop")
    rows = Dataset.objects.count()
    second = again(shown, step="load", save_as="web-shop")
    assert first.url == second.url
    assert Dataset.objects.count() == rows
    dataset = Dataset.objects.latest("pk")
    assert dataset.history.count() == 2  # made, and its answer kept


def test_a_file_that_is_being_loaded_is_not_loaded_again(look, again, client):
    shown = look(f"{ORDERS}ann,2026-01-05,5,1\n")
    kept = pending.find(user("ops"), shown.context["token"])
    rows = Dataset.objects.count()
    with pending.taken(kept):
        waiting = again(shown, step="load")
        assert "is being loaded" in " ".join(map(str, waiting.context["messages"]))
    assert Dataset.objects.count() == rows
    assert again(shown, step="load").status_code == 302


def test_a_load_that_is_refused_keeps_the_file(look, again):
    shown = look(STATED)
    refused = again(shown, step="load")
    assert "Not every row is a sale" in str(refused.context["form"].errors)
    assert again(refused, filters="Status: paid", step="load").status_code == 302


def test_choices_are_kept_as_a_profile_by_whoever_may(look, again, client, program):
    shown = again(look(STATED), filters="Status: paid")
    again(shown, step="load", save_as="web-shop")
    profile = LoadProfile.objects.get(program=program)
    assert (profile.name, profile.options) == ("web-shop", {"filters": "Status: paid"})
    named = look(STATED.replace("bob", "cy"), profile="find")
    assert named.context["preview"]["questions"] == []


def test_files_of_a_person_are_few_and_hidden_from_others(look, login, program, settings):
    tokens = [look(f"{ORDERS}ann,2026-01-05,{n},1\n", name="../../up.csv").context["token"] for n in range(7)]
    kept = [token for token in tokens if pending.find(user("ops"), token)]
    assert kept == tokens[-pending.MOST_A_PERSON :]
    folder = settings.MEDIA_ROOT / "pending"
    assert {path.parent for path in folder.rglob("*")} == {folder}
    assert pending.find(user("ops"), kept[0]).name == "up.csv"
    assert pending.find(user("strategist"), kept[0]) is None
    assert pending.find(user("ops"), f"{kept[0]}x") is None


def test_a_file_waits_in_the_inbox_until_it_is_loaded_or_removed(look, again, client, login, program):
    inbox = reverse("admin:plans_inbox")
    shown = look(f"{ORDERS}ann,2026-01-05,5,1\n", name="spring.csv")
    (line,) = [entry for entry in client.get(inbox).context["entries"] if entry.kind == "File"]
    assert line.title == "spring.csv is not loaded yet" and line.detail.startswith("kept until ")
    assert manage("inbox", "--as", "ops")[1].count("spring.csv: not loaded yet") == 1
    gone_on = client.get(line.url)
    assert "spring.csv is kept for you" in gone_on.content.decode()
    stranger = login("analyst").get(line.url)
    assert "not kept any more" in " ".join(map(str, stranger.context["messages"]))
    assert again(shown, step="load").status_code == 302
    assert "spring.csv" not in client.get(inbox).content.decode()
    token = look(f"{ORDERS}bob,2026-01-06,5,2\n", name="wrong.csv").context["token"]
    removed = client.post(UPLOAD, {"token": token, "step": "drop"}, follow=True)
    assert "wrong.csv is removed" in removed.content.decode()
    assert not pending.find(user("ops"), token) and not waiting_files(user("ops"))


def test_the_way_leads_back_to_the_set_up_that_it_came_from(look, client, program):
    shown = look(f"{ORDERS}ann,2026-01-05,5,1\n")
    back = reverse("admin:plans_set_up_step", args=[program.slug, "data"])
    answered = client.post(f"{UPLOAD}?from=set-up", fields_of(shown) | {"step": "load"})
    assert answered.url.endswith("/answer/?from=set-up")
    assert f'href="{back}">Back to the set-up of' in client.get(answered.url).content.decode()
    assert back not in client.get(answered.url.partition("?")[0]).content.decode()


def test_a_file_that_is_too_large_for_a_page_is_refused_with_the_way_round(look, monkeypatch):
    monkeypatch.setattr("programs.admin.upload_form.LARGEST", 10)
    shown = look(f"{ORDERS}ann,2026-01-05,5,1\n")
    assert "Ask operations to load it on the server" in shown.context["form"].errors["file"][0]


def test_a_form_of_another_site_is_refused(program):
    stranger = Client(enforce_csrf_checks=True)
    stranger.force_login(user("ops"))
    told = {"program": program.pk, "kind": "purchases", "file": SimpleUploadedFile("a.csv", b"x\n1\n")}
    assert stranger.post(UPLOAD, told).status_code == 403


# ---------------------------------------------------------------- every door


def test_a_preview_is_the_same_at_every_door_and_stores_nothing(look, ops, program, tmp_path, settings):
    text = f"{ORDERS}ann,2026-01-05,5,1\nbob,never,7,2\n"
    (tmp_path / "orders.csv").write_text(text)
    before = stored(settings.GTM_DATA_DIR / "datasets")
    on_page = look(text, currency="EUR").context["preview"]
    file = SimpleUploadedFile("orders.csv", text.encode())
    told = {"kind": "purchases", "program": program.slug, "currency": "EUR", "file": file}
    over_rest = ops.post(PREVIEW, told)
    words = ("--program", program.slug, "--currency", "EUR", "--preview", "--json")
    code, said = manage("load_dataset", "purchases", str(tmp_path / "orders.csv"), *words)
    assert (over_rest.status_code, code) == (200, 0)
    assert over_rest.json() == json.loads(said) == on_page
    rows, files = stored(settings.GTM_DATA_DIR / "datasets")
    rows["programs.WaitingUpload"] -= 1  # the page has the file until somebody loads it
    assert (rows, files) == before


def test_the_command_line_shows_a_preview_in_lines_and_fails_where_the_load_would(program, tmp_path):
    (tmp_path / "orders.csv").write_text(STATED)
    words = (
        "load_dataset",
        "purchases",
        str(tmp_path / "orders.csv"),
        "--program",
        program.slug,
        "--preview",
    )
    code, said = manage(*words)
    assert code == 2
    assert "orders.csv: Status: set filters=Status: paid (Load only paid)" in said
    code, said = manage(*words, "--filters", "Status: paid", "--map", "amount=amount")
    assert code == 0
    assert "2 rows read: 1 accepted, 0 rejected, 0 duplicates, 1 left out" in said
    assert "row 1: member_id ann, purchased_at 2026-01-05 00:00:00, amount 5.00 EUR" in said


def test_an_unknown_option_to_leave_out_is_named(ops, program):
    file = SimpleUploadedFile("orders.csv", STATED.encode())
    told = {"kind": "purchases", "program": program.slug, "file": file, "without": "filter"}
    refused = ops.post(PREVIEW, told)
    assert refused.status_code == 400
    assert "There is no option “filter”" in str(refused.json())
