"""What a forger with the file and the code can do, without the key and without the database."""

from gtm.core.evidence import changelog
from plans.export import document, sealing


def sealed_anew(body):
    """Digests and seal of the file fit again; the chain is left alone."""
    body["integrity"]["sections"] = document.section_digests(body)
    body["integrity"]["seal"] = document.seal(body["integrity"])
    return document.to_bytes(body)


def chained_anew(body):
    """Every row of the change log is hashed anew, and the file fits to it."""
    previous = changelog.GENESIS
    for number, row in enumerate(body["change_log"], start=1):
        row["previous_hash"], row["sequence"] = previous, number
        row["payload_hash"] = changelog.payload_hash(row["salt"], row)
        previous = row["hash"] = changelog.entry_hash(previous, row, row["payload_hash"])
    body["integrity"].update(head=previous, length=len(body["change_log"]))
    return sealed_anew(body)


def rewritten(body):
    """The whole story is told anew: every seal is that of this text, and the chain fits."""
    for row in body["change_log"]:
        if row["event"] == "sealed":
            row["to"] = sealing.digests(body)
    body["integrity"]["anchors"] = []
    return chained_anew(body)


def as_before_seals(body, *, is_sealed_since=False):
    """The document as a version wrote it that sealed nothing and said less in rows of creations."""
    body["change_log"] = [row for row in body["change_log"] if is_sealed_since or row["event"] != "sealed"]
    for row in body["change_log"]:
        row["to"] = None if row["event"] == "created" else row["to"]
    body["integrity"]["anchors"] = []
    return chained_anew(body)
