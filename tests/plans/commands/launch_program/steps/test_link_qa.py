"""Link QA on a site of its own: what is fine passes, what is broken is named, nothing else is asked."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from gtm.core import canonical
from gtm.core.places import filestore
from plans.commands.launch_program.steps.as_a_visitor import NOWHERE, _likeness
from plans.commands.launch_program.steps.communications import render_kit
from plans.commands.launch_program.steps.link_qa import FAILED, QaFailed, QaRefused, check_links
from plans.engine.running.runner import classify, stored_values
from programs.analytics.tracking_links import tagged
from programs.outreach import browser
from programs.outreach.page_forms import SentForm
from tests.landing_site import landing_site
from tests.plans.commands.launch_program.launch_kit import (
    change_profile,
    context_of,
    establish,
    outputs_by_key,
)

TAGS = {"utm_source": "crm", "utm_medium": "email", "utm_campaign": "customer-advocates"}


@pytest.fixture
def site(settings):
    with landing_site() as server:
        settings.GTM_PRIVATE_LINK_HOSTS = {server.host}
        yield server


@pytest.fixture
def program(acting, site):
    program = establish()
    land(site, "/join")
    return program


def land(site, path):
    """Send the landing page of the program there."""
    return change_profile(
        landing_url=f"http://{site.host}{path}", destinations={}, allowed_hosts=[site.host],
    )  # fmt: skip


def check(program, *urls, **rest):
    links = [{"path": f"email/{n}.txt", "channel": "email", "url": url} for n, url in enumerate(urls)]
    return check_links(context_of(program, outputs={"kit": {"links": links}}, **rest))


def link(site, path="/join", **tags):
    return tagged(f"http://{site.host}{path}", TAGS | tags)


def refusal(kind, program, *urls):
    with pytest.raises(kind) as refused:
        check(program, *urls)
    return [(problem.field, problem.code) for problem in refused.value.problems]


def test_a_kit_without_links_has_no_accuracy_and_says_why(program):
    result = check(program)
    assert (result.values["tracking_accuracy"], result.values["checked"]) == (None, 0)
    accuracy = outputs_by_key(result)["link-qa"].items[0]
    assert (accuracy.value, accuracy.unavailable) == (None, "No link was checked.")


def test_a_whole_kit_passes_and_every_link_is_followed_once_and_the_flow_once(program, site):
    copy = context_of(program).program["launch"]["copy"]
    change_profile(destinations={"terms": f"http://{site.host}/join/terms"}, copy=copy)
    context = context_of(program, channels=["email", "in-app", "social", "partner"])
    kit = stored_values(render_kit(context))
    result = check_links(context_of(program, outputs={"kit": kit}))
    links = {told["url"] for told in kit["links"]}
    assert (result.values["tracking_accuracy"], result.values["checked"]) == (1.0, len(links))
    assert result.values["followed"] == len(links)
    assert result.values["not_followed"] == {}
    assert len(site.asked) == len(links) + 1
    assert sum("ref=qa-test" in asked for asked in site.asked) == 2  # a recipient's own link, and the flow
    assert result.measured == {FAILED: ""}
    note = "Not run in a browser: browsers are switched off (GTM_BROWSER)."
    assert outputs_by_key(result)["link-qa"].note == note


def test_a_redirect_that_keeps_the_query_passes_and_is_told(program, site):
    rows = outputs_by_key(check(program, link(site, "/keeps")))["links-checked"].rows
    assert rows[0][1:] == ["email/0.txt", "200 after 1 redirect", ""]


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        ("/drops", ["redirect-lost"] * 3),
        ("/nowhere", ["status"]),
        ("/broken", ["status"]),
        ("/loop", ["redirect-circle"]),
        ("/away", ["not-followed"]),
        ("/inside", [*["redirect-lost"] * 3, "not-followed"]),
    ],
)
def test_a_broken_way_is_named_by_piece_and_rule_and_tried_again(program, site, path, rules):
    found = refusal(QaFailed, program, link(site), link(site, path))
    assert found == [("email/1.txt", rule) for rule in rules]


def test_a_site_that_is_away_is_tried_again(program, site):
    site.shutdown()
    site.server_close()
    assert ("email/0.txt", "unreachable") in refusal(QaFailed, program, link(site))


@pytest.mark.parametrize(
    ("tags", "rules"),
    [
        ({"utm_source": "CRM"}, ["lower-case"]),
        ({"utm_medium": "pigeon"}, ["vocabulary"]),
        ({"utm_campaign": "another-program"}, ["vocabulary"]),
        ({"email": "ada@example.com"}, ["personal-data"]),
    ],
)
def test_a_link_that_is_wrong_as_written_is_refused_for_good(program, site, tags, rules):
    assert refusal(QaRefused, program, link(site, **tags)) == [("email/0.txt", rule) for rule in rules]


def test_missing_and_conflicting_tags_are_refused(program, site):
    url = f"http://{site.host}/join?utm_source=crm&utm_source=x&utm_medium=email"
    assert refusal(QaRefused, program, url) == [("email/0.txt", "missing"), ("email/0.txt", "conflict")]


def test_the_refusal_does_not_repeat_personal_data(program, site):
    with pytest.raises(QaRefused) as refused:
        check(program, link(site, utm_content="ada@example.com"))
    assert "ada" not in refused.value.detail + str([p.as_dict() for p in refused.value.problems])


def test_the_engine_tries_a_broken_site_again_and_a_wrong_link_not():
    assert (classify(QaFailed("x")), classify(QaRefused("x"))) == ("transient", "permanent")


def test_a_link_to_somebody_else_needs_no_tags_and_is_not_followed(program, site):
    result = check(program, link(site), "https://partner.example/about")
    assert result.values["not_followed"] == {
        "partner.example": "partner.example is not among the hosts that may be visited."
    }
    assert (result.values["followed"], result.values["tracking_accuracy"]) == (1, 0.5)


def test_a_private_address_is_asked_only_where_the_administrator_says_so(program, site, settings):
    settings.GTM_PRIVATE_LINK_HOSTS = frozenset()
    result = check(program, link(site))
    assert (result.values["followed"], site.asked) == (0, [])
    assert "not public" in result.values["not_followed"][site.host]


def test_a_form_that_takes_the_code_passes_without_a_word(program, site):
    rows = outputs_by_key(check(program, link(site)))["links-checked"].rows
    assert [row[1:] for row in rows] == [["email/0.txt", "200", ""]]


@pytest.mark.parametrize("path", ["/bare", "/forgets"])
def test_a_form_that_nobody_saw_filled_asks_a_person_to_look(program, site, path):
    land(site, path)
    rows = outputs_by_key(check(program, link(site, path)))["links-checked"].rows
    told = "No filled form field ref was seen: confirm by hand that the code is stored."
    assert rows[-1] == ["", "referral flow", "", told]


def test_a_form_that_holds_another_code_fails_the_flow(program, site):
    land(site, "/stuck")
    assert refusal(QaFailed, program, link(site, "/stuck")) == [("referral flow", "referral-code")]


def test_a_redirect_that_loses_the_code_fails_the_flow(program, site):
    land(site, "/drops")
    assert ("referral flow", "referral-code") in refusal(QaFailed, program, link(site, "/drops"))


def test_a_replay_judges_what_was_seen_and_asks_nobody(program, site):
    first = check(program, link(site, "/keeps"))
    seen, asked = stored_values(first)["observed"], len(site.asked)
    links = [{"path": "email/0.txt", "channel": "email", "url": link(site, "/keeps")}]
    context = context_of(program, outputs={"kit": {"links": links}}, observed=seen)
    again = check_links(context)
    assert canonical.digest(stored_values(again)) == canonical.digest(stored_values(first))
    assert [canonical.digest(o) for o in again.outputs] == [canonical.digest(o) for o in first.outputs]
    assert len(site.asked) == asked


@pytest.fixture
def chromium(monkeypatch):
    """Stand in for the browser, whose own tests drive a real one; a stop's answer may be put in its place."""
    stops: list[browser.Stop] = []
    answers: dict[str, object] = {}

    def tour(asked, allowance, tell):
        for stop in asked:
            stops.append(stop)
            yield answers.get(stop.url) or _look(stop)

    monkeypatch.setattr(browser, "missing", lambda: "")
    monkeypatch.setattr(browser, "tour", tour)
    return SimpleNamespace(stops=stops, answers=answers)


def _look(stop, **told):
    held = {"field": "qa-test" if stop.field else None, "sent": None}
    held |= {"sent": (SentForm("GET", f"{stop.url}&x=1", ""),)} if stop.sends else {}
    return browser.Look(
        url=stop.url, status=200, picture=b"\x89PNG", by="playwright 9", hops=(stop.url,), **held | told
    )


def flow_of(url):
    return tagged(url, {"ref": "qa-test"})


def test_in_a_browser_every_link_is_opened_and_the_flow_leaves_a_screenshot(program, site, chromium):
    land(site, "/script")
    result = check(program, link(site, "/script"))
    flow = flow_of(link(site, "/script"))
    assert chromium.stops == [
        browser.Stop(link(site, "/script"), "ref", pictured=False),
        browser.Stop(flow, "ref", True, stays=True),
        browser.Stop(f"http://{site.host}/{NOWHERE}", pictured=False),
    ]
    picture = outputs_by_key(result)["flow-screenshot"]
    assert (picture.media_type, filestore.read(picture.path)) == ("image/png", b"\x89PNG")
    assert result.values["browser"] == ""


def test_a_form_that_stays_empty_in_a_browser_fails_the_flow(program, site, chromium):
    flow = flow_of(link(site))
    chromium.answers[flow] = _look(browser.Stop(flow, "ref"), field="")
    assert refusal(QaFailed, program, link(site)) == [("referral flow", "referral-code")]


def test_a_browser_that_does_not_get_there_fails_the_qa(program, site, chromium):
    chromium.answers[flow_of(link(site))] = browser.LookFailed("Chromium: timeout")
    assert refusal(QaFailed, program, link(site)) == [("referral flow", "browser")]


def test_a_page_that_the_check_did_not_get_to_see_is_not_proven_and_stops_nothing(program, site, chromium):
    unseen = browser.LookFailed("Chromium: Frame has been detached", is_unseen=True)
    chromium.answers |= dict.fromkeys((link(site, "/broken"), flow_of(link(site))), unseen)
    assert check(program, link(site, "/broken"), link(site)).values["tracking_accuracy"] == 0.5


def test_a_landing_page_whose_picture_never_comes_is_seen_without_one(program, site, chromium):
    flow = flow_of(link(site))
    chromium.answers[flow] = replace(_look(browser.Stop(flow, "ref", sends=True)), picture=b"")
    assert "flow-screenshot" not in outputs_by_key(check(program, link(site)))


def test_what_a_browser_met_goes_before_what_a_program_met(program, site, chromium):
    rows = outputs_by_key(check(program, link(site, "/broken"), link(site)))["links-checked"].rows
    assert rows[0][2:] == ["200", "The site answers 503 to programs; a browser gets through."]


def test_a_form_that_sends_no_code_fails_the_flow(program, site, chromium):
    flow = flow_of(link(site))
    sent = SentForm("POST", f"http://{site.host}/api", '{"email": "a@example.com"}')
    chromium.answers[flow] = _look(browser.Stop(flow, "ref", True, stays=True), sent=(sent,))
    assert refusal(QaFailed, program, link(site)) == [("referral flow", "referral-sent")]


def test_no_browser_opens_where_no_link_may_be_visited(program, site, chromium, settings):
    settings.GTM_PRIVATE_LINK_HOSTS = frozenset()
    assert check(program, link(site)).values["browser"] == "no link may be visited"
    assert chromium.stops == []


@pytest.mark.parametrize(("leads_on", "accuracy"), [(False, 0.0), (True, 1.0)])
def test_a_landing_page_that_takes_no_code_is_not_proven(program, site, chromium, leads_on, accuracy):
    flow = flow_of(link(site))
    chromium.answers[flow] = _look(browser.Stop(flow, "ref"), field=None, leads_on=leads_on)
    assert check(program, link(site), flow).values["tracking_accuracy"] == accuracy


def test_where_no_link_carries_a_code_no_field_for_it_is_missed(program, site, chromium):
    flow = flow_of(link(site))
    chromium.answers[flow] = _look(browser.Stop(flow, "ref"), field=None)
    assert check(program, link(site)).values["tracking_accuracy"] == 1.0


def test_a_list_in_another_order_says_the_same():
    there = _look(browser.Stop("http://a.example/x"), text="Now: Travel, Leave, Time, Invoices, Payroll")
    assert _likeness("Now: Payroll, Time, Invoices, Travel, Leave", "http://a.example/", there) == 1.0
