"""Lists come in pages, by number or by cursor; the caller may ask for larger ones, up to a limit."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from gtm.core.errors import InvalidInput, Problem

CURSOR = "cursor"
ABOUT_CURSOR = (
    "Empty to begin. Walks the list by `next`, in the order in which its rows were made: rows that are added "
    "or go meanwhile shift none of the others. One that is being written as you pass may be missed. `count` "
    "is then null, and neither page nor ordering is taken"
)


class Pages(PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 500
    last: str | None = None
    """Where the page by cursor ended, where another follows."""
    is_by_cursor = False

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        if CURSOR not in request.query_params or getattr(view, "action", None) != "list":
            return super().paginate_queryset(queryset, request, view)
        self.is_by_cursor, self.request = True, request
        size = self.get_page_size(request)
        after = _read(request.query_params[CURSOR])
        rows = list(queryset.order_by("pk").filter(pk__gt=after)[: size + 1])
        if len(rows) > size:
            self.last = _written(rows[size - 1].pk)
        return rows[:size]

    def get_paginated_response(self, data: Any) -> Response:
        if not self.is_by_cursor:
            return super().get_paginated_response(data)
        here = self.request.build_absolute_uri()
        following = replace_query_param(here, CURSOR, self.last) if self.last else None
        return Response({"count": None, "next": following, "previous": None, "results": data})

    def get_paginated_response_schema(self, schema: Any) -> Any:
        told = super().get_paginated_response_schema(schema)
        told["properties"]["count"] |= {"nullable": True, "description": "Null where a cursor walks the list"}
        return told

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        told = super().get_schema_operation_parameters(view)
        if getattr(view, "action", None) == "list":
            schema = {"type": "string"}
            told.append({"name": CURSOR, "in": "query", "schema": schema, "description": ABOUT_CURSOR})
        return told


def _written(pk: int) -> str:
    return base64.urlsafe_b64encode(str(pk).encode()).decode().rstrip("=")


def _read(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")[:18])
    except (ValueError, binascii.Error) as error:
        problem = Problem(CURSOR, "is none of ours. Take it from `next` of the page before.")
        raise InvalidInput("The parameters of this list are wrong.", problems=[problem]) from error
