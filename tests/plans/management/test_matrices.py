"""The committed matrices say what the code does."""

import pytest
from django.core.management import call_command

from gtm.core.fsm import machines
from plans.management import matrices
from plans.management.commands.governance_matrices import FILES
from tests.conftest import ROOT


@pytest.mark.parametrize("name", FILES)
def test_the_committed_file_is_current(name, tmp_path):
    call_command("governance_matrices", "--to", str(tmp_path))
    assert (tmp_path / name).read_text() == (ROOT / "docs" / name).read_text()


def test_every_transition_is_a_row():
    text = matrices.permission_matrix()
    listed = [
        line for line in text.split("## Permissions of accounts")[0].splitlines() if line.startswith("| ")
    ]
    heads = 2 * len(machines())
    assert len(listed) - heads == sum(len(machine.transitions) for machine in machines())


def test_every_rule_bars_the_person_and_who_stands_in_but_only_the_requester_chooses_in_vain():
    rows = [line.split(" | ") for line in matrices.separation_matrix().splitlines() if line.startswith("| ")]
    marks = {row[0].strip("| "): row[2:5] for row in rows[2:]}
    assert marks == {
        "1": ["✗", "✗", "✗"],
        "2": ["✗", "✗", "✓"],
        "3": ["✗", "✗", "✓"],
        "4": ["✗", "✗", "✓"],
        "6": ["✗", "✓", "✓"],
        "7": ["✗", "✗", "✓"],
        "–": ["✓", "✓", "✓"],
    }
