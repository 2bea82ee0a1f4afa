"""What every admin page of ours shares."""

from gtm.core.admin.accounts import AccountAdmin
from gtm.core.admin.base import GovernedAdmin, GovernedInline, acting_in_admin

__all__ = ["AccountAdmin", "GovernedAdmin", "GovernedInline", "acting_in_admin"]
