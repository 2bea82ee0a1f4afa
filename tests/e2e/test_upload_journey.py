"""An export as the shop writes it becomes a running plan, by clicks alone, from the first page on."""

import csv
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from playwright.sync_api import expect

from gtm.core.actors import Actor, acting_as
from plans.models import Plan
from programs.models import Dataset, LoadProfile, Program
from tests.conftest import wait_until
from tests.factories import ProgramFactory

pytestmark = pytest.mark.e2e

# The columns of Shopify's export of orders.
HEADER = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,"
    "Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,"
    "Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,"
    "Lineitem taxable,Lineitem fulfillment status,Billing Name,Billing Street,Billing Address1,"
    "Billing Address2,Billing Company,Billing City,Billing Zip,Billing Province,Billing Country,"
    "Billing Phone,"
    "Shipping Name,Shipping Street,Shipping Address1,Shipping Address2,Shipping Company,Shipping City,"
    "Shipping Zip,Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,"
    "Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,"
    "Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Phone,Receipt Number,Duties,"
    "Billing Province Name,Shipping Province Name,Payment ID,Payment Terms Name,Next Payment Due At,"
    "Payment References"
)
PREAMBLE = "Orders of Kiez Club\nExported on 2026-05-04 by Ada\n\n"
BERLIN = (timezone(timedelta(hours=1)), timezone(timedelta(hours=2)))
ORDERS = 900
REFUNDED, CANCELLED = 12, 30  # every twelfth order in part, every thirtieth in whole


def new_program(ops) -> Program:
    """A loyalty program at home in Berlin, made and activated by clicks; it has no data yet."""
    page = ops.page
    page.get_by_role("link", name="Programs", exact=True).first.click()
    ops.look("programs")
    page.get_by_role("link", name="Add program").first.click()
    page.get_by_label("Name").first.press_sequentially("Kiez Club")
    for field, value in (("Currency", "EUR"), ("Country", "DE"), ("Time zone", "Europe/Berlin")):
        page.get_by_role("textbox", name=field).fill(value)
    ops.look("add program")
    page.get_by_role("button", name="Save", exact=True).click()
    ops.look("programs")
    page.get_by_role("link", name="Kiez Club").first.click()
    ops.look("the new program")
    page.get_by_role("button", name="Activate").click()
    page.get_by_text("Kiez Club is active").first.wait_for()
    ops.look("the active program")
    return Program.objects.get(slug="kiez-club", state="active")


@pytest.fixture
def export(tmp_path) -> Path:
    """Sixteen months of orders of 150 people: refunds, cancellations, further lines, an offset a season."""
    path = tmp_path / "orders_export_1.csv"
    with path.open("w", newline="") as file:
        file.write(PREAMBLE)
        rows = csv.DictWriter(file, HEADER.split(","), restval="")
        rows.writeheader()
        for number in range(ORDERS):
            rows.writerow(order(number))
            if number % 40 == 0:  # a further line of the order says nothing of it but its name
                rows.writerow({key: order(number)[key] for key in ("Name", "Email", "Created at")})
    return path


def order(number: int) -> dict[str, str]:
    placed = datetime(2025, 1, 1, 22, 30) + timedelta(hours=13 * number)
    at = placed.replace(tzinfo=BERLIN[4 <= placed.month <= 10])
    total, is_cancelled = 18 + (number * 7) % 60, number % CANCELLED == 5
    is_refunded = number % REFUNDED == 0
    return {
        "Name": f"#{1001 + number}",
        "Email": f"kunde{number * 17 % 150:03}@kiez.example",
        "Financial Status": "voided" if is_cancelled else "partially_refunded" if is_refunded else "paid",
        "Currency": "EUR",
        "Total": f"{total}.90",
        "Discount Amount": "0.00",
        "Created at": at.strftime("%Y-%m-%d %H:%M:%S %z"),
        "Lineitem quantity": "1",
        "Lineitem name": "Becher",
        "Lineitem price": f"{total}.90",
        "Cancelled at": at.strftime("%Y-%m-%d %H:%M:%S %z") if is_cancelled else "",
        "Refunded Amount": "10.00" if is_refunded else "0.00",
        "Source": "web",
    }


def test_a_shop_export_becomes_a_run_by_clicks(enter, export):
    ops = enter("ops")
    page = ops.page
    kiez = new_program(ops)
    page.get_by_role("link", name="Load data").click()
    ops.look("choose")
    ops.picture("upload-choose")
    page.locator("input[type=file]").set_input_files(export)
    page.get_by_label("Program").select_option(label="Kiez Club")
    page.get_by_role("button", name="Look at the file first").click()

    page.get_by_role("heading", name="No open questions: you can load the file").wait_for()
    ops.look("recognised")
    ops.picture("upload-look")
    expect(page.get_by_text("It looks like “Shopify: orders”.")).to_have_count(1)
    stands = "Text above the column names: “Orders of Kiez Club”, “Exported on 2026-05-04 by Ada”"
    expect(page.get_by_text(stands)).to_have_count(1)
    first = page.get_by_role("region", name="First accepted rows").get_by_role("row").nth(1)
    assert first.inner_text().split("\t")[:4] == [
        "1",
        "kunde000@kiez.example",
        "2025-01-01 22:30:00",
        "18.90 EUR",
    ]
    page.get_by_role("link", name="Rows", exact=True).click()
    ops.picture("upload-rows")
    page.get_by_role("link", name="Columns", exact=True).click()
    ops.picture("upload-columns")

    page.get_by_text("6 more columns that this file does not seem to have").click()
    page.get_by_label("region", exact=True).select_option("-")
    page.get_by_text("How the file is written").click()
    page.get_by_label("Keep these choices as a load profile named").fill("kiez-shop")
    page.get_by_role("button", name="Look again").first.click()
    page.get_by_role("heading", name="No open questions: you can load the file").wait_for()
    ops.look("corrected")
    page.get_by_role("link", name="Comparison with the current data").click()
    ops.picture("upload-compare")
    page.get_by_role("button", name="Load", exact=True).click()

    page.get_by_role("heading", name="What each command has and lacks").wait_for()
    ops.look("loaded")
    ops.picture("upload-answer")
    dataset = Dataset.objects.get(program=kiez)
    cancelled = len(range(5, ORDERS, CANCELLED))
    assert dataset.rows == ORDERS - cancelled
    assert dataset.window_end.isoformat() == "2026-05-03T19:30:00+00:00"  # half past nine in Berlin
    assert LoadProfile.objects.get(program=kiez).name == "kiez-shop"

    page.get_by_role("link", name="Monitor with these data").click()
    ops.look("monitor kiez")
    page.get_by_role("button", name="Preview the plan").click()
    page.get_by_text("Preview: nothing is stored yet").wait_for()
    ops.look("preview for kiez")
    page.get_by_role("button", name="Start the run").click()
    page.locator("#people li", has_text="Roadmap validation").wait_for(timeout=60_000)
    ops.look("kiez running")
    ops.picture("upload-plan")
    plan = Plan.objects.get(program=kiez)
    assert plan.command == "monitor-loyalty"
    wait_until(lambda: plan.approvals.filter(gate="roadmap-validation").exists(), 60)


def test_the_pages_of_an_upload_are_sound_on_a_phone(enter, export):
    """In the light and in the dark, with questions open."""
    with acting_as(Actor.system("Demo")):
        ProgramFactory(name="Quay Club", currency="EUR", time_zone="Europe/Berlin")
    analyst = enter("analyst", "phone")
    page = analyst.page
    analyst.open("/programs/dataset/upload/")
    page.locator("input[type=file]").set_input_files(export)
    page.get_by_label("Program").select_option(label="Quay Club")
    page.get_by_label("Where the file comes from").select_option("")
    page.get_by_label("Kind").select_option("purchases")
    page.get_by_role("button", name="Look at the file first").click()
    page.get_by_role("heading", name="before you can load the file").wait_for()
    analyst.look("questions")
    analyst.picture("upload-questions-phone")
    page.get_by_role("button", name="member_id is “Email”").click()
    page.get_by_role("button", name="Load only paid, partially_refunded").click()
    page.get_by_role("heading", name="No open questions: you can load the file").wait_for()
    analyst.look("answered")
    analyst.picture("upload-answered-phone")
