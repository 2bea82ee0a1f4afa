"""A share reads the same wherever it stands: one function rounds it, and no format of Python's does."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OTHER_WAYS = re.compile(r":[+,]*\.\d%\}|\{100 \* [^{}]*:[+,]*\.\df\} ?%")


@pytest.mark.parametrize("room", ["gtm", "plans", "programs"])
def test_shares_are_rounded_by_percent_text_alone(room):
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in sorted((ROOT / room).rglob("*.py"))
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if OTHER_WAYS.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("line", ['f"{x:.1%}"', 'f"{x:+.0%} more"', 'f"{100 * x:.1f} %"'])
def test_the_other_ways_are_seen(line):
    assert OTHER_WAYS.search(line)
