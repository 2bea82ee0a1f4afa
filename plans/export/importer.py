"""Taking in an exported plan: verified before it is believed, kept as a record, never run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from gtm.core import canonical
from gtm.core.errors import InvalidInput, Problem
from gtm.core.evidence.proof import Proof
from gtm.core.models import ChangeLogEntry
from plans.export import document, files, sealing, verify
from plans.models import ImportedPlan, Plan

PLAN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,59}")


def import_document(body: Any) -> ImportedPlan:
    """Keep a document as an imported record. Raises InvalidInput with every finding.

    The same document again answers the record that is there.
    """
    return take_in(body)[0]


def take_in(body: Any) -> tuple[ImportedPlan, Proof]:
    """As ``import_document``, with what the document proves and what it does not."""
    if not isinstance(body, Mapping) or not isinstance(body.get("integrity"), Mapping):
        raise InvalidInput(
            "This is not a plan JSON.", problems=[Problem("document", "it has no integrity section.")]
        )
    made = verify.prove_document(body)
    if made.findings:
        raise InvalidInput(
            "The document is not intact. It was not imported.",
            problems=[Problem(f.where, f.message) for f in made.findings],
        )
    core = {key: value for key, value in body.items() if key != verify.IMPORT_RECORD}
    _refuse_foreign(core)
    digest = canonical.digest(core)
    known = ImportedPlan.objects.filter(sha256=digest).first()
    if known is not None:
        return known, made.proof
    row = ImportedPlan(
        plan_id=core["plan_id"], sha256=digest, head=core["integrity"]["head"], status=core["status"],
        objective=core["objective"], command=core["command"]["name"],
    )  # fmt: skip
    row.save()
    _path(row).parent.mkdir(parents=True, exist_ok=True)
    _path(row).write_bytes(document.to_bytes(core))
    return row, made.proof


def _refuse_foreign(core: Mapping[str, Any]) -> None:
    """An id that is none, or that of a plan of this house whose log never said what the document says."""
    plan_id, chain = core["plan_id"], core["integrity"]["chain"]
    if not PLAN_ID.fullmatch(plan_id):
        told = f"{plan_id[:80]!r} is no id of a plan: letters, digits and hyphens, 60 at most."
    elif chain != files.PREFIX + plan_id:
        told = f"{plan_id} cannot have the change log of {chain!r}."
    elif Plan.objects.filter(plan_id=plan_id).exists() and not _is_ours(core):
        told = f"{plan_id} is a plan of this installation, and this document differs from it."
    else:
        return
    sentence = "The document was not imported."
    raise InvalidInput(sentence, problems=[Problem("plan_id", told)])


def _is_ours(core: Mapping[str, Any]) -> bool:
    """Whether the last row of the document is a row of our log, and one that we have sealed is its seal.

    The rows before are those of the log then, and the sections are those that the seal has.
    """
    integrity, seal = core["integrity"], sealing.last_seal(core["change_log"])
    ours = ChangeLogEntry.objects.filter(
        chain=integrity["chain"], sequence=integrity["length"], hash=integrity["head"]
    )
    return seal is not None and ours.exists()


def export_imported(row: ImportedPlan) -> dict[str, Any]:
    """The document as it came, with its import record: who took it in, and when."""
    body = json.loads(_path(row).read_bytes())
    body[verify.IMPORT_RECORD] = {"imported_at": canonical.rfc3339(row.created_at), "sha256": row.sha256}
    return body


def _path(row: ImportedPlan) -> Path:
    return Path(settings.GTM_DATA_DIR) / "imported" / f"{row.sha256}.json"
