"""Link QA in a real Chromium on a site of faults and honest oddities: what is caught, and what is let be."""

import asyncio
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from plans.commands.launch_program.steps.link_qa import QaFailed, check_links
from plans.engine.running.steps import StepContext
from programs.analytics.tracking_links import tagged
from tests.factories import START
from tests.visitor_site import FORMS, LINKS, visitor_site

pytestmark = pytest.mark.e2e
TAGS = {"utm_source": "crm", "utm_medium": "email", "utm_campaign": "advocates"}


@pytest.fixture(scope="module")
def site():
    with visitor_site() as server:
        yield server


@pytest.fixture
def check(site, settings, chromium):
    """Errors by path of the links, and the result where nothing is wrong; in a thread of its own, for
    Playwright runs once a thread."""
    settings.GTM_BROWSER, settings.GTM_PRIVATE_LINK_HOSTS = chromium, {site.host, *_others(site)}

    def run(links, landing="/plain", **profile):
        launch = {
            "links": {"landing": f"http://{site.host}{landing}"},
            "allowed_hosts": [site.host, *_others(site)],
            "vocabulary": {}, "code_parameter": "ref", "test_code": "qa-test", "collectors": [],
            "slowest_seconds": "5", "delivers_test_form": False, **profile,
        }  # fmt: skip
        kit = {"links": [{"path": path, "channel": "email", "url": url} for path, url in links.items()]}
        context = StepContext(
            inputs={}, outputs={"kit": kit}, program={"name": "A", "slug": "advocates", "launch": launch},
            data=None, seed=1, now=START, progress=outside_of_any_loop, observed=None,
        )  # fmt: skip
        found = defaultdict(set)
        with ThreadPoolExecutor(1) as thread:
            try:
                return found, thread.submit(check_links, context).result()
            except QaFailed as refused:
                for problem in refused.problems:
                    found[problem.field].add(problem.code)
                return found, None

    return run


def outside_of_any_loop(percent, note=""):
    """What tells of progress asks the database, which Django refuses beside Playwright's event loop."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def _others(site):
    """The same server under another name: a counter of clicks on a host of its own."""
    return [site.host.replace("127.0.0.1", "localhost")]


def link(site, path):
    return tagged(f"http://{site.host}{path}", TAGS)


def test_faults_are_caught_and_honest_oddities_are_let_be(site, check):
    found, _ = check({path: link(site, path) for path in LINKS})
    assert {path: found.get(path, set()) for path in LINKS} == LINKS


def test_the_table_holds_more_than_fifty_and_as_many_honest_ones_as_faults():
    told = [*LINKS.values(), *FORMS.values()]
    honest = sum(not codes for codes in told)
    assert (len(told) >= 50, honest >= 25, len(told) - honest >= 25) == (True, True, True)


def test_links_of_a_kit_settle_side_by_side(site, check):
    began = time.monotonic()
    found, result = check({str(n): f"{link(site, '/counts-once')}&utm_content=n{n}" for n in range(24)})
    assert (dict(found), result.values["tracking_accuracy"]) == ({}, 1.0)
    assert time.monotonic() - began < 24 * 0.9


@pytest.mark.parametrize("path", FORMS)
def test_the_code_of_a_referral_is_followed_through_the_form(site, check, path):
    found, _ = check({path: link(site, path)}, landing=path)
    assert found.get("referral flow", set()) == FORMS[path]


@pytest.mark.parametrize(
    ("path", "codes"),
    [("/counted", set()), ("/counted-with-consent", set()), ("/not-counted", {"not-counted"})],
)
def test_a_landing_page_is_counted_where_the_program_measures(site, check, path, codes):
    found, _ = check({path: link(site, path)}, landing=path, collectors=[f"{site.host}/collect"])
    assert found.get(path, set()) == codes


def test_a_counter_of_clicks_on_an_allowed_host_passes_and_one_that_drops_the_tags_does_not(site, check):
    (other,) = _others(site)
    there = quote(link(site, "/plain"), safe="")
    wrapped = f"http://{other}/clicks?id=7&u={there}"
    found, result = check({"tracked": wrapped, "/plain": link(site, "/plain")})
    assert (dict(found), result.values["tracking_accuracy"]) == ({}, 1.0)
    found, _ = check({"tracked": wrapped.replace("/clicks", "/clicks-and-forgets")})
    assert found["tracked"] == {"redirect-lost"}


def test_a_shortener_off_the_list_is_proven_by_nothing(site, check):
    found, result = check({"short": "https://bit.ly/3xYz", "/plain": link(site, "/plain")})
    assert (dict(found), result.values["tracking_accuracy"]) == ({}, 0.5)


def test_a_form_is_sent_only_where_the_profile_says_so(site, check):
    _, kept = check({"/form": link(site, "/form")}, landing="/form")
    _, sent = check({"/form": link(site, "/form")}, landing="/form", delivers_test_form=True)
    answers = [one.values["observed"]["look"]["sent"][0]["answer"] for one in (kept, sent)]
    assert (answers[0], "Here" in answers[1]) == ("", True)
