"""What every admin page of ours shares."""

from gtm.core.admin.accounts import AccountAdmin
from gtm.core.admin.anchors import AnchorAdmin
from gtm.core.admin.base import ActingAdmin, GovernedAdmin, GovernedInline, ReadOnly, acting_in_admin, tell
from gtm.core.admin.changelog import ChangeLogAdmin

__all__ = [
    "AccountAdmin",
    "ActingAdmin",
    "AnchorAdmin",
    "ChangeLogAdmin",
    "GovernedAdmin",
    "GovernedInline",
    "ReadOnly",
    "acting_in_admin",
    "tell",
]
