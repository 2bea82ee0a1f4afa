"""What each role comes for: data, evidence, an answer to an escalation, an emergency stop."""

import gzip
import re
from collections.abc import Callable, Iterator
from importlib import resources

import pytest
from django.core.management import call_command
from playwright.sync_api import expect

from gtm.core.actors import REST, Actor, acting_as
from gtm.core.fsm import perform
from plans.demo import organisation
from plans.models import Plan
from plans.runs import start
from programs.datasets import SnapshotStore
from programs.models import Dataset, Program
from programs.series import snapshot_root
from programs.services import load_dataset
from tests.conftest import wait_until
from tests.doors import USAGE, user

pytestmark = pytest.mark.e2e
sizes = pytest.mark.parametrize("size", ["desktop", "phone"])
WITHOUT_PURCHASES = {"desktop": "Customer Advocates", "phone": "AI Launch Co-marketing"}
FEW = 4_000  # purchases: enough for every step, and a run takes seconds
AT_WORK = ("ready", "leased", "running", "fallback_ready", "fallback_running")


@pytest.fixture(scope="package")
def harbor(site, tmp_path_factory) -> Dataset:
    """The purchases of another, smaller loyalty program."""
    packed = resources.files("programs.datasets") / "samples" / organisation.CDNOW
    file = tmp_path_factory.mktemp("harbor") / "purchases.csv"
    with resources.as_file(packed) as path, gzip.open(path, "rt") as lines:
        file.write_text("".join(line for line, _ in zip(lines, range(FEW), strict=False)))
    with acting_as(Actor.system("Demo")):
        program = Program(slug="harbor", name="Harbor Club", kind="loyalty", platform_cost_monthly=200)
        program.save()
        perform(program, "activate")
        return load_dataset("purchases", [file], program=program, currency="USD")[0]


@pytest.fixture
def bring_back(harbor: Dataset) -> Iterator[Callable[[], object]]:
    """The rows of the program are gone; calling what this gives brings them back."""
    store = SnapshotStore(snapshot_root())
    rows = store.rows_path(store.get("purchases", harbor.sha256))
    content = rows.read_bytes()
    rows.unlink()
    yield lambda: rows.write_bytes(content)
    rows.write_bytes(content)


def run(program: Program) -> Plan:
    with acting_as(Actor.of_user(user("ops"), REST, interactive=True)):
        command, given = start.parse_usage(USAGE)
        return start.start(start.prepare(command, given, program))


@sizes
def test_an_analyst_loads_data_and_sees_which_rows_were_rejected(enter, size, tmp_path):
    analyst, file = enter("analyst", size), tmp_path / f"orders-{size}.csv"
    page = analyst.page
    good = "".join(f"m{n},2026-01-{n:02},{n}.{len(size)}0\n" for n in range(1, 20))
    file.write_text(f"customer,bought,order_total\n{good}m20,never,5.00\nm21,2026-01-21,a lot\n")
    analyst.open("/programs/dataset/upload/")
    page.get_by_label("Program").select_option(label=WITHOUT_PURCHASES[size])
    page.get_by_label("Kind").select_option(value="purchases")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Look at the file first").click()
    page.get_by_text("Nothing is stored yet").wait_for()
    analyst.look("looked at")
    page.get_by_label("member_id (required)").select_option("customer")
    page.get_by_label("purchased_at (required)").select_option("bought")
    page.get_by_label("amount (required)").select_option("order_total")
    page.get_by_role("button", name="Load", exact=True).click()
    page.get_by_text("21 rows read: 19 accepted, 2 rejected").wait_for()
    analyst.look()
    analyst.picture(f"dataset-{size}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rows that were left out").click()
    assert "a lot" in download.value.path().read_text()


@sizes
def test_an_auditor_reads_the_log_proves_the_file_and_reviews_access(
    enter, waiting_plan, size, tmp_path, capsys
):
    auditor = enter("auditor", size)
    page = auditor.page
    auditor.open("/plans/plan/")
    page.get_by_role("link", name=waiting_plan.plan_id).first.click()
    auditor.look("read")
    page.get_by_role("navigation", name="Parts of the plan").get_by_role("link", name="Change log").click()
    auditor.look("changes read")
    older = page.get_by_role("link", name="Older rows")
    while older.count():  # the newest stand first, and who started it stands last
        with page.expect_navigation():
            older.click()
        auditor.look("changes read")
    expect(page.get_by_role("region", name="Change log").get_by_text("Olivia Park").first).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Pull|Cancel|Pause"))).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download plan JSON").click()
    download.value.save_as(tmp_path / "plan.json")
    call_command("verify_changelog", str(tmp_path / "plan.json"))
    assert "nothing contradicts it" in capsys.readouterr().out
    auditor.open("/core/anchor/")
    auditor.open("/programs/approver/", "auditor")
    review = page.request.get("/api/v1/access-review/?as=csv").text()
    assert "Fiona Walsh" in review
    assert "Elena Rossi" in review


@sizes
def test_a_program_manager_answers_an_escalation_until_the_run_goes_on(enter, harbor, bring_back, size):
    plan = run(harbor.program)
    manager = enter("strategist", size)
    page = manager.page
    manager.open(f"/plans/plan/{plan.pk}/change/", "failing")
    page.locator("#people li", has_text="Signal review").get_by_role("link").first.wait_for(timeout=60_000)
    manager.open("/", "escalated")
    wait_until(lambda: not plan.tasks.filter(kind="automated", state__in=AT_WORK).exists(), 60)
    signals = plan.tasks.get(task_id="1.1")
    manager.open(f"/plans/task/{signals.pk}/change/", "with the substitute")
    page.get_by_label("Comment").fill("The rows are not where they were, and I have no access.")
    page.get_by_role("button", name="Report as blocked").click()
    page.get_by_text("Recorded.").wait_for()
    manager.look("reported")
    case = plan.escalations.get(task=signals)
    manager.open(f"/plans/escalation/{case.pk}/change/", "open")
    manager.picture(f"escalation-{size}")
    page.get_by_label("Your answer").fill("The storage was moved; I am bringing the rows back.")
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("Samir Haddad has acknowledged this case.").wait_for()
    manager.look("acknowledged")

    bring_back()
    page.get_by_label("Your answer").fill("The rows are back from the old storage.")
    page.get_by_role("button", name="Resolve").click()
    page.get_by_text("What was done:").wait_for()
    manager.look("resolved")
    for task in plan.tasks.filter(state__in=("escalated", "with_substitute")):
        manager.open(f"/plans/task/{task.pk}/change/", "escalated")
        page.get_by_label("Comment").fill("The rows are back.")
        page.get_by_role("button", name="Grant one more attempt").click()
        page.get_by_text("Recorded.").wait_for()
        manager.look("granted")
    wait_until(lambda: plan.tasks.filter(key="segment-validation", state="ready").exists(), 60)
    enter("analyst", size).complete(plan, "segment-validation", "Sizes compared")
    manager.open(f"/plans/plan/{plan.pk}/change/", "resumed")
    page.locator("#people li", has_text="Finance approval").wait_for(timeout=60_000)
    case.refresh_from_db()
    assert (case.state, case.remediation) == ("resolved", "The rows are back from the old storage.")


@sizes
def test_the_rip_cord_stops_a_run_until_two_people_agree_to_go_on(enter, harbor, size):
    plan = run(harbor.program)
    admin = enter("admin", size)
    admin.say(plan, "Members were promised a tier that is not funded.", "Pull the rip-cord", "Held")
    admin.picture(f"held-{size}")
    enter("exec", size).say(plan, "The tier is funded.", "Release the rip-cord", "Held")
    enter("deputy", size).say(plan, "The budget covers it.", "Release the rip-cord", "Running")
    assert plan.pulls.get().state == "released"
