"""What is ours and no partner's: of data, programs and other partners a contact reads nothing over REST."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from gtm.core.errors import NotPermitted
from programs.selectors import is_partners_contact

NOT_FOR_THEM = "This is not for people who speak for a partner."


class OurPeople(BasePermission):
    """For views that are no list of objects."""

    message = NOT_FOR_THEM

    def has_permission(self, request: Request, view: Any) -> bool:
        return not is_partners_contact(request.user)


class ForOurPeople(GenericViewSet):
    """Whatever groups the account of a partner's contact is in: lists are empty, and it makes nothing."""

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        is_list = self.detail or self.action == "list"
        if not is_list and request.user.is_authenticated and is_partners_contact(request.user):
            raise NotPermitted(NOT_FOR_THEM)

    def filter_queryset(self, queryset: Any) -> Any:
        found = super().filter_queryset(queryset)
        return found.none() if is_partners_contact(self.request.user) else found
