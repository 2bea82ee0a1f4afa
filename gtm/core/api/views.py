"""Bases of the REST views: who is acting, and create, read, update for governed objects."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, permissions, status, viewsets
from rest_framework.authentication import SessionAuthentication
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer

from gtm.core.actors import REST, Actor, acting_as
from gtm.core.api import etag


class ModelPermissions(permissions.DjangoModelPermissions):
    """Reading asks for the view permission, too: least privilege a role."""

    perms_map = {
        **permissions.DjangoModelPermissions.perms_map,
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
        "POST": ["%(app_label)s.view_%(model_name)s"],
    }


class CrudPermissions(ModelPermissions):
    perms_map = {**ModelPermissions.perms_map, "POST": ["%(app_label)s.add_%(model_name)s"]}


class ActingMixin:
    """Everything a view changes is the caller's doing; a session is a person present, a token is not."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.acting_stack = ExitStack()
        if request.user.is_authenticated:
            self.acting_stack.enter_context(acting_as(actor_of(request)))

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        if hasattr(self, "acting_stack"):
            self.acting_stack.close()
        return super().finalize_response(request, response, *args, **kwargs)


def actor_of(request: Request) -> Actor:
    interactive = isinstance(request.successful_authenticator, SessionAuthentication)
    request_id = request.headers.get("X-Request-ID", "")[:100] or uuid.uuid4().hex
    return Actor.of_user(request.user, REST, interactive=interactive, request_id=request_id)


class GovernedReadViewSet(ActingMixin, viewsets.ReadOnlyModelViewSet):
    permission_classes = [ModelPermissions]

    def etag_of(self, obj: Any) -> str:
        return etag.tag(obj.version)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        obj = self.get_object()
        tag = self.etag_of(obj)
        if etag.not_modified(request, tag):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
        return Response(self.get_serializer(obj).data, headers={"ETag": tag})


class GovernedViewSet(
    mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin, GovernedReadViewSet
):
    """Create, read, update, delete under permissions; a change needs If-Match; history beside it."""

    permission_classes = [CrudPermissions]

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        etag.check_match(request, self.etag_of(self.get_object()), required=True)
        response = super().update(request, *args, **kwargs)
        response["ETag"] = self.etag_of(self.get_object())
        return response

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        etag.check_match(request, self.etag_of(self.get_object()), required=True)
        return super().destroy(request, *args, **kwargs)

    @extend_schema(responses={200: dict}, filters=False)
    @action(detail=True, methods=["get"])
    def history(self, request: Request, **kwargs: Any) -> Response:
        """Who changed what, when and why, newest first."""
        rows = self.get_object().history.select_related("history_user").order_by("-history_id")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response([self._history_row(row) for row in page])

    def _history_row(self, row: Any) -> dict[str, Any]:
        serializer_class = self.get_serializer_class()
        fields = [f for f in serializer_class.Meta.fields if hasattr(row, f)]
        meta = type("Meta", (), {"model": type(row), "fields": fields})
        values = type("HistoryRow", (ModelSerializer,), {"Meta": meta})(row).data
        return {
            "at": row.history_date,
            "by": row.history_user.get_username() if row.history_user else "system",
            "kind": row.get_history_type_display(),
            "reason": row.history_change_reason or "",
            "values": values,
        }
