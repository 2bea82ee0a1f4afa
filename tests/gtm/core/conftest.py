"""The demo organisation, for what is tested on it."""

from tests.doors import as_, built, ops, plan, site

__all__ = ["as_", "built", "ops", "plan", "site"]
