"""Somebody acts in every test of a command."""

import pytest

from tests.factories import PersonFactory, ProgramFactory
from tests.plans.engine.conftest import acting, time  # noqa: F401


@pytest.fixture
def loyalty(acting):  # noqa: F811
    """The default loyalty program and a person in every role that monitor-loyalty names."""
    for role in ("member-insights-analyst", "loyalty-strategist", "loyalty-ops", "exec-sponsor"):
        PersonFactory(roles=[role])
    return ProgramFactory(is_default=True)
