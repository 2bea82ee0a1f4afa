"""What every admin page of ours shares."""

from gtm.core.admin.access import AccessTokenAdmin, ServiceAccountAdmin, SignInAdmin
from gtm.core.admin.accounts import AccountAdmin
from gtm.core.admin.anchors import AnchorAdmin
from gtm.core.admin.base import ActingAdmin, GovernedAdmin, GovernedInline, ReadOnly, acting_in_admin, tell
from gtm.core.admin.changelog import ChangeLogAdmin

__all__ = [
    "AccessTokenAdmin",
    "AccountAdmin",
    "ActingAdmin",
    "AnchorAdmin",
    "ChangeLogAdmin",
    "GovernedAdmin",
    "GovernedInline",
    "ReadOnly",
    "ServiceAccountAdmin",
    "SignInAdmin",
    "acting_in_admin",
    "tell",
]
