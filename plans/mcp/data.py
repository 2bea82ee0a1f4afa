"""Data that an agent brings: looked at first, then loaded with the same words."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from django.core import signing

from gtm.core import actors, canonical
from gtm.core.errors import InvalidInput, NotFound, NotPermitted, Problem
from programs.datasets import Source
from programs.datasets.loading.limits import CHOICES
from programs.models import Partner, Program
from programs.previews import FIND, preview_dataset
from programs.selectors import is_partners_contact
from programs.series import DataSeries, answer_of_dataset, snapshot_store
from programs.services import load_dataset as load

MOST_BYTES = 3 * 2**20
"""Of a file inside a message; a message has 4 MiB, and base64 is a third longer than what it holds."""
FORMS = ("text", "base64")
LOOKED = "plans.mcp.data.looked"


def load_dataset(
    program: str,
    file_name: str,
    content: str,
    form: str = "text",
    kind: str = "",
    partner: str = "",
    series: str = "",
    profile: str = "",
    mapping: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    look: str = "",
) -> dict[str, Any]:
    """Look at a file, then load it: the first call stores nothing, the second sends the `look` it answered.

    A look says what the columns mean, what would change, and in `questions` what a load would refuse. It
    answers a `look` once the kind is said and no question is open. Loading takes the same file and words.
    """
    _may_load()
    place, of_partner = _program(program), _partner(partner)
    _check(form, options or {})
    raw = _bytes(content, form)
    words: dict[str, Any] = {
        "program": program, "partner": partner, "kind": kind, "profile": profile,
        "mapping": dict(mapping or {}), "options": dict(options or {}),
    }  # fmt: skip
    told: dict[str, Any] = {"program": place, "partner": of_partner, "profile": profile}
    told |= {"mapping": words["mapping"], **words["options"]}
    there = DataSeries(place, of_partner, None, kind).current() if kind else None
    seen_with = {"sha256": sha256(raw).hexdigest(), "file_name": file_name, "current": there and there.pk}
    seal = _seal(words | seen_with)
    with _as_file(raw, file_name) as source:
        if not look:
            seen = preview_dataset(kind, [source], **told)
            is_settled = kind and profile != FIND and not seen["questions"]
            return {"stored": False, "look": seal if is_settled else "", **seen}
        if look != seal:
            said = "is of another file, other words or other current data: look again, and send its answer."
            raise InvalidInput(
                "This file was not looked at.", problems=[Problem("look", said, code="not_seen")]
            )
        dataset, _ = load(kind, [source], series=series, **told)
    told_back = {"dataset": dataset.pk, "kind": dataset.kind, "rows": dataset.rows, "sha256": dataset.sha256}
    return canonical.plain({"stored": True, **told_back, "answer": answer_of_dataset(dataset)})


def _may_load() -> None:
    account = actors.current().actor.user
    if not account.has_perm("programs.add_dataset") or is_partners_contact(account):
        raise NotPermitted("This account may not load data.", hint="Ask operations for the permission.")


def _program(slug: str) -> Program:
    found = Program.objects.filter(slug=slug).first()
    if found is None:
        known = tuple(Program.objects.order_by("slug").values_list("slug", flat=True)[:20])
        problem = Problem("program", f"“{slug}” is unknown.", known, code="unknown")
        raise NotFound("There is no such program.", problems=[problem])
    return found


def _partner(slug: str) -> Partner | None:
    if not slug:
        return None
    found = Partner.objects.filter(slug=slug).first()
    if found is None:
        problem = Problem("partner", f"“{slug}” is unknown.", code="unknown")
        raise NotFound("There is no such partner.", problems=[problem])
    return found


def _check(form: str, options: Mapping[str, str]) -> None:
    known = tuple(choice.name for choice in CHOICES)
    problems = [
        Problem("options", f"“{name}” is no option of a load.", known, code="unknown")
        for name in options
        if name not in known
    ]
    if form not in FORMS:
        problems.append(Problem("form", f"“{form}” is not a form of content.", FORMS, code="unknown"))
    if problems:
        raise InvalidInput("The file cannot be looked at.", problems=problems)


def _bytes(content: str, form: str) -> bytes:
    try:
        raw = content.encode() if form == "text" else base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        problem = Problem("content", f"is not {form}: {error}")
        raise InvalidInput("The content cannot be read.", problems=[problem]) from error
    if len(raw) > MOST_BYTES:
        said = f"has {len(raw):,} bytes; an agent sends at most {MOST_BYTES:,}. Larger files go over REST."
        raise InvalidInput("The file is too large.", problems=[Problem("content", said)])
    return raw


def _seal(words: Mapping[str, Any]) -> str:
    """What only this site can say of these words: that it has looked at them."""
    return signing.Signer(salt=LOOKED).signature(canonical.digest(words))


@contextmanager
def _as_file(raw: bytes, name: str) -> Iterator[Source]:
    shown = PurePosixPath(PureWindowsPath(name).name).name or "file"
    with snapshot_store().workspace() as directory:
        path = directory / "file"
        path.write_bytes(raw)
        yield Source(path, name=shown)
