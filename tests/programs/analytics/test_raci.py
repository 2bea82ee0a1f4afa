"""RACI: exactly one accountable, and every problem of a matrix at once."""

from programs.analytics.raci import Assignment, find_problems, load, matrix

GOOD = [
    Assignment("forms", "lifecycle-ops", "R"),
    Assignment("forms", "referral-architect", "A"),
    Assignment("forms", "legal", "C"),
    Assignment("kit", "partner-manager", "A"),
    Assignment("kit", "partner-manager", "R"),
]
ROLES = {"lifecycle-ops", "referral-architect", "legal", "partner-manager"}


def test_a_complete_matrix_has_no_problems():
    assert find_problems(GOOD, tasks=["forms", "kit"], roles=ROLES) == ()


def test_every_problem_is_told_at_once():
    wrong = [
        Assignment("forms", "legal", "A"),
        Assignment("forms", "partner-manager", "A"),
        Assignment("kit", "legal", "X"),
        Assignment("party", "legal", "R"),
        Assignment("kit", "clown", "C"),
        Assignment("kit", "clown", "C"),
    ]
    assert find_problems(wrong, tasks=["forms", "kit"], roles=ROLES) == (
        "More than one is accountable for forms: legal, partner-manager.",
        "Nobody is accountable for kit.",
        "Nobody is responsible for forms.",
        "Nobody is responsible for kit.",
        "There is no role clown, named for kit.",
        "There is no task party for legal.",
        "X for kit is none of R, A, C, I.",
        "clown is assigned to kit as C 2 times.",
    )


def test_matrix_reads_row_by_row_with_letters_in_order():
    assert matrix(GOOD[::-1]) == {
        "forms": {"legal": "C", "lifecycle-ops": "R", "referral-architect": "A"},
        "kit": {"partner-manager": "RA"},
    }


def test_load_counts_a_task_once_for_who_is_responsible_and_accountable():
    assert load(GOOD) == {"lifecycle-ops": 1, "referral-architect": 1, "partner-manager": 1}
