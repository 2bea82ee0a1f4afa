"""A real Chromium against a live server, on one organisation for the whole folder."""

import os
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest
from django.test import override_settings
from playwright.sync_api import Browser, sync_playwright
from pytest_django.live_server_helper import LiveServer

from gtm.core.actors import Actor, acting_as
from plans.demo import organisation, partners, referrals
from plans.engine.people.human_tasks import complete
from plans.models import Plan
from plans.selectors import answer_of
from programs.models import Campaign, Program
from programs.services import load_dataset
from tests.chromium import chromium_here
from tests.conftest import publishing_to, wait_until, workers
from tests.documents import usage
from tests.doors import start
from tests.e2e.person import Person
from tests.migrated import AsMigrated

LINES = {
    "plan-loyalty": usage.PLAN,
    "monitor-loyalty": usage.MONITOR,
    "optimize-referrals": usage.OPTIMIZE,
    "launch-program": usage.LAUNCH.replace("2025-12-10", usage.LAUNCH_DAY),
    "track-source": usage.TRACK,
}
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


@pytest.fixture(scope="package")
def chromium() -> str:
    """Give the path of the browser that the machine has; `make e2e` installs one."""
    return chromium_here()


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """Give one browser for all tests. Its sandbox refuses to start as root, as CI runs."""
    # Playwright's sync interface keeps an event loop in this thread, which Django takes for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="package", autouse=True)
def own_directories(tmp_path_factory) -> Iterator[Path]:
    """Give the folder its own directories: its tests share an organisation, and so its files."""
    home = tmp_path_factory.mktemp("site")
    places = {
        "GTM_PLANS_DIR": home / "plans",
        "GTM_DATA_DIR": home / "data",
        "GTM_ANCHORS_DIR": home / "anchors",
    }
    with override_settings(**places, MEDIA_ROOT=home / "data" / "uploads"):
        yield home


@pytest.fixture(scope="package")
def db(django_db_setup: AsMigrated, django_db_blocker) -> Iterator[None]:
    """What one test leaves in the database the next one finds; after the last it is as it was migrated."""
    with django_db_blocker.unblock():
        yield
        django_db_setup.put_back()


@pytest.fixture(scope="package")
def site(own_directories: Path, db: None, redis_url: str, chromium: str) -> Iterator[LiveServer]:
    """Give a server with the people, programs and purchases of the demo, and a worker behind it.

    It stages the landing pages of launches, which the worker's link checks visit, in a browser too.
    """
    server = LiveServer("localhost")
    staged = {"GTM_BASE_URL": server.url, "GTM_BROWSER": chromium}
    with (
        override_settings(GTM_STAGE_LANDING_PAGES=True, **staged),
        publishing_to(redis_url),
        workers(redis_url, own_directories) as start_worker,
    ):
        with acting_as(Actor.system("Demo")):
            loyalty = organisation.establish()
            with resources.as_file(
                resources.files("programs.datasets") / "samples" / organisation.CDNOW
            ) as file:
                load_dataset("purchases", [file], program=loyalty, currency="USD")
        start_worker(concurrency=2, GTM_STAGE_LANDING_PAGES="1", **staged)
        yield server
        server.stop()


@pytest.fixture(scope="package")
def waiting_plan(site: LiveServer) -> Plan:
    """A run of plan-loyalty by operations, on its way to the gates of finance and legal."""
    return start("ops")


@pytest.fixture(scope="package")
def results(site) -> dict[str, Plan]:
    """A plan of each command, as far as it computes without people."""
    with acting_as(Actor.system("Demo")):
        referrals.load(Program.objects.get(slug="customer-advocates"), str)
        partners.load(Campaign.objects.get(slug="ai-launch-tour"), str)
    plans = {name: start("ops", line) for name, line in LINES.items()}
    finish(plans["plan-loyalty"], "segment-validation")
    wait_until(lambda: all(answer_of(plan) for plan in plans.values()), 240)
    return plans


def finish(plan: Plan, key: str) -> None:
    """Do a person's task, so that what computes the answer can."""
    wait_until(lambda: plan.tasks.filter(key=key, state="ready").exists(), 120)
    with acting_as(Actor.system("Test")):
        task = plan.tasks.get(key=key)
        complete(task, result={}, evidence={"sizes": "compared"}, comment="Compared.")


@pytest.fixture
def enter(browser: Browser, site: LiveServer) -> Iterator[Callable[..., Person]]:
    """Give a function that seats somebody of the organisation at a desk or with a phone, logged in.

    Afterwards every page they saw must have been looked at, and no console have complained.
    """
    people: list[Person] = []

    def seat(username: str, size: str = "desktop") -> Person:
        width, height = SIZES[size]
        context = browser.new_context(base_url=site.url, viewport={"width": width, "height": height})
        people.append(Person(context.new_page(), username))
        return people[-1]

    yield seat
    for person in people:
        person.page.context.close()
    assert {person.username: person.complaints for person in people if person.complaints} == {}
    assert {person.username: person.unseen for person in people if person.unseen} == {}
