"""Bring back an earlier version of a governed object, as a change of its own: checked, logged, in history.

A state is never brought back: it is the state machine's business. What has ended is not edited any more.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from gtm.core import fsm
from gtm.core.errors import GuardNotMet, InvalidInput, Problem
from gtm.core.evidence import changelog
from gtm.core.governed import GovernedModel, StatefulModel


def may_be_reverted(obj: GovernedModel) -> str | None:
    """None, or why no earlier version of the object can be brought back."""
    machine = fsm.machine_for(type(obj))
    if machine is not None and isinstance(obj, StatefulModel) and obj.state in machine.final:
        return f"It is {obj.state.replace('_', ' ')}. An object that has ended cannot be changed any more."
    return None


def revert(obj: GovernedModel, version: Any, *, comment: str) -> list[str]:
    """Set the editable fields to those of ``version``, a row of the object's history; answers which changed.

    Raises GuardNotMet where the state does not allow it or no reason is given, InvalidInput where the old
    values are no longer valid, each problem named.
    """
    if not comment.strip():
        raise GuardNotMet("Say why.", problems=[Problem("comment", "is required.", code="required")])
    with transaction.atomic():
        changelog.lock_chain(obj.change_chain())
        obj.refresh_from_db()
        if refused := may_be_reverted(obj):
            raise GuardNotMet(refused)
        old = version.instance
        changed = []
        for field in obj._meta.concrete_fields:
            if not field.editable or field.primary_key:
                continue
            if getattr(obj, field.attname) != getattr(old, field.attname):
                setattr(obj, field.attname, getattr(old, field.attname))
                changed.append(field.name)
        try:
            obj.full_clean()
        except ValidationError as error:
            problems = [Problem(f, " ".join(told)) for f, told in error.message_dict.items()]
            raise InvalidInput("The earlier values are not valid any more.", problems=problems) from error
        obj.save()
    return changed
