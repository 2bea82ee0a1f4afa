"""Who gets in: tokens, service accounts, and the passwords that were tried. No page has a secret."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from gtm.core import access_tokens, clock
from gtm.core.admin.base import ReadOnly, acting_in_admin
from gtm.core.models import AccessToken, ServiceAccount, SignIn


class TheirOwn(ReadOnly, ModelAdmin):
    """Everybody sees the rows of their own accounts; whoever has the permission sees all."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request) and (
            obj is None or self.get_queryset(request).filter(pk=obj.pk).exists()
        )

    def sees_all(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"core.view_{self.model._meta.model_name}")


@admin.register(AccessToken)
class AccessTokenAdmin(TheirOwn):
    list_display = ["prefix", "user", "name", "may", "expires_at", "last_used_at", "state"]
    list_select_related = ["user"]
    fields = ["user", "name", "prefix", "may", "made_at", "expires_at", "last_used_at", "state"]
    search_fields = ["user__username", "name", "prefix"]
    actions = ["end_tokens"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessToken]:
        rows = super().get_queryset(request)
        own = rows.filter(user=request.user.pk) | rows.filter(user__service_account__owner=request.user.pk)
        return rows if self.sees_all(request) else own

    @admin.display(description="Scopes")
    def may(self, token: AccessToken) -> str:
        return ", ".join(token.scopes)

    @admin.display(description="State")
    def state(self, token: AccessToken) -> str:
        if token.ended_at is not None:
            return f"ended: {token.ended_why}"
        return "expired" if token.expires_at <= clock.now() else "open"

    @admin.action(description="End these tokens")
    def end_tokens(self, request: HttpRequest, rows: QuerySet[AccessToken]) -> None:
        """Everybody may end their own; the permission to delete ends those of others."""
        theirs = rows if request.user.has_perm("core.delete_accesstoken") else self._own(request, rows)
        with acting_in_admin(request):
            ended = access_tokens.end(theirs, why=f"ended by {request.user}")
        left = rows.count() - theirs.count()
        messages.success(request, f"{ended} ended.")
        if left:
            messages.error(request, f"{left} of other accounts: you need the permission to delete tokens.")

    def _own(self, request: HttpRequest, rows: QuerySet[AccessToken]) -> QuerySet[AccessToken]:
        owned = ServiceAccount.objects.filter(owner=request.user.pk).values("user")
        return rows.filter(user=request.user.pk) | rows.filter(user__in=owned)


@admin.register(ServiceAccount)
class ServiceAccountAdmin(TheirOwn):
    list_display = ["user", "owner", "purpose", "made_at"]
    list_select_related = ["user", "owner"]
    fields = ["user", "owner", "purpose", "made_at"]
    search_fields = ["user__username", "purpose"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceAccount]:
        rows = super().get_queryset(request)
        return rows if self.sees_all(request) else rows.filter(owner=request.user.pk)


@admin.register(SignIn)
class SignInAdmin(TheirOwn):
    list_display = ["at", "username", "address", "door", "outcome"]
    list_filter = ["outcome", "door"]
    fields = ["at", "username", "address", "door", "outcome"]
    search_fields = ["username", "address"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[SignIn]:
        rows = super().get_queryset(request)
        return rows if self.sees_all(request) else rows.filter(user=request.user.pk)
