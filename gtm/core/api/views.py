"""Bases of the REST views: who is acting, and create, read, update for governed objects."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, permissions, status, viewsets
from rest_framework.authentication import SessionAuthentication
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView

from gtm.core import request_ids
from gtm.core.actors import REST, Actor, acting_as
from gtm.core.api import etag, idempotency
from gtm.core.api.authentication import check_scope
from gtm.core.api.query import check_query, wanted_fields
from gtm.core.evidence import changelog, refusals
from gtm.core.identity.in_session import actor_in

REASON_HEADER = "X-Change-Reason"
"""Why, where the body of a call has no place for it; it stands in the change log."""


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


class Needs(permissions.BasePermission):
    """One of the permissions ``any_of``; where ``to_read`` is false, only what changes something asks."""

    any_of: tuple[str, ...] = ()
    to_read = True

    def has_permission(self, request: Request, view: Any) -> bool:
        if not self.to_read and request.method in permissions.SAFE_METHODS:
            return True
        return any(request.user.has_perm(name) for name in self.any_of)


class ActingMixin(APIView):
    """Records every change as made by the caller. A session is a person, and a token is not.

    A POST with an ``Idempotency-Key`` is done once; actions in ``keeps_own_keys`` see to it themselves.
    """

    keeps_own_keys: frozenset[str] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_scope(request, self)
        if getattr(self, "action", None) not in self.keeps_own_keys:
            self.claimed = idempotency.claim(request)
        self.acting_stack = ExitStack()
        if request.user.is_authenticated:
            reason = request.headers.get(REASON_HEADER, "").strip()[:2000]
            self.acting_stack.enter_context(acting_as(actor_of(request), reason))
            self.acting_stack.enter_context(refusals.on_record())

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        if hasattr(self, "acting_stack"):
            self.acting_stack.close()
        if (claimed := getattr(self, "claimed", None)) is not None:
            idempotency.settle(claimed, response)
        answer = super().finalize_response(request, response, *args, **kwargs)
        if rate := getattr(request, "rate_limit", None):
            for name, value in zip(("Limit", "Remaining", "Reset"), rate, strict=True):
                answer[f"RateLimit-{name}"] = str(value)
        return answer

    def handle_exception(self, exc: Exception) -> Response:
        return exc.response if isinstance(exc, idempotency.Replayed) else super().handle_exception(exc)


def actor_of(request: Request) -> Actor:
    if isinstance(request.successful_authenticator, SessionAuthentication):
        return actor_in(request, REST)
    return Actor.of_user(request.user, REST, request_id=request_ids.current())


class GovernedReadViewSet(ActingMixin, viewsets.ReadOnlyModelViewSet):
    permission_classes = [ModelPermissions]
    has_etags = True

    def etag_of(self, obj: Any) -> str:
        return etag.of_body(self.get_serializer(obj).data)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        check_query(request, self)
        wanted = wanted_fields(request, self.get_serializer().fields)
        answer = super().list(request, *args, **kwargs)
        answer.data["results"] = [only(wanted, row) for row in answer.data["results"]]
        tag = etag.of_body(answer.data)
        if etag.not_modified(request, tag):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
        answer["ETag"] = tag
        return answer

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(self.get_object())
        wanted = wanted_fields(request, serializer.fields)
        tag = etag.of_body(serializer.data)  # of all of it: a change names the version by it
        if etag.not_modified(request, tag):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
        return Response(only(wanted, serializer.data), headers={"ETag": tag})


def only(names: tuple[str, ...], row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: row[name] for name in names} if names else row


class WorkViewSet(GovernedReadViewSet):
    """Actions on one object. The body and If-Match are checked, and then the engine is called once."""

    list_serializer_class: Any

    def get_serializer_class(self) -> Any:
        return self.list_serializer_class if self.action == "list" else self.serializer_class

    def checked(
        self, request: Request, serializer_class: Any, *, instead: str = ""
    ) -> tuple[Any, dict[str, Any]]:
        """``instead``: If-Match is required unless the body's field of that name says what was seen."""
        body = serializer_class(data=request.data)
        body.is_valid(raise_exception=True)
        obj = self.get_object()
        required = bool(instead) and not body.validated_data.get(instead)
        etag.check_match(request, self.etag_of(obj), required=required)
        return obj, body.validated_data

    def answer(self, obj: Any) -> Response:
        data = self.get_serializer(self.get_queryset().get(pk=obj.pk)).data
        return Response(data, headers={"ETag": etag.of_body(data)})


class ActionViewSet(GovernedReadViewSet):
    """Actions on one object without If-Match."""

    def opened(self, request: Request, serializer_class: Any) -> tuple[Any, dict[str, Any]]:
        """The object and the checked body of an action on it."""
        body = serializer_class(data=request.data)
        body.is_valid(raise_exception=True)
        return self.get_object(), body.validated_data


class GovernedViewSet(
    mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin, GovernedReadViewSet
):
    """Create, read, update and delete, with permissions. A change needs If-Match. There is a history."""

    permission_classes = [CrudPermissions]

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            obj = serializer.save()
        return self._answer(obj, status.HTTP_201_CREATED)

    def update(self, request: Request, *args: Any, partial: bool = False, **kwargs: Any) -> Response:
        with transaction.atomic():
            obj = self._locked(request)
            serializer = self.get_serializer(obj, data=request.data, partial=partial)
            serializer.is_valid(raise_exception=True)
            serializer.save()
        return self._answer(obj, status.HTTP_200_OK)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with transaction.atomic():
            self._locked(request).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _locked(self, request: Request) -> Any:
        """The object as the caller knows it, and nobody changes it before we have."""
        changelog.lock_chain(self.get_object().change_chain())
        obj = self.get_object()
        etag.check_match(request, self.etag_of(obj), required=True)
        return obj

    def _answer(self, obj: Any, code: int) -> Response:
        data = self.get_serializer(self.get_queryset().get(pk=obj.pk)).data
        return Response(data, status=code, headers={"ETag": etag.of_body(data)})

    @extend_schema(responses={200: dict}, filters=False)
    @action(detail=True, methods=["get"])
    def history(self, request: Request, **kwargs: Any) -> Response:
        """Who changed what, when and why, newest first."""
        rows = self.get_object().history.select_related("history_user").order_by("-history_id")
        page = self.paginate_queryset(rows)
        shown = self._history_serializer()(page, many=True).data
        return self.get_paginated_response(
            [_history_row(row, values) for row, values in zip(page, shown, strict=True)]
        )

    def _history_serializer(self) -> type[ModelSerializer]:
        """What the object's own serializer shows, as far as a row of history knows it."""
        row_model = self.get_queryset().model.history.model
        known = {field.name for field in row_model._meta.get_fields()}
        fields = [name for name in self.get_serializer_class().Meta.fields if name in known]
        meta = type("Meta", (), {"model": row_model, "fields": fields})
        return type("HistoryRowSerializer", (ModelSerializer,), {"Meta": meta})


def _history_row(row: Any, values: Any) -> dict[str, Any]:
    return {
        "at": row.history_date,
        "by": row.history_user.get_username() if row.history_user else "system",
        "kind": row.get_history_type_display(),
        "reason": row.history_change_reason or "",
        "values": values,
    }
