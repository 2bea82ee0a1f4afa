"""Governed objects in the admin: import and export through the model's own door, history, bringing back."""

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from gtm.core.admin.resources import identity_of
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from programs.models import Approver, Metric, Partner, Program, Tier
from tests.doors import agree, built, site, user  # noqa: F401 - fixtures

HEAD = "program,name,rank,threshold,earn_multiplier\n"


@pytest.fixture
def login(site):  # noqa: F811
    def as_user(username):
        client = Client()
        client.force_login(user(username))
        return client

    return as_user


def said(response):
    return " ".join(map(str, get_messages(response.wsgi_request)))


def upload(client, model, text):
    """Choose a file; answers the page with the preview."""
    file = SimpleUploadedFile("rows.csv", text.encode(), content_type="text/csv")
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_import")
    return client.post(url, {"format": "0", "import_file": file, "resource": ""})


def confirm(client, model, preview):
    """Confirm what the preview shows."""
    form = preview.context["confirm_form"].initial
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_process_import")
    return client.post(url, {**form, "resource": ""})


def test_rows_are_found_by_the_handles_people_know(db):
    assert [identity_of(m) for m in (Program, Metric, Tier, Approver)] == [
        ["slug"], ["key"], ["program", "rank"], ["person", "role"],
    ]  # fmt: skip


def test_a_file_adds_and_changes_as_a_form_would(login):
    client, before = login("ops"), ChangeLogEntry.objects.count()
    preview = upload(client, Tier, f"{HEAD}cdnow,Bronze,1,0,1\ncdnow,Silver,2,120,1.25\n")
    assert not Tier.objects.exists()
    assert confirm(client, Tier, preview).status_code == 302
    assert list(Tier.objects.values_list("name", "rank")) == [("Bronze", 1), ("Silver", 2)]
    confirm(client, Tier, upload(client, Tier, f"{HEAD}cdnow,Bronze,1,10,1\ncdnow,Silver,2,120,1.25\n"))
    assert [(t.threshold, t.version) for t in Tier.objects.all()] == [(10, 2), (120, 1)]
    entries = ChangeLogEntry.objects.select_related("payload").order_by("pk")[before:]
    told = [(e.event, e.payload.body["field"], e.payload.body["actor"]) for e in entries]
    assert told == [("created", "", "Olivia Park")] * 2 + [("changed", "threshold", "Olivia Park")]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("nowhere,Bronze,1,0,1", "There is no program with slug “nowhere”."),
        ("cdnow,,1,0,1", "This field cannot be blank."),
        ("cdnow,Bronze,-1,0,1", "greater than or equal to 0"),
        ("cdnow,Bronze,1,plenty,1", "plenty"),
    ],
)
def test_a_bad_row_is_explained_and_nothing_is_stored(login, row, why):
    preview = upload(login("ops"), Tier, f"{HEAD}cdnow,Good,3,0,1\n{row}\n")
    assert why in preview.content.decode()
    assert "confirm_form" not in preview.context
    assert not Tier.objects.exists()


def test_a_file_does_not_do_what_a_form_may_not(login):
    client = login("exec")
    head = "person,role,limit_amount,limit_currency,program_kinds,regions\n"
    preview = upload(client, Approver, f"{head}ops@demo.example,finance,100,USD,[],[]\n")
    assert confirm(client, Approver, preview).status_code == 302
    assert agree("deputy") == 1
    assert Approver.objects.filter(person__name="Olivia Park", role__slug="finance").exists()
    assert upload(login("auditor"), Approver, head).status_code == 403
    metric = Metric.objects.first()
    user("ops").user_permissions.add(Permission.objects.get(codename="add_metric"))
    row = f"key,name,unit,direction,numerator\n{metric.key},Other,%,higher,x\n"
    assert "You may not change metrics." in upload(login("ops"), Metric, row).content.decode()
    metric.refresh_from_db()
    assert metric.name != "Other"


def test_a_state_in_a_file_is_left_alone(login):
    client, program = login("ops"), Program.objects.get(slug="cdnow")
    preview = upload(client, Program, "slug,name,kind,state,version\ncdnow,CDNOW Club,loyalty,archived,99\n")
    confirm(client, Program, preview)
    after = Program.objects.get(slug="cdnow")
    assert (after.name, after.state, after.version) == ("CDNOW Club", program.state, program.version + 1)


def test_a_list_is_exported_with_handles_and_taken_back_unchanged(login):
    url = reverse("admin:programs_approver_export")
    client = login("auditor")
    fields = client.get(url).context["form"].fields
    chosen = {name: "on" for name in fields if name.startswith("approverresource_") or "resource_" in name}
    raw = client.post(url, {"format": "0", "resource": "", **chosen}).content.decode()
    row = next(line for line in raw.splitlines() if "finance@demo.example,finance" in line)
    assert "1000000.00,USD,[],[]" in row
    before = ChangeLogEntry.objects.count()
    exec_ = login("exec")
    preview = upload(exec_, Approver, raw)
    assert preview.context["result"].totals["skip"] == Approver.objects.count()
    confirm(exec_, Approver, preview)
    assert ChangeLogEntry.objects.count() == before


# ------------------------------------------------------------------ history


@pytest.fixture
def renamed(login):
    """A partner with two versions."""
    partner = Partner.objects.get(slug="contoso")
    with acting_as(Actor.system("Test"), "They rebranded"):
        partner.name, partner.country = "Contoso Group", "FR"
        partner.save()
    return partner


def back(client, obj, **form):
    first = obj.history.earliest()
    name = f"admin:{obj._meta.app_label}_{obj._meta.model_name}_revert"
    return client.post(reverse(name, args=[obj.pk, first.history_id]), form)


def test_history_shows_each_change_side_by_side(login, renamed):
    page = login("auditor").get(reverse("admin:programs_partner_history", args=[renamed.pk])).content.decode()
    assert '<del class="g-del">Contoso Analytics</del>' in page
    assert '<ins class="g-ins">Contoso Group</ins>' in page
    assert "They rebranded" in page and "Bring this version back" not in page


def test_an_earlier_version_is_brought_back_as_a_change_of_its_own(login, renamed):
    assert "Brought back: name, country." in said(back(login("ops"), renamed, comment="The deal is off."))
    renamed.refresh_from_db()
    assert (renamed.name, renamed.country, renamed.version) == ("Contoso Analytics", "DE", 3)
    entry = ChangeLogEntry.objects.select_related("payload").latest("pk")
    assert entry.payload.body["reason"] == "The deal is off."


def test_bringing_back_takes_a_reason_and_the_permission(login, renamed):
    assert "Say why" in said(back(login("ops"), renamed, comment=" "))
    assert back(login("auditor"), renamed, comment="Nicer.").status_code == 403
    renamed.refresh_from_db()
    assert renamed.name == "Contoso Group"


def test_what_is_not_valid_any_more_is_not_brought_back(login, renamed):
    with acting_as(Actor.system("Test")):
        Partner(slug="contoso-2", name="Other").save()
        first = renamed.history.earliest()
        type(first).objects.filter(pk=first.pk).update(slug="contoso-2")
    assert "slug: Partner with this Slug already exists." in said(
        back(login("ops"), renamed, comment="Back.")
    )


def test_what_has_ended_stays_as_it_is(login):
    program = Program.objects.get(slug="customer-advocates")
    with acting_as(Actor.of_user(user("admin"), "admin")):
        program.name = "Advocates"
        program.save()
        perform(program, "cancel", comment="Not now.")
        perform(program, "archive", comment="Gone.")
    assert "has ended" in said(back(login("admin"), program, comment="Back."))
    program.refresh_from_db()
    assert program.name == "Advocates"


# ------------------------------------------------------------------ state


def test_a_program_moves_as_its_machine_allows_and_says_why(login):
    client, program = login("ops"), Program.objects.get(slug="cdnow")
    page = client.get(reverse("admin:programs_program_change", args=[program.pk]))
    names = [action.name for action in page.context["actions_on_state"]]
    assert "archive" not in names
    url = reverse("admin:programs_program_perform", args=[program.pk, "cancel"])
    assert "Say why" in said(client.post(url))
    client.post(url, {"comment": "Not this year."})
    program.refresh_from_db()
    assert program.state == "cancelled"


def test_who_may_not_manage_programs_moves_none(login):
    program = Program.objects.get(slug="cdnow")
    url = reverse("admin:programs_program_perform", args=[program.pk, "cancel"])
    assert said(login("auditor").post(url, {"comment": "Not mine."}))
    program.refresh_from_db()
    assert program.state != "cancelled"


def test_a_limit_of_a_metric_is_moved_with_a_reason_in_the_form_and_in_a_file(login):
    client, metric = login("analyst"), Metric.objects.get(key="loyalty-csat")
    page = reverse("admin:programs_metric_change", args=[metric.pk])
    form = client.get(page).context["adminform"].form
    moved = {name: form[name].value() or "" for name in form.fields} | {"threshold": "0.7"}
    refused = client.post(page, moved)
    assert refused.context["adminform"].form.errors == {"reason": ["Say why: threshold changes."]}
    assert client.post(page, moved | {"reason": "Agreed."}).status_code == 302
    head, row = (
        "key,name,unit,direction,numerator,threshold",
        "loyalty-csat,CSAT,%,higher,CSAT answers of 4 or 5",
    )
    preview = upload(client, Metric, f"{head}\n{row},0.8\n")
    assert "Say why threshold of" in preview.content.decode()
    confirm(client, Metric, upload(client, Metric, f"{head},reason\n{row},0.8,Stricter.\n"))
    logged = ChangeLogEntry.objects.filter(
        entity="programs.metric", entity_id=str(metric.pk), event="changed"
    )
    told = [e.payload.body for e in logged.select_related("payload").order_by("pk")]
    assert [(b["to"], b["reason"]) for b in told if b["field"] == "threshold"] == [
        ("0.7", "Agreed."), ("0.8", "Stricter."),
    ]  # fmt: skip
