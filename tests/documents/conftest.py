"""Every scene is played once a session; what is checked is read from the records, the rows are gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import transaction
from django.test import override_settings

from gtm.core import clock
from gtm.core.actors import Actor, acting_as
from plans.demo import organisation, referrals
from tests.documents.lines import Evidence
from tests.documents.scenes import campaign, launch, loyalty, monitoring
from tests.documents.scenes import referrals as referral_runs
from tests.documents.stage import ADVOCATES, Record, Stage, play

SCENES = [
    scene for module in (loyalty, monitoring, referral_runs, launch, campaign) for scene in module.SCENES
]


def site(stage: Stage) -> dict[str, Record]:
    """What REST says of the commands themselves."""
    answer = json.loads(stage.rest("/api/v1/commands/"))
    return {"site": {"commands": answer["results"] if isinstance(answer, dict) else answer}}


@contextmanager
def staged(home: Path) -> Iterator[Stage]:
    """The demo organisation with data in each program, in a transaction of whoever asks."""
    (home / "loads").mkdir()
    stage = Stage(home / "loads")
    places = {
        "GTM_DATA_DIR": home / "data",
        "GTM_PLANS_DIR": home / ".claude" / "plans",
        "GTM_ANCHORS_DIR": home / "anchors",
        "MEDIA_ROOT": home / "uploads",
    }
    with (
        override_settings(**places),
        acting_as(Actor.system("Test")),
        clock.standing_at(lambda: stage.now),
    ):
        organisation.establish()
        stage.load_loyalty()
        stage.load_referrals(referrals.tables(np.random.default_rng(referrals.SEED), advocates=ADVOCATES))
        stage.load_campaign()
        yield stage


@pytest.fixture(scope="session")
def evidence(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Evidence:
    home = tmp_path_factory.mktemp("documents")
    with django_db_blocker.unblock(), transaction.atomic(), staged(home) as stage:
        found = play(stage, [site, *SCENES])
        transaction.set_rollback(True)
    return found
