"""Link QA on landing pages as companies have them: what is caught, what is let be, and what is not proven."""

import pytest

from tests.companies_site import FORMS, PAGES, companies_site
from tests.e2e.test_as_a_visitor import check, link  # noqa: F401 - a fixture

pytestmark = pytest.mark.e2e
COUNTERS = ["www.google-analytics.com/g/collect"]


@pytest.fixture(scope="module")
def site():
    with companies_site() as server:
        yield server


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_judged_by_what_it_does(site, check, path):  # noqa: F811
    codes, is_proven = PAGES[path]
    counters = [f"{site.host}/collect"] if path == "/counts-when-left" else COUNTERS
    found, result = check({path: link(site, path)}, landing=path, collectors=counters)
    assert found.get(path, set()) | found.get("referral flow", set()) == codes
    if is_proven is not None:  # where nothing at all was seen, there is no accuracy
        assert (result.values["tracking_accuracy"] or 0.0) == float(is_proven)


@pytest.mark.parametrize("path", FORMS)
def test_the_code_is_followed_through_steps_and_past_what_is_kept_back(site, check, path):  # noqa: F811
    found, result = check({path: link(site, path)}, landing=path)
    assert found.get("referral flow", set()) | found.get(path, set()) == FORMS[path]
    if result is not None:
        told = str(result.outputs)
        notes = ("not proven that", "checks keep back", "a cookie has it", "stays closed")
        assert any(note in told for note in notes)


def test_a_form_that_goes_on_by_its_site_s_answer_is_followed_where_it_is_sent(site, check):  # noqa: F811
    path = "/form-in-steps"
    _, result = check({path: link(site, path)}, landing=path, delivers_test_form=True)
    sent = result.values["observed"]["look"]["sent"]
    assert [(one["method"], one["url"].rpartition("/")[2]) for one in sent] == [
        ("POST", "leads"),
        ("PUT", "7"),
    ]
