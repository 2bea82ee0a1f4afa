"""Somebody acts in every test of a command."""

from tests.plans.engine.conftest import acting, time  # noqa: F401
