"""People in the admin: roles, approvers with their authority, absences, and dated delegations."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from gtm.core import clock
from gtm.core.admin import GovernedAdmin, GovernedInline, acting_in_admin, tell
from gtm.core.errors import GtmError, InvalidInput
from gtm.core.places.times import time_in_words
from programs import services
from programs.admin.forms import SecondPersonForm
from programs.models import Absence, Approver, Delegation, Person, Role
from programs.models.place import known_currency


@admin.register(Role)
class RoleAdmin(GovernedAdmin):
    form = SecondPersonForm
    list_display = ["name", "slug", "group", "handles_money_or_law"]
    list_filter = ["handles_money_or_law"]
    list_select_related = ["group"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}


class ApproverInline(GovernedInline):
    model = Approver
    fields = ["role", "limit_amount", "limit_currency", "valid_from", "valid_until"]


@admin.register(Person)
class PersonAdmin(GovernedAdmin):
    form = SecondPersonForm
    list_display = ["name", "email", "country", "time_zone", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "email"]
    filter_horizontal = ["accounts"]
    links_for_two = ("accounts",)
    inlines = [ApproverInline]


@admin.register(Approver)
class ApproverAdmin(GovernedAdmin):
    form = SecondPersonForm
    list_display = ["person", "role", "limit_amount", "limit_currency", "valid_from", "valid_until"]
    list_filter = ["role"]
    list_select_related = ["person", "role"]
    search_fields = ["person__name", "role__name"]
    autocomplete_fields = ["person", "role"]


@admin.register(Absence)
class AbsenceAdmin(GovernedAdmin):
    form = SecondPersonForm
    list_display = ["person", "starts_at", "ends_at", "substitute", "note"]
    list_filter = ["person"]
    list_select_related = ["person", "substitute"]
    autocomplete_fields = ["person", "substitute"]


class DelegateForm(forms.Form):
    """Whom to let decide for whom, for how long and how far. What fits is the service's business."""

    principal = forms.ModelChoiceField(Person.objects.none(), widget=UnfoldAdminSelectWidget, label="For")
    to = forms.ModelChoiceField(
        Person.objects.filter(is_active=True), widget=UnfoldAdminSelectWidget, label="Delegate"
    )
    role = forms.ModelChoiceField(Role.objects.none(), widget=UnfoldAdminSelectWidget)
    starts_at = forms.DateTimeField(label="From")
    ends_at = forms.DateTimeField(label="Until", help_text="Every delegation must have an end")
    amount_cap = forms.DecimalField(
        required=False,
        min_value=0,
        widget=UnfoldAdminTextInputWidget,
        help_text="A sum a year. Leave it empty for the lower limit of the two people",
    )
    currency = forms.CharField(
        max_length=80, initial="USD", validators=[known_currency], widget=UnfoldAdminTextInputWidget
    )
    commands = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Only for these commands, separated by commas: plugin:name, or a name for "
        "the commands of that name of every plugin. Empty: every command",
    )
    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))

    def __init__(self, user: Any, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for name in ("starts_at", "ends_at"):
            told, zone = self.fields[name].help_text, timezone.get_current_timezone_name()
            self.fields[name].help_text = f"{told}. In {zone}".removeprefix(". ")
        for name in ("starts_at", "ends_at"):
            self.fields[name].widget = UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})
        principals = Person.objects.filter(is_active=True, approverships__isnull=False).distinct()
        if not user.has_perm("programs.change_delegation"):
            principals = principals.filter(accounts=user)
        self.fields["principal"].queryset = principals
        self.fields["role"].queryset = Role.objects.filter(approvers__person__in=principals).distinct()

    def clean_commands(self) -> list[str]:
        return [name.strip() for name in self.cleaned_data["commands"].split(",") if name.strip()]


@admin.register(Delegation)
class DelegationAdmin(GovernedAdmin):
    """Made by the service and revoked, never edited: who decided for whom must stay readable."""

    list_display = [
        "principal",
        "delegate",
        "role",
        "amount_cap",
        "currency",
        "starts_at",
        "ends_at",
        "revoked_at",
    ]
    list_filter = ["role", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["principal", "delegate", "role"]
    search_fields = ["principal__name", "delegate__name", "reason"]
    change_form_outer_before_template = "programs/_delegation_revoke.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_import_permission(self, request: HttpRequest) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        revoke = self.admin_site.admin_view(require_POST(self.revoke))
        return [path("<int:pk>/revoke/", revoke, name="programs_delegation_revoke"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied("You need the permission to delegate.")
        given = {name: request.GET[name] for name in ("principal", "commands") if name in request.GET}
        given |= {"role": Role.objects.filter(slug=request.GET.get("role", "")).first()}
        start = timezone.localtime(clock.now()).strftime("%Y-%m-%dT%H:%M")
        initial = {"starts_at": start, "principal": _own(request.user), **given}
        form = DelegateForm(request.user, request.POST or None, initial=initial)
        if request.method == "POST" and form.is_valid() and self._delegate(request, form):
            return HttpResponseRedirect(_next(request))
        return self.page(request, "programs/delegate.html", "Delegate", form=form, next=_next(request))

    def _delegate(self, request: HttpRequest, form: DelegateForm) -> bool:
        told = dict(form.cleaned_data)
        try:
            with acting_in_admin(request, told["reason"]):
                row = services.delegate(**told)
        except InvalidInput as error:
            for problem in error.problems:
                form.add_error(problem.field if problem.field in form.fields else None, problem.sentence())
            return False
        messages.success(
            request, f"{row}, until {time_in_words(row.ends_at)}. Open rounds take it into account."
        )
        return True

    def revoke(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The principal, or a steward, ends it now."""
        row = Delegation.objects.select_related("principal", "delegate", "role").filter(pk=pk).first()
        if row is None or not may_revoke(request.user, row):
            raise PermissionDenied("Only the principal and people who manage people can revoke a delegation.")
        try:
            with acting_in_admin(request, request.POST.get("comment", "").strip() or "Revoked"):
                services.revoke(row)
        except GtmError as error:
            tell(request, error)
        else:
            messages.success(request, f"Revoked: {row}.")
        return HttpResponseRedirect(_next(request))

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, str(object_id)) if object_id else None
        shown = {"may_revoke": row is not None and row.revoked_at is None and may_revoke(request.user, row)}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **shown})


def may_revoke(user: Any, row: Delegation) -> bool:
    return user.has_perm("programs.change_delegation") or row.principal.accounts.filter(pk=user.pk).exists()


def _own(user: Any) -> int | None:
    """The person of this account that holds a role, to start from."""
    mine = Person.objects.filter(Q(accounts=user), is_active=True, approverships__isnull=False).first()
    return mine.pk if mine else None


def _next(request: HttpRequest) -> str:
    """Back to where the person came from, inside this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return wanted
    return reverse("admin:programs_delegation_changelist")
