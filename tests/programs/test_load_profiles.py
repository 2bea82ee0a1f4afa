"""Load profiles: settled once, named by later loads, at every door; presets from a file to a figure."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from gtm.core.models import ChangeLogEntry
from programs.datasets.engines.duck import DuckDBEngine
from programs.datasets.presets import presets
from programs.datasets.snapshots.store import SnapshotStore
from programs.datasets.snapshots.summary import summarise
from programs.models import Dataset, LoadProfile
from programs.series import snapshot_root
from tests.doors import manage, url
from tests.factories import ProgramFactory
from tests.plans.admin.conftest import login
from tests.programs.api.conftest import as_, built, ops, site

__all__ = ["as_", "built", "login", "ops", "site"]

START, AS_OF = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
UPLOAD = reverse("admin:programs_dataset_upload")
PROFILES = url("load-profiles/")
EXPORT = "Kunde;Am;Betrag;Nr\nanna01;01.02.2026;1.050,00;R1\nbert02;28.02.2026;20,50;R2\n"
SAID = {"delimiter": ";", "decimal_separator": ",", "date_format": "dmy", "currency": "EUR"}
COLUMNS = {"member_id": "Kunde", "purchased_at": "Am", "amount": "Betrag", "order_id": "Nr"}


# ---------------------------------------------------------------- presets


def purchases(engine, snapshot):
    """Revenue."""
    return sum(row["revenue"] for row in engine.revenue_by_period(snapshot).to_pylist())


def point_ledger(engine, snapshot):
    """Points outstanding."""
    return engine.ledger_flows(snapshot, as_of=AS_OF).to_pylist()[-1]["outstanding"]


def opportunities(engine, snapshot):
    """What was won."""
    rows = engine.deal_rows({"": snapshot}, as_of=AS_OF).to_pylist()
    return sum(row["amount"] for row in rows if row["won"])


def touchpoints(engine, snapshot):
    """Touches of Google."""
    rows = engine.touch_tags({"": snapshot}, start=START, as_of=AS_OF).to_pylist()
    return sum(row["touches"] for row in rows if "google" in row["tags"])


def referrals(engine, snapshot):
    """Conversions."""
    rows = engine.referral_flows(snapshot, start=START, end=AS_OF, by=[])
    return sum(row["conversions"] for row in rows.to_pylist())


def referral_payouts(engine, snapshot):
    """What is paid or released."""
    found = summarise(engine.store.rows_path(snapshot), snapshot, "UTC")
    sums = {group.value: group.sums["amount"]["USD"] for group in found.groups}
    return Decimal(sums["paid"]) + Decimal(sums.get("released", 0))


FIGURES = {
    "dub-commissions": (referral_payouts, "10.00"),
    "ga4-bigquery": (touchpoints, 1),
    "generic-erp-invoices": (purchases, "1379.90"),  # 1234.50 + 80 + 99.90 - 34.50
    "google-ads-clicks": (touchpoints, 3),
    "hubspot-deals": (opportunities, 7500),
    "loyaltylion-transactions": (point_ledger, 140),  # 250 approved, 110 taken away
    "open-loyalty-transfers": (point_ledger, 120),
    "partnerstack-rewards": (referral_payouts, "26.00"),
    "rewardful-referrals": (referrals, 1),
    "salesforce-opportunities": (opportunities, "20250.50"),
    "shopify-orders": (purchases, "123.80"),  # 59 + 21.60 - 21.60 + 86.40 - 21.60
    "smile-io-points": (point_ledger, 100),
    "square-transactions": (purchases, "1238.50"),
    "stripe-charges": (purchases, "60.00"),
    "woocommerce-orders": (purchases, "76.80"),
}
KINDS = {
    "purchases": "loyalty",
    "point_ledger": "loyalty",
    "opportunities": "partner",
    "touchpoints": "partner",
    "referrals": "referral",
    "referral_payouts": "referral",
}


def test_every_preset_has_its_figure():
    assert set(FIGURES) == set(presets())


@pytest.mark.parametrize("name", FIGURES)
def test_a_preset_says_where_its_header_is_public(name):
    preset = presets()[name]
    assert preset.header_from.startswith(("https://", "Nobody's in particular"))
    assert preset.sample.stem == name


@pytest.mark.parametrize("name", FIGURES)
def test_a_preset_reads_its_export_at_all_three_doors(name, ops, login):
    preset = presets()[name]
    with acting_as(Actor.system("Test")):
        program = ProgramFactory(
            slug=f"of-{name}", kind=KINDS[preset.kind], currency="USD", time_zone="America/New_York"
        )
    words = (preset.kind, str(preset.sample), "--program", program.slug, "--profile", name)
    code, said = manage("load_dataset", *words)
    assert (code, f"Load profile: {name}, a preset" in said) == (0, True), said
    dataset = Dataset.objects.get(program=program)
    content = preset.sample.read_bytes()
    told = {"kind": preset.kind, "profile": name}
    file = SimpleUploadedFile(preset.sample.name, content)
    over_rest = ops.post(url("datasets/upload/"), told | {"program": program.slug, "file": file})
    assert over_rest.json()["id"] == dataset.pk
    file = SimpleUploadedFile(preset.sample.name, content)
    in_admin = login("ops").post(UPLOAD, told | {"program": program.pk, "file": file, "step": "load"})
    assert in_admin.url == reverse("admin:programs_dataset_answer", args=[dataset.pk])
    assert dataset.rejected_rows == 0
    figure, expected = FIGURES[name]
    engine = DuckDBEngine(SnapshotStore(snapshot_root()))
    snapshot = engine.store.get(dataset.kind, dataset.sha256)
    assert figure(engine, snapshot) == Decimal(expected)


def test_presets_are_listed_over_rest_and_on_the_upload_page(ops, login):
    listed = {preset["name"]: preset for preset in ops.get(f"{PROFILES}presets/").json()}
    assert set(listed) == set(FIGURES)
    assert listed["stripe-charges"]["options"]["subtract_columns"] == "Amount Refunded"
    page = login("ops").get(UPLOAD).content.decode()
    assert "Shopify: orders" in page


# ---------------------------------------------------------------- a program's own


@pytest.fixture
def program(site):
    with acting_as(Actor.system("Test")):
        return ProgramFactory(slug="web", kind="loyalty", currency="USD", time_zone="Europe/Berlin")


@pytest.fixture
def upload(ops, program):
    def send(text=EXPORT, **rest):
        told = {"kind": "purchases", "program": "web", "file": SimpleUploadedFile("e.csv", text.encode())}
        return ops.post(url("datasets/upload/"), told | rest)

    return send


@pytest.fixture
def profile(ops, program):
    told = {"program": "web", "name": "web-shop", "kind": "purchases", "mapping": COLUMNS, "options": SAID}
    return ops.post(PROFILES, told, format="json").json()


MARCH = "Kunde;Am;Betrag;Nr\nanna01;05.03.2026;3,00;R3\n"


def test_what_was_settled_once_is_named_by_the_next_load(upload, ops):
    first = upload(mapping=json.dumps(COLUMNS), **SAID).json()
    saved = ops.post(url(f"datasets/{first['id']}/save-profile/"), {"name": "web-shop"}, format="json").json()
    assert (saved["mapping"], saved["options"], saved["version"]) == (COLUMNS, SAID, 1)
    second = upload(MARCH, profile="web-shop", series="add").json()
    assert second["rows"] == 3
    terms = second["answer"]["terms"]
    assert (terms["profile"], terms["origin"], terms["version"]) == ("web-shop", "profile", 1)
    applied = {one["name"]: (one["value"], one["source"]) for one in second["answer"]["applied"]}
    assert applied["date_format"] == ("dmy", "profile")
    assert applied["time_zone"] == ("Europe/Berlin", "program")


def test_what_is_said_with_a_load_goes_before_the_profile(upload, profile):
    loaded = upload(profile="web-shop", currency="CHF").json()
    assert loaded["profile"]["currency"]["maximum"] == "CHF"
    applied = {one["name"]: one["source"] for one in loaded["answer"]["applied"]}
    assert (applied["currency"], applied["delimiter"]) == ("said", "profile")


def test_the_command_line_names_and_saves_profiles(profile, tmp_path):
    file = tmp_path / "e.csv"
    file.write_text(EXPORT)
    words = ("load_dataset", "purchases", str(file), "--program", "web", "--profile", "web-shop")
    code, said = manage(*words, "--currency", "CHF", "--save-profile", "web-shop")
    assert (code, "Load profile: web-shop, version 1" in said) == (0, True)
    kept = LoadProfile.objects.get(name="web-shop")
    assert (kept.options["currency"], kept.options["delimiter"], kept.version) == ("CHF", ";", 2)
    assert kept.history.count() == 2


def test_the_admin_saves_the_choices_of_a_load_with_a_reason(upload, login):
    pk = upload(mapping=json.dumps(COLUMNS), **SAID).json()["id"]
    client = login("ops")
    address = reverse("admin:programs_dataset_save_profile", args=[pk])
    assert address in client.get(reverse("admin:programs_dataset_answer", args=[pk])).content.decode()
    client.post(address, {"answered": "1", "name": "web-shop", "reason": "Monthly."})
    profile = LoadProfile.objects.get(name="web-shop")
    assert profile.options == SAID
    entry = ChangeLogEntry.objects.get(entity="programs.loadprofile", event="created")
    assert (entry.payload.body["reason"], entry.entity_id) == ("Monthly.", str(profile.pk))
    assert client.get(reverse("admin:programs_loadprofile_change", args=[profile.pk])).status_code == 200
    assert "web-shop" in client.get(UPLOAD).content.decode()


def test_a_load_of_no_words_makes_no_profile(upload, ops):
    pk = upload("member_id,purchased_at,amount\nm1,2026-01-05,3\n").json()["id"]
    refused = ops.post(url(f"datasets/{pk}/save-profile/"), {"name": "web-shop"}, format="json")
    assert refused.status_code == 400
    assert "has no choices" in refused.json()["detail"]
    assert not LoadProfile.objects.exists()


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"options": {"colour": "red"}}, "options", "There is no option “colour”"),
        ({"options": {"date_format": "xyz"}}, "options", "date_format"),
        ({"options": {"time_zone": "Mars/Base"}}, "options", "not an IANA time zone"),
        ({"options": {"header_row": 3}}, "options", "value as text"),
        ({"options": {"delimiter": ";" * 61}}, "options", "longer than 60"),
        ({"mapping": {"colour": "red"}}, "mapping", "no column “colour”"),
        ({"kind": "colours"}, "kind", "not a valid choice"),
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused(ops, program, change, field, words):
    told = {"program": "web", "name": "web-shop", "kind": "purchases", "mapping": COLUMNS, "options": SAID}
    refused = ops.post(PROFILES, told | change, format="json")
    assert refused.status_code == 400
    (problem,) = refused.json()["errors"]
    assert (problem["field"], words in problem["message"]) == (field, True)
    assert not LoadProfile.objects.exists()


@pytest.mark.parametrize(
    ("name", "words"), [("web-shpo", "is unknown"), ("smile-io-points", "reads point_ledger, not purchases")]
)
def test_a_profile_that_is_not_there_is_named_with_those_that_are(upload, profile, name, words):
    refused = upload(profile=name).json()
    (problem,) = refused["errors"]
    assert (problem["field"], words in problem["message"]) == ("profile", True)
    assert {"web-shop", "shopify-orders"} <= set(problem["allowed"])


def test_the_programs_own_profile_goes_before_a_preset_of_its_name(upload, ops, program):
    told = {
        "program": "web",
        "name": "shopify-orders",
        "kind": "purchases",
        "mapping": COLUMNS,
        "options": SAID,
    }
    made = ops.post(PROFILES, told, format="json").json()
    assert upload(profile="shopify-orders").json()["answer"]["terms"]["origin"] == "profile"
    place = f"{PROFILES}{made['id']}/"
    tag = ops.get(place)["ETag"]
    ops.patch(place, {"is_active": False}, format="json", headers={"If-Match": tag})
    assert "Email" in str(upload(profile="shopify-orders").json()["errors"])  # the preset's own column


def test_who_may_load_and_not_set_up_saves_no_profile(upload, as_):
    pk = upload(mapping=json.dumps(COLUMNS), **SAID).json()["id"]
    refused = as_("analyst").post(url(f"datasets/{pk}/save-profile/"), {"name": "mine"}, format="json")
    assert refused.status_code == 403
    assert as_("analyst").post(PROFILES, {}, format="json").status_code == 403
    assert not LoadProfile.objects.exists()
