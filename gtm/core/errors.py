"""Errors that tell a person what was wrong, where, and what to do next.

Each carries a stable ``code``, an HTTP ``status``, a ``title`` and structured ``params``.
Interfaces (admin, REST, command line) translate them; nothing else decides on wording.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input: where (``field``), what, and what would be right.

    ``answers`` are pairs of input and value that would each settle it.
    """

    field: str
    message: str
    allowed: tuple[str, ...] = ()
    nearest: str = ""
    code: str = "invalid"
    answers: tuple[tuple[str, str], ...] = ()

    def sentence(self) -> str:
        text = self.message
        if (self.nearest or self.allowed) and not text.endswith((".", "?", "!")):
            text += "."
        if self.nearest:
            text += f" Did you mean “{self.nearest}”?"
        if self.allowed:
            text += f" Allowed: {', '.join(self.allowed)}."
        return text

    def as_dict(self) -> dict[str, Any]:
        return {k: v for k, v in asdict(self).items() if v not in ("", ()) or k in ("field", "message")}


class GtmError(Exception):
    """Base of every expected refusal."""

    code = "refused"
    status = 400
    title = "The request was refused"

    def __init__(self, detail: str, *, hint: str = "", problems: Iterable[Problem] = (), **params: Any):
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.problems = tuple(problems)
        self.params = params

    def __reduce__(self) -> tuple[Any, ...]:
        """Whole from process to process, whatever arguments a kind of refusal is made with."""
        return remade, (type(self), self.detail, self.hint, self.problems, self.params)

    def lines(self) -> list[str]:
        """Everything to tell the user, a sentence a line."""
        found = [self.detail]
        found += [f"{problem.field}: {problem.sentence()}" for problem in self.problems]
        return found + ([self.hint] if self.hint else [])


def remade(
    kind: type[GtmError], detail: str, hint: str, problems: Iterable[Problem], params: Mapping[str, Any]
) -> GtmError:
    """A refusal of another process, as it was there."""
    error = kind.__new__(kind)
    GtmError.__init__(error, detail, hint=hint, problems=problems, **params)
    return error


class InvalidInput(GtmError):
    """The input is wrong; ``problems`` names all of it, not the first."""

    code = "invalid_input"
    status = 400
    title = "The input is not valid"


class NotFound(GtmError):
    code = "not_found"
    status = 404
    title = "There is no such object"


class NotPermitted(GtmError):
    """This actor may not do this, whatever the state."""

    code = "not_permitted"
    status = 403
    title = "You are not allowed to do this"


class Unsigned(GtmError):
    """Nothing says who sent this: the signature is missing, old, or made with another secret."""

    code = "unsigned"
    status = 401
    title = "The signature does not hold"


class WaitsForSecondPerson(GtmError):
    """Nothing was changed: the change is proposed, and a second person has to agree to it."""

    code = "waits_for_second_person"
    status = 202
    title = "It waits for a second person"


class WrongState(GtmError):
    """The action is not possible from the state the object is in."""

    code = "wrong_state"
    status = 409
    title = "Not possible in this state"


class KeyReused(GtmError):
    """An idempotency key came back with another request: neither is what the caller meant."""

    code = "idempotency_key_reused"
    status = 422
    title = "This Idempotency-Key belongs to another request"


class KeyInUse(GtmError):
    """The first request with an idempotency key has no answer that can be given again."""

    code = "idempotency_key_in_use"
    status = 409
    title = "This Idempotency-Key is taken"


class StaleVersion(GtmError):
    """Somebody else changed the object first; nothing was written."""

    code = "stale_version"
    status = 412
    title = "The object has changed since you read it"


class GuardNotMet(GtmError):
    """The state is right but a condition is not; ``problems`` gives every reason."""

    code = "guard_not_met"
    status = 422
    title = "A condition is not met"


class NotNow(GtmError):
    """What was asked is right and cannot be had at this moment; asking again later may help."""

    code = "not_now"
    status = 503
    title = "Not possible at the moment"


class Forbidden(GtmError):
    """Code tried to walk around the one door (assign a state, bulk update a governed row)."""

    code = "walked_around_the_door"
    status = 500
    title = "A governed object was changed outside a transition"
