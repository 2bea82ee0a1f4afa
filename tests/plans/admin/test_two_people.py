"""What changes who may decide takes two people, through every door that offers it; losses take none."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from gtm.core import access_tokens, clock
from gtm.core.actors import ADMIN, COMMAND_LINE, Actor, acting_as
from gtm.core.errors import NotPermitted
from gtm.core.evidence import audit
from gtm.core.models import ChangeLogEntry, PasswordOfAnother
from plans.engine.people import authority
from plans.models import LADDER, Notice, NoticeKind
from plans.runs import policies
from programs import access_review
from programs.models import (
    Absence,
    Approver,
    Benefit,
    Delegation,
    GuardedChange,
    LifecycleTrigger,
    Partner,
    Person,
    Program,
    Role,
    RotaOverride,
    Tier,
)
from tests.doors import manage, token_of, url, user
from tests.factories import gate, make_plan, round_of, seat
from tests.plans.admin.filled_form import filled

SYSTEM = Actor.system("Test")


def who(username):
    return Person.objects.get(accounts__username=username)


def page(username):
    client = Client()
    client.force_login(user(username))
    return client


def rest(username):
    client = APIClient()
    client.force_login(user(username))
    return client


def at(model, view, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}", args=args)


def patch(username, path, **body):
    client = rest(username)
    return client.patch(path, body, format="json", headers={"If-Match": client.get(path)["ETag"]})


def bring(username, model, text):
    """Load a file of rows as the page does: the preview, then the confirmation."""
    client = page(username)
    file = SimpleUploadedFile("rows.csv", text.encode(), content_type="text/csv")
    shown = client.post(at(model, "import"), {"format": "0", "import_file": file, "resource": ""})
    assert "confirm_form" in shown.context, shown.context["result"].row_errors()
    form = shown.context["confirm_form"].initial
    return client.post(at(model, "process_import"), {**form, "resource": ""}, follow=True)


def fields_of(client, address):
    """What the form at an address sends where nothing is changed."""
    return filled(client.get(address).content.decode())


def save_page(username, row, **changed):
    client, address = page(username), at(type(row), "change", row.pk)
    return client.post(address, fields_of(client, address) | changed, follow=True)


def revert(username, model, row, version):
    return page(username).post(
        at(model, "revert", row.pk, version.pk), {"comment": "As it was."}, follow=True
    )


def of_system(row, **values):
    """Changed by whoever sets the site up; answers the version before."""
    before = row.history.order_by("history_id").last()
    with acting_as(SYSTEM):
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
    return before


@pytest.fixture
def published(demo):
    with acting_as(SYSTEM):
        tier = Tier(program=demo, name="Silver", rank=1, from_plan="plan-1")
        tier.save()
        Benefit(tier=tier, name="Free returns", kind="perk", unit_cost=1).save()
        LifecycleTrigger(
            program=demo, key="welcome", stage="onboarding", event="joins", entry_rule="1", action="mail",
            channel="email", from_plan="plan-1",
        ).save()  # fmt: skip
    return demo


@pytest.fixture
def running(demo):
    with acting_as(SYSTEM):
        return make_plan(gate(seat("finance")), requester=user("ops"), program=demo)


def finance():
    return who("finance").approverships.get(role__slug="finance")


def northwind():
    return Partner.objects.get(slug="northwind")


def steward(username="studio"):
    """Somebody who may change accounts and people."""
    with acting_as(SYSTEM):
        user(username).user_permissions.set(
            Permission.objects.filter(content_type__app_label__in=["auth", "programs"]).exclude(
                codename="decide_guardedchange"
            )
        )
    return username


# ------------------------------------------------------------------ a gain waits, at every door


def grant_on_a_page(demo):
    row = {"person": who("studio").pk, "role": Role.objects.get(slug="legal").pk, "limit_currency": "USD",
           "program_kinds": "[]", "regions": "[]", "reason": "Lena leaves."}  # fmt: skip
    page("exec").post(at(Approver, "add"), row, follow=True)


def grant_in_an_inline(demo):
    person = who("studio")
    rows = {"approverships-1-role": Role.objects.get(slug="legal").pk,
            "approverships-1-limit_currency": "USD", "approverships-TOTAL_FORMS": 2}  # fmt: skip
    save_page("exec", person, reason="Lena leaves.", **rows)


def grant_by_a_file(demo):
    bring("exec", Approver, f"person,role\n{who('studio').email},legal\n")


def grant_over_rest(demo):
    body = {"person": who("studio").email, "role": "legal"}
    answer = rest("exec").post(
        url("approvers/"), body, format="json", headers={"X-Change-Reason": "Lena leaves."}
    )
    assert (answer.status_code, answer.json()["title"]) == (202, "It waits for a second person")


def holds_legal():
    return who("studio").approverships.filter(role__slug="legal").exists()


def raise_on_a_page(demo):
    save_page("exec", finance(), limit_amount="9000000")


def raise_by_a_file(demo):
    bring("exec", Approver, f"person,role,limit_amount\n{who('finance').email},finance,9000000\n")


def raise_over_rest(demo):
    assert patch("exec", url(f"approvers/{finance().pk}/"), limit_amount="9000000").status_code == 202


def raise_in_an_inline(demo):
    rows = who("finance").approverships.order_by("role", "person").values_list("role__slug", flat=True)
    save_page(
        "exec", who("finance"), **{f"approverships-{list(rows).index('finance')}-limit_amount": "9000000"}
    )


def raise_by_an_earlier_version(demo):
    row = finance()
    revert("exec", Approver, row, of_system(row, limit_amount=Decimal(10)))


def wider(**narrow):
    """By an earlier version: what an authority no longer reaches."""

    def act(demo):
        row = finance()
        revert("exec", Approver, row, of_system(row, **narrow))

    return act


def _times(**days):
    now = clock.now()
    return {name: now + timedelta(days=count) for name, count in days.items()}


def absence_on_a_page(demo):
    form = {"person": who("finance").pk, "substitute": who("studio").pk, "note": "ill"}
    for name, value in _times(starts_at=-1, ends_at=5).items():
        form |= {f"{name}_0": value.date().isoformat(), f"{name}_1": value.time().isoformat("seconds")}
    page("ops").post(at(Absence, "add"), form, follow=True)


def absence_by_a_file(demo):
    times = _times(starts_at=-1, ends_at=5)
    row = f"{who('finance').email},{who('studio').email},{times['starts_at']:%Y-%m-%d %H:%M:%S},"
    bring("ops", Absence, f"person,substitute,starts_at,ends_at\n{row}{times['ends_at']:%Y-%m-%d %H:%M:%S}\n")


def absence_by_an_earlier_version(demo):
    with acting_as(SYSTEM):
        row = Absence(person=who("finance"), substitute=who("studio"), **_times(starts_at=-1, ends_at=5))
        row.save()
    revert("exec", Absence, row, of_system(row, ends_at=clock.now()))


def a_rota_stands():
    """Paul is on call by the rota Desk of a ladder."""
    desk = {"name": "Desk", "turn": "week", "since": "2026-03-02", "people": [who("partner").email]}
    rungs = [{"roles": [], "hours": 4, "effect": "notify", "rota": desk}]
    rungs += [{"roles": [role], "hours": 4, "effect": "notify"} for role in ("legal", "exec-sponsor")]
    with acting_as(Actor.of_user(user("ops"), "admin", interactive=True)):
        proposed = policies.propose("plan-loyalty", LADDER, {"rungs": rungs}, reason="Nights.")
    with acting_as(Actor.of_user(user("exec"), "admin", interactive=True)):
        policies.decide(proposed, "adopt", comment="Good.")


def studio_is_on_call(**days):
    a_rota_stands()
    with acting_as(SYSTEM):
        span = _times(**({"starts_at": 1, "ends_at": 5} | days))
        row = RotaOverride(rota="Desk", person=who("studio"), reason="exam", **span)
        row.save()
    return row


def override_on_a_page(demo):
    a_rota_stands()
    form = {"rota": "Desk", "person": who("studio").pk, "reason": "exam"}
    for name, value in _times(starts_at=1, ends_at=5).items():
        form |= {f"{name}_0": value.date().isoformat(), f"{name}_1": value.time().isoformat("seconds")}
    page("ops").post(at(RotaOverride, "add"), form, follow=True)


def override_by_a_file(demo):
    a_rota_stands()
    times = [f"{value:%Y-%m-%d %H:%M:%S}" for value in _times(starts_at=1, ends_at=5).values()]
    row = f"Desk,{who('studio').email},{','.join(times)},exam"
    bring("ops", RotaOverride, f"rota,person,starts_at,ends_at,reason\n{row}\n")


def override_over_rest(demo):
    a_rota_stands()
    times = {name: value.isoformat() for name, value in _times(starts_at=1, ends_at=5).items()}
    body = {"rota": "Desk", "person": who("studio").email, "reason": "exam", **times}
    answer = rest("ops").post(url("rota-overrides/"), body, format="json")
    assert answer.status_code == 202, answer.json()


def override_by_an_earlier_version(demo):
    row = studio_is_on_call()
    revert("exec", RotaOverride, row, of_system(row, person=who("legal")))


def override_ended_on_a_page(demo):
    row = studio_is_on_call(starts_at=-1)
    page("exec").post(at(RotaOverride, "delete", row.pk), {"post": "yes"}, follow=True)


def override_ended_over_rest(demo):
    row = studio_is_on_call(starts_at=-1)
    client, path = rest("exec"), url(f"rota-overrides/{row.pk}/")
    assert client.delete(path, headers={"If-Match": client.get(path)["ETag"]}).status_code == 202


def override_longer_over_rest(demo):
    row = studio_is_on_call()
    later = (row.ends_at + timedelta(days=9)).isoformat()
    assert patch("ops", url(f"rota-overrides/{row.pk}/"), ends_at=later).status_code == 202


def override_at_the_command_line(demo):
    a_rota_stands()
    start, end = (f"{value:%Y-%m-%dT%H:%M}Z" for value in _times(starts_at=1, ends_at=5).values())
    asked = ["Desk", who("studio").email, "--from", start, "--until", end, "--reason", "exam", "--as", "ops"]
    code, told = manage("rota", "override", *asked)
    assert (code, "A second person has to agree" in told) == (1, True)


def delegation_on_a_page(demo):
    form = {
        "principal": who("legal").pk, "to": who("studio").pk, "role": Role.objects.get(slug="legal").pk,
        "starts_at": f"{clock.now():%Y-%m-%d %H:%M}", "currency": "USD", "reason": "travels",
        "ends_at": f"{clock.now() + timedelta(days=2):%Y-%m-%d %H:%M}",
    }  # fmt: skip
    page("exec").post(at(Delegation, "add"), form, follow=True)


def link_on_a_page(demo):
    save_page("exec", who("legal"), accounts=[user("legal").pk, user("studio").pk])


def link_by_a_file(demo):
    bring(
        "exec",
        Person,
        f'email,name,accounts\n{who("legal").email},Lena Brandt,"legal@demo.example,studio@demo.example"\n',
    )


def unlink_on_a_page(demo):
    save_page("exec", who("legal"), accounts=[])


def come_back_on_a_page(demo):
    of_system(who("legal"), is_active=False)
    save_page("exec", who("legal"), is_active="on")


def come_back_by_an_earlier_version(demo):
    person = who("legal")
    revert("exec", Person, person, of_system(person, is_active=False))


def come_back_by_a_file(demo):
    of_system(who("legal"), is_active=False)
    bring("exec", Person, f"email,name,is_active\n{who('legal').email},Lena Brandt,1\n")


def address_on_a_page(demo):
    save_page("exec", who("legal"), email="mine@example.com")


def address_by_an_earlier_version(demo):
    row = who("legal")
    before = of_system(row, email="old@example.com")
    of_system(row, email="new@example.com")
    revert("exec", Person, row, before)


def lighter_role_on_a_page(demo):
    row = Role.objects.get(slug="legal")
    client, address = page("exec"), at(Role, "change", row.pk)
    sent = fields_of(client, address)
    sent.pop("handles_money_or_law")
    client.post(address, sent, follow=True)


def lighter_role_by_a_file(demo):
    bring("exec", Role, "slug,name,handles_money_or_law\nlegal,Legal,0\n")


def lighter_role_by_an_earlier_version(demo):
    row = Role.objects.get(slug="legal")
    of_system(row, handles_money_or_law=False)
    revert("exec", Role, row, of_system(row, handles_money_or_law=True))


def contact_on_a_page(demo):
    save_page("ops", northwind(), contact=who("ops").pk)


def contact_by_a_file(demo):
    bring("ops", Partner, f"slug,name,contact\nnorthwind,Northwind Cloud,{who('ops').email}\n")


def contact_over_rest(demo):
    assert patch("ops", url("partners/northwind/"), contact=who("ops").email).status_code == 202


def contact_by_an_earlier_version(demo):
    row = northwind()
    of_system(row, contact=who("ops"))
    revert("ops", Partner, row, of_system(row, contact=None))


def facts_over_rest(demo):
    assert patch("ops", url("programs/cdnow/"), country="DE").status_code == 202


def facts_on_a_page(demo):
    save_page("ops", Program.objects.get(slug="cdnow"), country="DE")


def facts_by_a_file(demo):
    bring("ops", Program, "slug,name,kind,country\ncdnow,CDNOW Rewards,loyalty,DE\n")


def facts_by_an_earlier_version(demo):
    row = Program.objects.get(slug="cdnow")
    before = of_system(row, country="DE", time_zone="Europe/Berlin")
    of_system(row, country="DE")
    revert("ops", Program, row, before)


def superuser_on_a_page(demo):
    save_page(steward(), user("sales"), is_superuser="on")


def group_on_a_page(demo):
    save_page(steward(), user("sales"), groups=[Group.objects.get(name="Stewards").pk])


def permission_on_a_page(demo):
    save_page(
        steward(), user("sales"), user_permissions=[Permission.objects.get(codename="change_approver").pk]
    )


def opened_on_a_page(demo):
    with acting_as(SYSTEM):
        row = user("sales")
        row.is_active = False
        row.save()
    save_page(steward(), user("sales"), is_active="on")


def permission_of_a_group(demo):
    group = Group.objects.get(name="Operations")
    more = [
        *group.permissions.values_list("pk", flat=True),
        Permission.objects.get(codename="change_approver").pk,
    ]
    save_page(steward(), group, permissions=more)


def password_on_a_page(demo):
    form = {"password1": "known-to-me-2026", "password2": "known-to-me-2026", "usable_password": "true"}
    page(steward()).post(reverse("admin:auth_user_password_change", args=[user("finance").pk]), form)


def tier_on_a_page(published):
    save_page("ops", Tier.objects.get(name="Silver"), threshold="99")


def tier_in_an_inline(published):
    save_page("ops", published, **{"tiers-0-threshold": "99"})


def tier_over_rest(published):
    assert (
        patch("ops", url(f"tiers/{Tier.objects.get(name='Silver').pk}/"), threshold="99").status_code == 202
    )


def tier_by_a_file(published):
    bring("ops", Tier, "program,name,rank,threshold,earn_multiplier\ncdnow,Silver,1,99,1\n")


def tier_by_an_earlier_version(published):
    row = Tier.objects.get(name="Silver")
    revert("ops", Tier, row, of_system(row, threshold=Decimal(99)))


def another_tier_over_rest(published):
    body = {"program": "cdnow", "name": "Gold", "rank": 2, "threshold": "9", "earn_multiplier": "1"}
    assert rest("ops").post(url("tiers/"), body, format="json").status_code == 202


def benefit_over_rest(published):
    assert patch("ops", url(f"benefits/{Benefit.objects.get().pk}/"), unit_cost="9").status_code == 202


def benefit_in_an_inline(published):
    save_page("ops", Tier.objects.get(name="Silver"), **{"benefits-0-unit_cost": "9"})


def benefit_by_a_file(published):
    row = Benefit.objects.get()
    bring("ops", Benefit, f"id,tier,name,kind,unit_cost\n{row.pk},Silver,Free returns,perk,9\n")


def trigger_on_a_page(published):
    save_page("ops", LifecycleTrigger.objects.get(key="welcome"), channel="sms")


def trigger_by_a_file(published):
    row = LifecycleTrigger.objects.get(key="welcome")
    told = f"{row.key},onboarding,joins,1,mail,sms"
    bring("ops", LifecycleTrigger, f"program,key,stage,event,entry_rule,action,channel\ncdnow,{told}\n")


def trigger_by_an_earlier_version(published):
    row = LifecycleTrigger.objects.get(key="welcome")
    of_system(row, channel="sms")
    revert("ops", LifecycleTrigger, row, of_system(row, channel="email"))


def benefit_by_an_earlier_version(published):
    row = Benefit.objects.get()
    of_system(row, unit_cost=Decimal(9))
    revert("ops", Benefit, row, of_system(row, unit_cost=Decimal(1)))


def benefit_on_a_page(published):
    save_page("ops", Benefit.objects.get(), unit_cost="9")


def trigger_over_rest(published):
    found = LifecycleTrigger.objects.get(key="welcome")
    assert patch("ops", url(f"lifecycle-triggers/{found.pk}/"), channel="sms").status_code == 202


def deleted_over_rest(published):
    with acting_as(SYSTEM):
        user("ops").user_permissions.add(Permission.objects.get(codename="delete_tier"))
    client, path = rest("ops"), url(f"tiers/{Tier.objects.get(name='Silver').pk}/")
    assert client.delete(path, headers={"If-Match": client.get(path)["ETag"]}).status_code == 202


def deleted_on_a_page(published):
    with acting_as(SYSTEM):
        user("ops").user_permissions.add(
            *Permission.objects.filter(codename__in=["delete_tier", "delete_benefit"])
        )
    row = Tier.objects.get(name="Silver")
    page("ops").post(at(Tier, "delete", row.pk), {"post": "yes"}, follow=True)


AUTHORITY = {
    holds_legal: [grant_on_a_page, grant_in_an_inline, grant_by_a_file, grant_over_rest],
    lambda: finance().limit_amount > 1_000_000: [raise_on_a_page, raise_by_a_file, raise_over_rest,
                                               raise_in_an_inline],
    lambda: finance().limit_amount == 1_000_000: [raise_by_an_earlier_version],
    lambda: not finance().regions: [wider(regions=["EMEA"])],
    lambda: not finance().program_kinds: [wider(program_kinds=["loyalty"])],
    lambda: finance().valid_until is None: [wider(valid_until=clock.now())],
    lambda: finance().valid_from is None: [wider(valid_from=clock.now() + timedelta(days=9))],
    lambda: Absence.objects.filter(ends_at__gt=clock.now()).exists(): [
        absence_on_a_page, absence_by_a_file, absence_by_an_earlier_version,
    ],
    lambda: RotaOverride.objects.filter(person=who("studio")).exists(): [
        override_on_a_page, override_by_a_file, override_over_rest, override_by_an_earlier_version,
        override_at_the_command_line,
    ],
    lambda: RotaOverride.objects.filter(ends_at__gt=clock.now() + timedelta(days=9)).exists(): [
        override_longer_over_rest
    ],
    lambda: not RotaOverride.objects.exists(): [override_ended_on_a_page, override_ended_over_rest],
    lambda: Delegation.objects.exists(): [delegation_on_a_page],
    lambda: who("legal").accounts.count() == 2: [link_on_a_page, link_by_a_file],
    lambda: not Person.objects.get(name="Lena Brandt").accounts.exists(): [unlink_on_a_page],
    lambda: who("legal").is_active: [come_back_on_a_page, come_back_by_an_earlier_version,
                                     come_back_by_a_file],
    lambda: Person.objects.get(name="Lena Brandt").email == "mine@example.com": [address_on_a_page],
    lambda: Person.objects.get(name="Lena Brandt").email == "legal@demo.example": [
        address_by_an_earlier_version
    ],
    lambda: not Role.objects.get(slug="legal").handles_money_or_law: [lighter_role_on_a_page,
                                                                      lighter_role_by_a_file,
                                                                      lighter_role_by_an_earlier_version],
    lambda: northwind().contact == who("ops"): [contact_on_a_page, contact_by_a_file, contact_over_rest,
                                                contact_by_an_earlier_version],
    lambda: user("sales").is_superuser: [superuser_on_a_page],
    lambda: user("sales").groups.filter(name="Stewards").exists(): [group_on_a_page],
    lambda: user("sales").user_permissions.exists(): [permission_on_a_page],
    lambda: user("sales").is_active: [opened_on_a_page],
    lambda: Group.objects.get(name="Operations").permissions.filter(codename="change_approver").exists(): [
        permission_of_a_group
    ],
    lambda: user("finance").check_password("known-to-me-2026"): [password_on_a_page],
}  # fmt: skip
FACTS = {
    lambda: Program.objects.get(slug="cdnow").country == "DE": [facts_over_rest, facts_on_a_page,
                                                                facts_by_a_file],
    lambda: Program.objects.get(slug="cdnow").country == "US": [facts_by_an_earlier_version],
}  # fmt: skip
PUBLISHED = {
    lambda: Tier.objects.get(name="Silver").threshold == 99: [tier_on_a_page, tier_in_an_inline,
                                                              tier_over_rest, tier_by_a_file],
    lambda: Tier.objects.get(name="Silver").threshold == 0: [tier_by_an_earlier_version],
    lambda: Tier.objects.filter(name="Gold").exists(): [another_tier_over_rest],
    lambda: Benefit.objects.get().unit_cost == 9: [benefit_over_rest, benefit_in_an_inline,
                                                   benefit_by_a_file,
        benefit_on_a_page, benefit_by_an_earlier_version],
    lambda: LifecycleTrigger.objects.get(key="welcome").channel == "sms": [trigger_on_a_page,
                                                                           trigger_over_rest,
        trigger_by_a_file, trigger_by_an_earlier_version],
    lambda: not Tier.objects.filter(name="Silver").exists(): [deleted_over_rest, deleted_on_a_page],
}  # fmt: skip


def ways(table):
    return [pytest.param(done, way, id=way.__name__) for done, found in table.items() for way in found]


def waits_and_is_made_by_a_second(done, way, world):
    way(world)
    assert not done()
    change = GuardedChange.objects.get()
    assert change.state == "proposed"
    told = Notice.objects.filter(kind=NoticeKind.AUTHORITY, entity_id=str(change.pk))
    assert told.count() == 1
    assert f"change {change.pk}" in manage("inbox", "--as", "deputy")[1]
    agreed = answer("deputy", change, "approve")
    assert (agreed.status_code, agreed.json().get("state")) == (200, "approved"), agreed.json()
    assert done()
    assert told.count() == 2


@pytest.mark.parametrize(("done", "way"), ways(AUTHORITY))
def test_authority_waits_for_a_second_person(demo, done, way):
    waits_and_is_made_by_a_second(done, way, demo)


@pytest.mark.parametrize(("done", "way"), ways(FACTS))
def test_facts_that_gates_look_at_wait_while_plans_run(running, done, way):
    waits_and_is_made_by_a_second(done, way, running.program)


@pytest.mark.parametrize(("done", "way"), ways(PUBLISHED))
def test_what_a_plan_published_waits_and_is_marked(published, done, way):
    waits_and_is_made_by_a_second(done, way, published)
    departed = [
        row for model in (Tier, Benefit, LifecycleTrigger) for row in model.objects.filter(departs=True)
    ]
    assert departed or not Tier.objects.filter(name="Silver").exists()


def test_a_token_gives_no_second_person(demo):
    grant_over_rest(demo)
    change = GuardedChange.objects.get()
    client = APIClient(headers={"Authorization": f"Token {token_of('deputy')}"})
    path = url(f"guarded-changes/{change.pk}/")
    refused = client.post(
        f"{path}approve/", {}, format="json", headers={"If-Match": client.get(path)["ETag"]}
    )
    assert (refused.status_code, "person in a session" in refused.json()["detail"]) == (403, True)


# ------------------------------------------------------------------ who the second person is


def answer(username, change, verb, comment="Because."):
    client, path = rest(username), url(f"guarded-changes/{change.pk}/")
    seen = {"If-Match": client.get(path)["ETag"]}
    return client.post(f"{path}{verb}/", {"comment": comment}, format="json", headers=seen)


def test_nobody_agrees_to_their_own_change_or_to_what_concerns_them_or_their_plan(demo, running):
    with acting_as(SYSTEM):
        for name in ("ops", "finance", "studio"):
            user(name).user_permissions.add(
                *Permission.objects.filter(codename__in=["decide_guardedchange", "view_guardedchange"])
            )
    raise_over_rest(demo)
    change = GuardedChange.objects.get()
    for name, why in (
        ("exec", "Nobody is the second person for their own change."),
        ("finance", "Fiona Walsh is one of those whose authority it concerns."),
        ("ops", f"Olivia Park asked for {running.plan_id} or edited it"),
        ("auditor", "You need the permission to agree"),
    ):
        refused = answer(name, change, "approve")
        assert (refused.status_code, why in refused.json()["detail"]) == (403, True), refused.json()
    shown = page("finance").get(at(GuardedChange, "change", change.pk))
    assert shown.context["actions"] == []
    entry = ChangeLogEntry.objects.filter(event="refused", entity="programs.guardedchange").latest("pk")
    assert "permission to agree" in entry.payload.body["reason"]
    assert answer("studio", change, "approve").json()["state"] == "approved"
    assert finance().limit_amount == 9_000_000


def test_whoever_answers_for_a_program_does_not_agree_to_what_it_proposed(demo):
    with acting_as(SYSTEM):
        sync = access_tokens.make_service("sync", owner=user("deputy"), purpose="Keeps the directory.").user
        sync.user_permissions.add(*Permission.objects.filter(codename__endswith="_approver"))
    client = APIClient(headers={"Authorization": f"Token {token_of('sync')}"})
    body = {"person": who("studio").email, "role": "legal"}
    assert client.post(url("approvers/"), body, format="json").status_code == 202
    change = GuardedChange.objects.get()
    refused = answer("deputy", change, "approve")
    assert (refused.status_code, holds_legal()) == (403, False)
    assert "Nobody is the second person for their own change." in refused.json()["detail"]
    assert f"change {change.pk}" not in manage("inbox", "--as", "deputy")[1]
    assert answer("exec", change, "approve").json()["state"] == "approved"
    assert holds_legal()


def test_who_speaks_for_a_partner_is_nobodys_second_person_whatever_else_they_may(demo):
    """Also by another account's person: who shares an account with the contact counts as the contact."""
    with acting_as(SYSTEM):
        row = northwind()
        row.contact = who("deputy")
        row.save()
    grant_over_rest(demo)
    change = GuardedChange.objects.get()
    assert rest("deputy").get(url(f"guarded-changes/{change.pk}/")).status_code == 404
    page("deputy").post(at(GuardedChange, "change", change.pk), {"answer": "approve"}, follow=True)
    change.refresh_from_db()
    assert (change.state, holds_legal()) == ("proposed", False)
    here = Actor.of_user(user("deputy"), ADMIN, interactive=True)
    with acting_as(here, "Because."), pytest.raises(NotPermitted, match="speaks for Northwind"):
        authority.decide(change, "approve")
    assert f"change {change.pk}" not in manage("inbox", "--as", "deputy")[1]
    assert who("deputy") not in authority.who_could_agree(change)


def test_the_second_person_agrees_on_a_page_and_at_the_command_line(demo):
    grant_on_a_page(demo)
    change = GuardedChange.objects.get()
    assert change.reason == "Lena leaves."
    told = page("deputy").post(at(GuardedChange, "change", change.pk), {"answer": "approve"}, follow=True)
    assert "The change is approved now." in told.content.decode()
    entry = ChangeLogEntry.objects.filter(entity="programs.approver", event="created").latest("pk")
    body = entry.payload.body
    assert (body["actor"], body["on_behalf_of"]) == ("Dora Klein", "Elena Rossi")
    assert body["reason"].startswith("Lena leaves.")
    assert list(audit.unexplained_states()) == []
    assert audit.audit_values().breaks == ()
    raise_over_rest(demo)
    waits = GuardedChange.objects.get(state="proposed")
    assert f"{waits.pk}  proposed" in manage("authority", "--as", "deputy")[1]
    assert manage("authority", str(waits.pk), "approve", "--as", "deputy")[0] == 0
    assert finance().limit_amount == 9_000_000


def test_a_refusal_says_why_and_a_proposal_can_be_withdrawn(demo):
    grant_on_a_page(demo)
    change = GuardedChange.objects.get()
    assert answer("deputy", change, "refuse", "").status_code == 422
    assert answer("deputy", change, "refuse", "Not without training.").json()["state"] == "refused"
    assert answer("deputy", change, "approve").status_code == 409
    grant_on_a_page(demo)
    again = GuardedChange.objects.get(state="proposed")
    assert answer("deputy", again, "withdraw").status_code == 403
    assert answer("exec", again, "withdraw").json()["state"] == "withdrawn"
    assert not holds_legal()


def test_the_same_proposal_twice_is_one(demo):
    raise_over_rest(demo)
    raise_over_rest(demo)
    assert GuardedChange.objects.count() == 1


def test_what_moved_meanwhile_is_not_made(demo):
    raise_over_rest(demo)
    of_system(finance(), limit_amount=Decimal(5))
    refused = answer("deputy", GuardedChange.objects.get(), "approve")
    assert (refused.status_code, "limit amount" in refused.json()["detail"]) == (422, True)
    assert (finance().limit_amount, GuardedChange.objects.get().state) == (5, "proposed")


# ------------------------------------------------------------------ losses take nobody


def test_losses_hold_at_once(demo):
    assert patch("exec", url(f"approvers/{finance().pk}/"), limit_amount="10").status_code == 200
    save_page("exec", finance(), regions="- EMEA")
    person = who("legal")
    client, address = page("exec"), at(Person, "change", person.pk)
    sent = fields_of(client, address)
    sent.pop("is_active")
    client.post(address, sent, follow=True)
    ops = user("ops")
    save_page(steward(), ops, groups=[])
    assert (finance().limit_amount, finance().regions) == (10, ["EMEA"])
    assert not Person.objects.get(name="Lena Brandt").is_active
    assert not ops.groups.exists()
    assert not GuardedChange.objects.exists()


def test_ones_own_absence_and_delegation_are_ones_own(demo):
    with acting_as(Actor.of_user(user("finance"), "admin", interactive=True)):
        Absence(person=who("finance"), substitute=who("deputy"), **_times(starts_at=1, ends_at=3)).save()
        role = Role.objects.get(slug="finance")
        Delegation(principal=who("finance"), delegate=who("deputy"), role=role, reason="x",
                   **_times(starts_at=1, ends_at=3)).save()  # fmt: skip
    assert not GuardedChange.objects.exists()


# ------------------------------------------------------------------ one steward


def alone():
    """Elena is the only steward."""
    with acting_as(SYSTEM):
        Group.objects.get(name="Stewards").user_set.set([user("exec")])


def test_where_nobody_could_agree_it_is_made_marked_and_confirmed_later(demo):
    alone()
    page_ = page("exec")
    row = {"person": who("studio").pk, "role": Role.objects.get(slug="legal").pk, "limit_currency": "USD",
           "program_kinds": "[]", "regions": "[]"}  # fmt: skip
    told = page_.post(at(Approver, "add"), row, follow=True).content.decode()
    assert "made single-handed" in told
    assert holds_legal()
    change = GuardedChange.objects.get()
    assert change.state == "single_handed"
    assert change.object_id == str(who("studio").approverships.get(role__slug="legal").pk)
    assert answer("exec", change, "confirm").status_code == 403
    with acting_as(SYSTEM):
        user("deputy").groups.add(Group.objects.get(name="Stewards"))
    assert f"change {change.pk}" in manage("inbox", "--as", "deputy")[1]
    assert answer("deputy", change, "confirm").json()["state"] == "confirmed"
    assert audit.audit_values().breaks == ()


# ------------------------------------------------------------------ what code gives


def given_by(person, kind, what):
    return [
        grant.given_by
        for grant in access_review.review(clock.now())
        if (grant.person, grant.kind, grant.what) == (person, kind, what)
    ]


def test_a_group_that_code_gives_with_nobody_acting_is_marked_and_in_the_access_review(demo):
    user("sales").groups.add(Group.objects.get(name="Stewards"))
    change = GuardedChange.objects.get()
    assert (change.kind, change.state, change.people) == ("account", "single_handed", [who("sales").pk])
    assert change.what == "User sales gains groups: Stewards"
    (by,) = given_by("Sara Lind", "group", "Stewards")
    assert by.endswith(f"(command line) single-handed, not confirmed (change {change.pk})")
    assert answer("sales", change, "confirm").status_code == 403
    assert answer("deputy", change, "confirm").json()["state"] == "confirmed"
    assert "confirmed by Dora Klein" in given_by("Sara Lind", "group", "Stewards")[0]


def test_what_a_command_gives_under_no_account_is_marked_and_the_engine_is_not_asked(demo):
    role = Role.objects.get(slug="legal")
    with acting_as(SYSTEM):
        Approver(person=who("sales"), role=role).save()
    assert not GuardedChange.objects.exists()
    with acting_as(Actor.system("root (command line)", via=COMMAND_LINE)):
        Approver(person=who("studio"), role=role).save()
    change = GuardedChange.objects.get()
    assert (change.state, change.requested_label) == ("single_handed", "root (command line)")
    assert given_by("Clara Moreau", "approver", "Legal") == [
        f"root (command line) single-handed, not confirmed (change {change.pk})"
    ]


def test_a_group_given_by_two_names_both_in_the_access_review(demo):
    group_on_a_page(demo)
    change = GuardedChange.objects.get()
    answer("deputy", change, "approve")
    assert given_by("Sara Lind", "group", "Stewards") == [
        f"Clara Moreau, agreed by Dora Klein (change {change.pk})"
    ]


# ------------------------------------------------------------------ a password that somebody else knows


def test_whose_password_another_set_decides_nothing_until_they_set_their_own(demo, running):
    password_on_a_page(demo)
    assert answer("deputy", GuardedChange.objects.get(), "approve").json()["state"] == "approved"
    set_by = PasswordOfAnother.objects.get(user=user("finance")).set_by
    assert set_by == "Dora Klein"
    client = Client()
    assert client.login(username="finance", password="known-to-me-2026")
    approval = round_of(running)
    path = url(f"approvals/{approval.pk}/")

    def vote():
        session = rest("finance")
        seen = session.get(path)["ETag"]
        return session.post(f"{path}decide/", {"decision": "approve", "comment": "Fine."}, format="json",
                            headers={"If-Match": seen})  # fmt: skip

    refused = vote()
    assert (refused.status_code, "has to set one of their own first" in refused.json()["detail"]) == (
        403,
        True,
    )
    own = {
        "old_password": "known-to-me-2026",
        "new_password1": "mine-alone-2026",
        "new_password2": "mine-alone-2026",
    }
    assert client.post(reverse("admin:password_change"), own).status_code == 302
    assert not PasswordOfAnother.objects.exists()
    assert vote().json()["state"] == "approved"
    told = Notice.objects.filter(kind=NoticeKind.ACCOUNT, entity_id=str(user("finance").pk))
    assert [row.facts["after"] for row in told.order_by("pk")] == ["set by Dora Klein", "set by its owner"]


def test_a_password_of_the_command_line_is_known_to_whoever_set_it(demo):
    row = user("finance")
    row.set_password("from-the-shell-2026")
    row.save()
    assert "(command line)" in PasswordOfAnother.objects.get(user=row).set_by
    change = GuardedChange.objects.get()
    assert (change.kind, change.state) == ("password", "single_handed")


def test_an_account_made_on_a_page_is_on_record_and_told(demo):
    form = {"username": "newcomer", "usable_password": "true", "password1": "known-to-me-2026",
            "password2": "known-to-me-2026"}  # fmt: skip
    assert page(steward()).post(at(Group, "add").replace("group", "user"), form).status_code == 302
    row = user("newcomer")
    assert PasswordOfAnother.objects.get(user=row).set_by == "Clara Moreau"
    events = ChangeLogEntry.objects.filter(entity="auth.user", entity_id=str(row.pk))
    assert [event.event for event in events.order_by("pk")] == ["created", "changed"]
