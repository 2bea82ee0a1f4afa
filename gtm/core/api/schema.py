"""The OpenAPI document with what every address has in common: refusals, headers, and where null stands."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework import serializers

from gtm.core.api.problem import MEDIA_TYPE
from gtm.core.api.query import ABOUT_FIELDS, FIELDS

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
REFUSALS = {
    "202": "It waits for a second person. Nothing has changed yet",
    "400": "The input is not valid; `errors` has one entry for each bad field",
    "401": "Say who you are: a token or a session",
    "403": "Your account may not do this",
    "404": "There is no such object",
    "406": "This is not available in the format you accept",
    "409": "Not possible in this state, or it conflicts with another object",
    "412": "The object has changed since you read it. Nothing was written",
    "413": "The body is too large",
    "415": "The media type of the body is none that is read here",
    "422": "A condition is not met; nothing was written",
    "428": "Say which version you are changing: `If-Match`",
    "429": "Too many requests; `Retry-After` says when to try again",
    "503": "The database did not answer",
}
ALWAYS = ("401", "403", "406", "429", "503")
_TEXT = {"type": "string"}

FIELD_PROBLEM = {
    "type": "object",
    "description": "One thing wrong with the input",
    "properties": {
        "field": {**_TEXT, "description": "Its name; nested ones with dots"},
        "message": {**_TEXT, "description": "What is wrong"},
        "detail": {**_TEXT, "description": "The same as a whole sentence, with what would be right"},
        "code": {**_TEXT, "description": "The kind of the fault, for programs"},
        "allowed": {"type": "array", "items": _TEXT, "description": "The values that are allowed"},
        "nearest": {**_TEXT, "description": "The allowed value that is most like it"},
        "answers": {"type": "array", "items": {}, "description": "Inputs and values that would settle it"},
        "pointer": {**_TEXT, "description": "JSON Pointer (RFC 6901) into what was sent"},
    },
    "required": ["field", "message", "detail"],
}
PROBLEM = {
    "type": "object",
    "description": "A refusal (RFC 9457)",
    "properties": {
        "type": {**_TEXT, "format": "uri", "description": "The kind of the refusal, for programs"},
        "title": {**_TEXT, "description": "The kind in words"},
        "status": {"type": "integer", "description": "The HTTP status"},
        "detail": {**_TEXT, "description": "What happened this time"},
        "hint": {**_TEXT, "description": "What to do next"},
        "request_id": {**_TEXT, "description": "The id of the request, as in X-Request-ID"},
        "errors": {"type": "array", "items": FIELD_PROBLEM, "description": "One entry for each bad field"},
    },
    "required": ["type", "title", "status"],
}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": _TEXT}


REQUEST_ID = _header("The id that this request has in the logs, yours or ours")
ETAG = _header("The version of what you read; send it as If-Match to change it")

KEY = (
    "The same key does this once: sent again within a day, the answer of the first request comes back, with "
    "`Idempotent-Replayed`. An answer with a secret does not, it is 409"
)


class TruthfulSchema(AutoSchema):
    """Adds to each operation how it may refuse, and its headers."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        if self.method == "GET" and getattr(self.view, "has_etags", False):
            operation["responses"]["304"] = {"description": "You have this version: `If-None-Match`"}
            self._ask(operation, "If-None-Match", "An ETag that you have; where it holds, the answer is 304")
            if getattr(self.view, "action", "") in ("list", "retrieve"):
                self._ask(operation, FIELDS, ABOUT_FIELDS, where="query")
        if self.method in ("PUT", "PATCH", "DELETE") and hasattr(self.view, "lookup_field"):
            self._ask(operation, "If-Match", "The ETag of the object as you read it", required=True)
        if self.method == "POST" and hasattr(self.view, "keeps_own_keys"):
            self._ask(operation, "Idempotency-Key", KEY)
        for response in operation["responses"].values():
            headers = response.setdefault("headers", {})
            headers["X-Request-ID"] = self._component("RequestId", ResolvedComponent.HEADER, REQUEST_ID)
            if getattr(self.view, "has_etags", False):
                headers["ETag"] = self._component("ETag", ResolvedComponent.HEADER, ETAG)
        for code in self._refusals(operation):
            operation["responses"].setdefault(code, self._refusal(code))
        operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def _refusals(self, operation: dict[str, Any]) -> set[str]:
        codes = {*ALWAYS}
        if self.method in UNSAFE:
            codes |= {"202", "400", "409", "412", "422", "428"}
            codes |= {"413", "415"} if "requestBody" in operation else set()
        if operation.get("parameters"):
            codes |= {"400"} if self.method == "GET" else set()
        is_mine = getattr(self.view, "is_of_a_person", False)
        if "{" in self.path or self.method in UNSAFE or is_mine or self._names_something(operation):
            codes.add("404")
        return codes

    def _names_something(self, operation: dict[str, Any]) -> bool:
        """By a parameter: the page of a list, or one that has to be said."""
        told = [p for p in operation.get("parameters", ()) if p["in"] == "query"]
        return any(parameter["name"] == "page" or parameter.get("required") for parameter in told)

    def _ask(
        self,
        operation: dict[str, Any],
        name: str,
        about: str,
        *,
        required: bool = False,
        where: str = "header",
    ) -> None:
        parameters = operation.setdefault("parameters", [])
        if not any(parameter["name"] == name for parameter in parameters):
            parameter = {"in": where, "name": name, "schema": _TEXT, "description": about}
            parameters.append(parameter | ({"required": True} if required else {}))

    def _refusal(self, code: str) -> dict[str, Any]:
        problem = self._component("Problem", ResolvedComponent.SCHEMA, PROBLEM)
        told = {
            "description": REFUSALS[code],
            "headers": {"X-Request-ID": self._component("RequestId", ResolvedComponent.HEADER, REQUEST_ID)},
            "content": {MEDIA_TYPE: {"schema": problem}},
        }
        return self._component(f"Refusal{code}", ResolvedComponent.RESPONSE, told)

    def _component(self, name: str, kind: str, schema: dict[str, Any]) -> dict[str, str]:
        make: Any = ResolvedComponent  # the library has no types
        component = make(name=name, type=kind, schema=schema, object=f"{kind} {name}")
        self.registry.register_on_missing(component)
        return component.ref

    def _map_serializer_field(self, field: Any, direction: str, bypass_extensions: bool = False) -> Any:
        """A related object that may be missing is null, also where the field is only shown."""
        mapped: Any = super()._map_serializer_field
        schema = mapped(field, direction, bypass_extensions)
        if isinstance(field, serializers.RelatedField) and schema and _may_be_missing(field):
            return {**schema, "nullable": True}
        return schema


def _may_be_missing(field: Any) -> bool:
    """Whether some relation on the way to the field may be empty."""
    parent = field.parent
    model = getattr(getattr(parent, "Meta", None), "model", None)
    if not (isinstance(model, type) and issubclass(model, Model)) or not field.read_only:
        return False
    for name in (field.source or field.field_name).split("."):
        try:
            step = model._meta.get_field(name)
        except FieldDoesNotExist:
            return False
        if getattr(step, "null", False):
            return True
        model = step.related_model
        if model is None:
            return False
    return False
