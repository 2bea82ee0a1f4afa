"""Launch material in the admin: templates with a preview that can do nothing, and launch profiles."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html

from gtm.core import clock
from gtm.core.admin import GovernedAdmin
from gtm.core.admin.lines import AS_LINES
from programs.analytics.templating import TemplatingError
from programs.models import LaunchProfile, MessageTemplate
from programs.outreach.communications import preview

HELP = {
    "destinations": "One per line: “terms: https://…” gives {{ link.terms }}",
    "vocabulary": "The values that a tag may have: “utm_source:”, then one value per line, after a dash",
    "copy": (
        "Words for templates, one per line: “reward: $50” gives {{ copy.reward }}. Write "
        "a list as lines that begin with a dash"
    ),
    "allowed_hosts": (
        "Hosts that link checks may visit, one per line, after a dash: “- join.example.com”. Their browser "
        "loads scripts and frames of these alone: add your tag manager, such as www.googletagmanager.com, "
        "your tool of consent and the services that your forms need"
    ),
}


@admin.register(MessageTemplate)
class MessageTemplateAdmin(GovernedAdmin):
    list_display = [
        "title",
        "key",
        "channel",
        "segment",
        "variant",
        "locale",
        "program_kind",
        "is_active",
        "version",
        "look",
    ]
    list_filter = ["program_kind", "channel", "asset", "locale", "is_active"]
    search_fields = ["title", "key", "text", "html"]
    readonly_fields = ["look"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "title",
                    "key",
                    "asset",
                    "form",
                    "channel",
                    "most_characters",
                    "segment",
                    "variant",
                    "locale",
                    "program_kind",
                    "is_active",
                ]
            },
        ),
        (
            "Words",
            {
                "fields": ["subject", "preheader", "html", "text", "look"],
                "description": "Jinja: {{ program.name }}, {{ owner.name }}, {{ launch_date }}, "
                "{{ audience.name }}, {{ code_parameter }}; {{ copy.… }} and {{ link.landing }} or another "
                "destination come from the launch profile, links tagged; {{ token.… }} is what the mailing "
                "tool fills in, {{ personal.landing }} the recipient's own link. A partner kit is made for "
                "each partner of the program, {{ partner.name }}, with links of its own. What is not "
                "filled stops the kit.",
            },
        ),
        ("Tracking", {"fields": ["utm_source", "utm_medium"]}),
    ]

    @admin.display(description="Preview")
    def look(self, template: MessageTemplate) -> str:
        if template.pk is None:
            return "After saving."
        url = reverse("admin:programs_messagetemplate_preview", args=[template.pk])
        return format_html('<a href="{}">Preview</a>', url)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.preview)
        return [path("<int:pk>/preview/", view, name="programs_messagetemplate_preview"), *super().get_urls()]

    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The template with the copy of a program of its kind, or everything that is not filled."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        template = MessageTemplate.objects.filter(pk=pk).first()
        if template is None:
            raise Http404("There is no such template.")
        profiles = LaunchProfile.objects.filter(program__kind=template.program_kind)
        profiles = list(profiles.select_related("program", "program__owner").order_by("program__name"))
        wanted = request.GET.get("program", "")
        profile = next((p for p in profiles if p.program.slug == wanted), next(iter(profiles), None))
        pieces, problems = [], ("No program of this kind has a launch profile to fill it from.",)
        if profile:
            try:
                pieces, problems = preview(template, profile, clock.now().date()), ()
            except TemplatingError as error:
                problems = error.problems
        context = {
            **self.admin_site.each_context(request),
            "title": f"Preview: {template.title}",
            "template": template,
            "profiles": profiles,
            "profile": profile,
            "pieces": pieces,
            "problems": problems,
        }
        return TemplateResponse(request, "programs/message_preview.html", context)


@admin.register(LaunchProfile)
class LaunchProfileAdmin(GovernedAdmin):
    formfield_overrides = AS_LINES
    list_display = ["program", "landing_url", "locale", "version"]
    list_select_related = ["program"]
    autocomplete_fields = ["program"]
    fieldsets = [
        (None, {"fields": ["program", "copy", "tokens", "mailing_tools"]}),
        ("Languages", {"fields": ["locale", "locales", "translations", "reviewers"]}),
        ("Schedule", {"fields": ["buffer_days", "shares", "least_readiness"]}),
        ("Links", {"fields": ["landing_url", "destinations", "code_parameter", "vocabulary"]}),
        (
            "Checks",
            {
                "fields": [
                    "allowed_hosts",
                    "test_code",
                    "delivers_test_form",
                    "collectors",
                    "slowest_seconds",
                ]
            },
        ),
    ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, help_texts=HELP, **kwargs)
