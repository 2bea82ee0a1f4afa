"""Cases are tested through their doors, on the demo organisation."""

from tests.doors import as_, built, ops, plan, purchases, site
from tests.plans.admin.conftest import asked, decided, demo, login

__all__ = ["as_", "asked", "built", "decided", "demo", "login", "ops", "plan", "purchases", "site"]
