"""What a page shows is waited for, not asked for once: a page that is still on its way shows nothing yet."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
ASKED_ONCE = re.compile(r"\bassert\b.*\.(?:is_visible|is_hidden|is_enabled|is_disabled|is_checked)\(\)")


def test_tests_in_a_browser_wait_for_what_they_see():
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in sorted({*ROOT.rglob("*.py")} - {Path(__file__)})
        if "sync_playwright" in file.read_text() or file.parent.name == "e2e"
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if ASKED_ONCE.search(line)
    ]
    assert found == [], "expect(…).to_be_visible() waits; these look once"


@pytest.mark.parametrize("line", ["assert tip.is_visible()", "assert not tip.is_visible() and more"])
def test_looking_once_is_seen(line):
    assert ASKED_ONCE.search(line)
