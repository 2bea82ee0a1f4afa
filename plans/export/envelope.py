"""A plan JSON as a DSSE envelope: signed as a whole with the installation's keys, with a timestamp if asked.

The envelope is that of secure-systems-lab/dsse: its payload is the very bytes of the plan JSON. A timestamp
(RFC 3161) stands beside it, over the RFC 8785 form of the envelope without timestamps, so it covers the
document and the signatures. Readers that know only DSSE pass over it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gtm.core import canonical
from gtm.core.errors import GuardNotMet
from gtm.core.evidence import keys, signatures, timestamps
from gtm.core.evidence.notes import SIGNATURE, NoteKey, PrivateKey
from gtm.core.evidence.proof import Proof
from gtm.core.evidence.signatures import name_of
from gtm.core.later import later

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from securesystemslib import dsse, exceptions
    from securesystemslib.signer import _crypto_signer as signing
    from securesystemslib.signer import _key as public_keys
else:
    ed25519 = later("cryptography.hazmat.primitives.asymmetric.ed25519")
    dsse = later("securesystemslib.dsse")
    signing = public_keys = later("securesystemslib.signer")
    exceptions = later("securesystemslib.exceptions")

PAYLOAD_TYPE = "application/vnd.gtm-governance.plan+json"
MEDIA_TYPE, SUFFIX, FORM = "application/vnd.dsse+json", "dsse.json", "dsse"
SIGNED, STAMPED = "the installation signed this envelope", "the envelope existed at the time of a timestamp"
IN_TIME = "the envelope was signed before its key was retired"
PARTS = frozenset({"payload", "payloadType", "signatures"})
OF_SIGNATURE = frozenset({"keyid", "sig"})
TIMESTAMPS, RFC3161 = "timestamps", "rfc3161"


class EnvelopeError(ValueError):
    """The envelope cannot be opened; the sentence says why."""


@dataclass(frozen=True, slots=True)
class OpenedEnvelope:
    """``payload`` are the bytes of the plan JSON; ``stamps`` are answers of timestamp services."""

    payload: bytes
    envelope: dsse.Envelope
    stamps: tuple[bytes, ...]
    stamped: bytes


def wrap(raw: bytes, *, with_stamp: bool = False) -> bytes:
    """The envelope of a plan JSON. Raises GuardNotMet where there is no key, or no timestamp when asked."""
    signers = keys.signing()
    if not signers:
        raise GuardNotMet(
            "This installation has no signing key.", hint="Make one: manage.py signing_key make --name …"
        )
    if with_stamp and not timestamps.is_configured():
        raise GuardNotMet("No timestamp service is configured.", hint="Set GTM_TIMESTAMP_URL.")
    made = dsse.Envelope(raw, PAYLOAD_TYPE, {})
    for key in signers:
        made.sign(_signer(key))
    body: dict[str, Any] = made.to_dict()
    if with_stamp:
        answer = timestamps.stamp(_stamped(body))
        body[TIMESTAMPS] = [{RFC3161: base64.b64encode(answer).decode()}]
    return canonical.document(body)


def is_envelope(body: Any) -> bool:
    return isinstance(body, dict) and "payloadType" in body


def open_envelope(body: Mapping[str, Any]) -> OpenedEnvelope:
    """Read an envelope, unproved. Raises EnvelopeError."""
    try:
        if {*body} - {TIMESTAMPS} != PARTS:
            raise EnvelopeError("it has other parts than payload, payloadType, signatures and timestamps")
        if body["payloadType"] != PAYLOAD_TYPE:
            raise EnvelopeError(f"it holds {body['payloadType']!r}, not a plan JSON")
        _refuse_other_parts(body)
        payload = base64.b64decode(body["payload"], validate=True)
        signatures = [{"keyid": s["keyid"], "sig": s["sig"]} for s in body["signatures"]]
        for made in signatures:
            base64.b64decode(made["sig"], validate=True)
        stamps = tuple(base64.b64decode(s[RFC3161], validate=True) for s in body.get(TIMESTAMPS, ()))
        stamped = _stamped(body)
        envelope = dsse.Envelope.from_dict({**body, "signatures": signatures})
    except (KeyError, TypeError, AttributeError, binascii.Error, exceptions.FormatError) as error:
        raise EnvelopeError(f"a part of it cannot be read ({error!r})") from error
    except EnvelopeError:
        raise
    except ValueError as error:
        raise EnvelopeError(str(error)) from error
    return OpenedEnvelope(payload, envelope, stamps, stamped)


def _refuse_other_parts(body: Mapping[str, Any]) -> None:
    """No signature and no timestamp covers words beside themselves."""
    for name, parts, known in (
        ("a signature", body["signatures"], OF_SIGNATURE),
        ("a timestamp", body.get(TIMESTAMPS, ()), {RFC3161}),
    ):
        if any({*part} != known for part in parts):
            raise EnvelopeError(f"{name} has other parts than {' and '.join(sorted(known))}")


def prove(
    opened: OpenedEnvelope,
    proof: Proof,
    kept: Sequence[NoteKey] | None,
    roots: Sequence[x509.Certificate] | None,
    last: str = "",
) -> list[str]:
    """Who signed the envelope, and when a service saw it, by what the reader kept.

    ``last`` is the latest time of a row in it. Answers what contradicts.
    """
    wrong = _prove_signed(opened, proof, kept, last)
    if not opened.stamps:
        proof.leave(STAMPED, "it has none", asked=roots is not None)
        return wrong
    if roots is None:
        proof.leave(STAMPED, "no certificates of a timestamp service were given (--tsa)")
        return wrong
    for raw in opened.stamps:
        try:
            stamp = timestamps.check(raw, opened.stamped, roots)
        except timestamps.TimestampError as error:
            proof.leave(STAMPED, f"the certificates that you gave do not prove it ({error})", asked=True)
        else:
            by = f"the timestamp of {stamp.service} at {stamp.at:%Y-%m-%d %H:%M:%S} UTC"
            proof.prove(STAMPED, by, asked=True)
    return wrong


def _prove_signed(
    opened: OpenedEnvelope, proof: Proof, kept: Sequence[NoteKey] | None, last: str
) -> list[str]:
    if kept is None:
        proof.leave(SIGNED, "no key that you kept was given (--key)")
        return []
    by: list[NoteKey] = []
    wrong: list[str] = []
    for key in kept:
        made = opened.envelope.signatures.get(name_of(key))
        if made is None or key.kind != SIGNATURE:
            continue
        try:
            _public(key).verify_signature(made, opened.envelope.pae())
            by.append(key)
        except exceptions.UnverifiedSignatureError:
            wrong.append(f"the signature of {name_of(key)} does not fit to the envelope")
    if by and last and (late := signatures.retired_before(by, last)):
        wrong.append(f"{late}, before a row of {last} in it")
    if wrong:
        proof.conclude(SIGNED, "", wrong)
    elif by:
        proof.prove(SIGNED, f"its signature {' and '.join(map(name_of, by))}", asked=True)
        if signatures.is_in_doubt(by):
            proof.leave(IN_TIME, "whoever has a retired key can sign later: see --tsa")
    else:
        proof.leave(SIGNED, "it is not signed with a key that you gave", asked=True)
    return wrong


def _public(key: NoteKey) -> public_keys.SSlibKey:
    return public_keys.SSlibKey(name_of(key), "ed25519", "ed25519", {"public": key.public.hex()})


def _signer(key: PrivateKey) -> signing.CryptoSigner:
    private = ed25519.Ed25519PrivateKey.from_private_bytes(key.seed)
    return signing.CryptoSigner(private, _public(key.public))


def _stamped(body: Mapping[str, Any]) -> bytes:
    """What a timestamp is over."""
    return canonical.dumps({name: body[name] for name in PARTS})
