"""Link QA on a site that it was not written against: what is caught, and what is let be."""

import pytest

from tests.e2e.test_as_a_visitor import check, link  # noqa: F401 - a fixture
from tests.stranger_site import COUNTED, FORMS, LINKS, stranger_site

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def site():
    with stranger_site() as server:
        yield server


def test_what_nobody_had_thought_of_is_caught_and_honest_oddities_are_let_be(site, check):  # noqa: F811
    found, _ = check({path: link(site, path) for path in LINKS})
    assert {path: found.get(path, set()) for path in LINKS} == LINKS


@pytest.mark.parametrize("path", FORMS)
def test_the_code_is_followed_through_forms_of_every_make(site, check, path):  # noqa: F811
    found, _ = check({path: link(site, path)}, landing=path)
    assert found.get("referral flow", set()) | found.get(path, set()) == FORMS[path]


def test_a_form_that_asks_first_is_judged_by_what_it_sends_then(site, check):  # noqa: F811
    path = "/form-checks-mail-first"
    _, kept = check({path: link(site, path)}, landing=path)
    assert "not proven that" in str(kept.outputs)
    _, sent = check({path: link(site, path)}, landing=path, delivers_test_form=True)
    for result in (kept, sent):
        requests = result.values["observed"]["look"]["sent"]
        assert [one["url"].rpartition("/")[2] for one in requests] == ["check", "join"]
    assert "not proven that" not in str(sent.outputs)


@pytest.mark.parametrize("path", COUNTED)
def test_a_page_that_measures_after_consent_is_counted(site, check, path):  # noqa: F811
    found, _ = check({path: link(site, path)}, landing=path, collectors=[f"{site.host}/collect"])
    assert found.get(path, set()) == COUNTED[path]


def test_a_page_whose_consent_nobody_can_press_asks_a_person(site, check):  # noqa: F811
    path = "/consent-in-a-picture"
    found, result = check({path: link(site, path)}, landing=path, collectors=[f"{site.host}/collect"])
    assert (dict(found), result.values["tracking_accuracy"]) == ({}, 0.0)
    assert "no button to give it was found" in str(result.outputs)
