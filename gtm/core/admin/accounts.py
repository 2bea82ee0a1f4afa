"""Accounts, groups and tokens in the look of the site."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from rest_framework.authtoken import admin as _  # noqa: F401 - registers what is replaced here
from rest_framework.authtoken.models import TokenProxy
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from gtm.core.admin.base import ActingAdmin

admin.site.unregister(User)
admin.site.unregister(Group)
admin.site.unregister(TokenProxy)


@admin.register(User)
class AccountAdmin(UserAdmin, ActingAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class RoleGroupAdmin(GroupAdmin, ActingAdmin):
    pass


@admin.register(TokenProxy)
class TokenAdmin(ActingAdmin):
    """Whose programs may call REST. Their owner gets a token there; here it is taken away, never shown."""

    list_display = ["user", "created"]
    list_select_related = ["user"]
    fields = ["user", "created"]
    search_fields = ["user__username"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: TokenProxy | None = None) -> bool:
        return False
