"""Taking in an exported plan: verified before it is believed, kept as a record, never run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from gtm.core import canonical
from gtm.core.errors import InvalidInput, Problem
from plans.export import document, verify
from plans.models import ImportedPlan


def import_document(body: Any) -> ImportedPlan:
    """Keep a document as an imported record. Raises InvalidInput with every finding.

    The same document again answers the record that is there.
    """
    if not isinstance(body, Mapping) or not isinstance(body.get("integrity"), Mapping):
        raise InvalidInput(
            "This is not a plan JSON.", problems=[Problem("document", "it has no integrity section.")]
        )
    if found := verify.verify_document(body):
        raise InvalidInput(
            "The document is not intact. It was not imported.",
            problems=[Problem(f.where, f.message) for f in found],
        )
    core = {key: value for key, value in body.items() if key != verify.IMPORT_RECORD}
    digest = canonical.digest(core)
    known = ImportedPlan.objects.filter(sha256=digest).first()
    if known is not None:
        return known
    row = ImportedPlan(
        plan_id=core["plan_id"], sha256=digest, head=core["integrity"]["head"], status=core["status"],
        objective=core["objective"], command=core["command"]["name"],
    )  # fmt: skip
    row.save()
    _path(row).parent.mkdir(parents=True, exist_ok=True)
    _path(row).write_bytes(document.to_bytes(core))
    return row


def export_imported(row: ImportedPlan) -> dict[str, Any]:
    """The document as it came, with its import record: who took it in, and when."""
    body = json.loads(_path(row).read_bytes())
    body[verify.IMPORT_RECORD] = {"imported_at": canonical.rfc3339(row.created_at), "sha256": row.sha256}
    return body


def _path(row: ImportedPlan) -> Path:
    return Path(settings.GTM_DATA_DIR) / "imported" / f"{row.sha256}.json"
