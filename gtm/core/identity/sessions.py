"""The sessions of one's own account, and how to end them."""

from __future__ import annotations

from typing import Any

from allauth.usersessions import views
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from gtm.core.evidence import accounts
from gtm.core.identity.pages import InFrame


class Sessions(InFrame, views.ListUserSessionsView):
    title = "Sessions"
    template_name = "usersessions/usersession_list.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """End one session, or all but this one. What is not of this account is not found."""
        rows = UserSession.objects.filter(user=request.user.pk)
        rows = rows.exclude(session_key=request.session.session_key)
        if chosen := request.POST.get("session", ""):
            rows = rows.filter(pk=int(chosen) if chosen.isdigit() and len(chosen) < 10 else 0)
        ended = list(rows)
        with transaction.atomic():
            for session in ended:
                session.end()
                since = f"{session.created_at:%Y-%m-%d %H:%M} UTC"
                accounts.record_sessions(request.user, f"ended: {session.ip}, since {since}")
        said = f"{len(ended)} ended." if ended else "There was no such session."
        messages.success(request, said)
        return HttpResponseRedirect(request.path)
