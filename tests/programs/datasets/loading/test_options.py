"""The options of a load are declared once: every door and the documentation have them all."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import load_command_class

from programs.admin.upload_form import UploadForm
from programs.api.datasets import UploadSerializer
from programs.datasets.loading.limits import CHOICES, LoadOption, Options

ANALYSTS = Path(__file__).parents[4] / "docs" / "analysts.md"


def documented(choice: LoadOption) -> str:
    values = ", ".join(choice.allowed) or choice.example
    return f"| `{choice.name}` | {choice.help} | `{values}` |"


def test_the_page_for_analysts_has_every_option_as_it_is():
    table = (
        ANALYSTS.read_text().partition("<!-- options: begin -->\n")[2].partition("<!-- options: end -->")[0]
    )
    assert table.splitlines() == [documented(choice) for choice in CHOICES]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.name)
def test_an_option_has_help_and_values_or_an_example(choice):
    assert choice.help
    assert choice.allowed or choice.example
    assert getattr(Options(), choice.name) in ("", "UTC")


@pytest.mark.django_db
def test_every_door_has_every_option():
    names = {choice.name for choice in CHOICES}
    parser = load_command_class("programs", "load_dataset").create_parser("manage.py", "load_dataset")
    assert names <= {action.dest for action in parser._actions}
    assert names <= UploadSerializer().get_fields().keys()
    assert names <= UploadForm().fields.keys()
