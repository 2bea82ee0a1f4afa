"""track-source on partners whose rows are in local time: the same figures and days in every zone."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from programs.models import Program
from tests.plans.commands.track_source import campaign
from tests.plans.commands.zones import ZONES, assert_same, context_of, figures, open_world


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zones")


@cache
def of_partners(zone: str, home: Path) -> dict[str, Any]:
    program = Program.objects.filter(kind="partner").first() or campaign.establish().program
    data = open_world(
        home / "partner" / zone.replace("/", "-"),
        campaign.world(people=150, days=80).tables,
        zone,
        program.currency,
    )
    return figures(*context_of(campaign.LINE, program, data, zone))


@pytest.mark.parametrize("zone", ZONES)
def test_track_source_says_the_same_in_every_zone(acting, home, zone):
    assert_same(of_partners(zone, home), of_partners("UTC", home))
