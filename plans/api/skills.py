"""The procedures of the product, to read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core.api.views import ActingMixin
from gtm.core.errors import NotFound, Problem
from plans.schemas import skills
from plans.schemas.inputs import nearest


def describe(skill: skills.Skill) -> dict[str, Any]:
    """A procedure with its digests, and which step of which command does each point."""
    points = [
        asdict(point) | {"passage_sha256": point.passage_digest, "steps": [asdict(by) for by in point.steps]}
        for point in skill.points
    ]
    return asdict(skill) | {"digest": skill.digest, "points": points}


class SkillViewSet(ActingMixin, viewsets.ViewSet):
    permission_classes = [IsAuthenticated]
    lookup_field = "name"
    lookup_value_regex = "[a-z0-9-]+"

    @extend_schema(responses={200: dict}, operation_id="skills_list")
    def list(self, request: Request) -> Response:
        found = [describe(skill) for skill in skills.every().values()]
        return Response({"count": len(found), "next": None, "previous": None, "results": found})

    @extend_schema(responses={200: dict}, operation_id="skills_retrieve")
    def retrieve(self, request: Request, name: str) -> Response:
        known = skills.every()
        if name not in known:
            problem = Problem(
                "name", f"“{name}” is no skill.", tuple(known), nearest(name, tuple(known)), "unknown"
            )
            raise NotFound(f"There is no skill {name}.", problems=[problem])
        return Response(describe(known[name]))
