"""Accounts, groups and tokens in the look of the site."""

from contextlib import suppress
from typing import Any

import allauth.account.admin
import allauth.mfa.admin
import allauth.socialaccount.admin as social
from allauth.usersessions.admin import UserSession
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from gtm.core.admin.actions import OfferedActions
from gtm.core.admin.base import ActingAdmin
from gtm.core.errors import WaitsForSecondPerson
from gtm.core.evidence import accounts

admin.site.unregister(User)
admin.site.unregister(Group)
# allauth registers them, whoever is loaded first: a secret of theirs is nobody's to look at or to write.
OF_ALLAUTH = (social.SocialApp, social.SocialAccount, social.SocialToken, UserSession)
for model in (allauth.mfa.admin.Authenticator, allauth.account.admin.EmailAddress, *OF_ALLAUTH):
    admin.site.unregister(model)


@admin.register(User)
class AccountAdmin(UserAdmin, OfferedActions, ActingAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """The password of somebody else: on record, and for people who decide it takes a second one."""
        change = super().user_change_password
        return self._acting(request, lambda: change(request, id, form_url))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """What an account gains waits, as does the loss of the last who could agree; the rest is saved."""
        with suppress(WaitsForSecondPerson):
            return super().save_model(request, obj, form, change)
        stored = User.objects.get(pk=obj.pk)
        for name in accounts.FLAGS:
            setattr(obj, name, getattr(obj, name) and getattr(stored, name))
        with suppress(WaitsForSecondPerson):
            return super().save_model(request, obj, form, change)
        for name in accounts.FLAGS:
            setattr(obj, name, getattr(stored, name))
        return super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """What is taken away goes at once, also where what is added has to wait."""
        for name in ("groups", "user_permissions"):
            if name in form.cleaned_data:
                wanted, manager = form.cleaned_data.pop(name), getattr(form.instance, name)
                with suppress(WaitsForSecondPerson), transaction.atomic():
                    manager.remove(*manager.exclude(pk__in=[one.pk for one in wanted]))
                with suppress(WaitsForSecondPerson), transaction.atomic():
                    manager.add(*wanted)
        super().save_related(request, form, formsets, change)


@admin.register(Group)
class RoleGroupAdmin(GroupAdmin, ActingAdmin):
    pass
