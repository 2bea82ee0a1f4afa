import numpy as np
import pytest

from programs.analytics.attribution.counted import counted
from programs.analytics.path_rules import PathRules

JOURNEY = np.array([1, 1, 1, 1, 4, 4, 7, 7, 7])
LABEL = np.array([0, 1, 1, 2, 2, 2, 1, 2, 1])
DIRECT = LABEL == 2


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        (PathRules(), "0112 22 121"),
        (PathRules(exclude_direct=True), "011 22 11"),
        (PathRules(collapse_repeats=True), "012 2 121"),
        (PathRules(longest=2), "12 22 21"),
        (PathRules(exclude_direct=True, collapse_repeats=True), "01 2 1"),
        (PathRules(True, True, 1), "1 2 1"),
    ],
)
def test_paths_hold_what_was_agreed(rules, left):
    kept = counted(rules, JOURNEY, LABEL, DIRECT)
    found = ["".join(map(str, LABEL[kept & (n == JOURNEY)])) for n in (1, 4, 7)]
    assert " ".join(found) == left


def test_of_repeats_the_last_stays_and_no_touches_are_no_fault():
    kept = counted(PathRules(collapse_repeats=True), JOURNEY, LABEL, DIRECT)
    assert kept[:4].tolist() == [True, False, True, True]
    assert counted(PathRules(True, True, 3), JOURNEY[:0], LABEL[:0], DIRECT[:0]).size == 0


def test_the_rules_are_said():
    assert PathRules().sentence == ""
    assert PathRules(True, False, 5).sentence == (
        "By the agreement paths hold direct visits only where nothing else came before; the last 5 touches."
    )
