"""``manage.py policy``: what is in force, a proposal, an answer."""

import json

import pytest

from tests.doors import manage

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "policy.json"
    path.write_text('{"hours": 24}')
    return str(path)


def hours():
    code, out = manage("policy", "show", "plan-loyalty")
    assert code == 0
    return json.loads(out)["finance-approval"]["hours"]


def test_a_proposal_comes_into_force_by_another_account(file, settings):
    settings.GTM_ALLOW_IMPERSONATION = True
    propose = ("policy", "propose", "plan-loyalty", "finance-approval", file, "--reason", "Holidays.")
    code, out = manage(*propose, "--as", "ops")
    assert (code, "Another person must adopt" in out) == (0, True)
    number = out.split()[1].rstrip(":")
    before = hours()
    assert manage("policy", "adopt", number, "--as", "ops", "--comment", "Mine.")[0] == 1
    assert manage("policy", "adopt", number, "--as", "exec", "--comment", "Agreed.")[0] == 0
    assert (before, hours()) == (16, 24)


def test_what_cannot_be_read_or_is_not_there_is_told(file, tmp_path, settings):
    settings.GTM_ALLOW_IMPERSONATION = True
    lines = [
        (("propose", "plan-loyalty", "finance-approval", str(tmp_path), "--reason", "r"), "cannot be read"),
        (("propose", "plan-loyalty", "cfo", file, "--reason", "r"), "no such gate"),
        (("adopt", "99", "--comment", "c"), "no such proposal"),
    ]
    for words, said in lines:
        code, out = manage("policy", *words, "--as", "ops")
        assert (code, said in out) == (2, True), out
