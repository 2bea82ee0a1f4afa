"""RFC 3161 timestamps: what a service outside says existed at a time, and what checks it.

The operator sets the service and the certificates by which its answers are believed. Nothing is kept that
those do not prove, so a reader with the same certificates comes to the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from gtm.core.errors import GuardNotMet, InvalidInput, Problem
from gtm.core.later import later
from gtm.core.places import outside

if TYPE_CHECKING:
    import rfc3161_client
    from cryptography import x509
else:
    rfc3161_client, x509 = later("rfc3161_client"), later("cryptography.x509")

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
MOST_BYTES = 64 * 1024
SECONDS = 20.0
OK = 200


class TimestampError(ValueError):
    """The answer is no timestamp of this message by one of these services; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """``at``: the time of the service, UTC. ``service``: the name in its certificate, as RFC 4514 has it."""

    at: datetime
    service: str


def is_configured() -> bool:
    return bool(settings.GTM_TIMESTAMP_URL)


def stamp(message: bytes) -> bytes:
    """The answer of the service that is configured, checked. Raises GuardNotMet where it gives none."""
    request = (
        rfc3161_client.TimestampRequestBuilder()
        .data(message)
        .hash_algorithm(rfc3161_client.HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    try:
        reply = outside.post(
            settings.GTM_TIMESTAMP_URL,
            request.as_bytes(),
            QUERY,
            settings.GTM_PRIVATE_EVIDENCE_HOSTS,
            most=MOST_BYTES,
            seconds=SECONDS,
        )
        if (reply.status, reply.media_type) != (OK, REPLY):
            raise TimestampError(f"the service answers {reply.status} ({reply.media_type})")
        check(reply.body, message, configured_roots(), nonce=request.nonce)
    except (outside.NotAllowed, outside.Unreachable, TimestampError) as error:
        raise GuardNotMet(
            f"There is no timestamp: {error}", hint="Try again, or export without one."
        ) from error
    return reply.body


def check(
    raw: bytes, message: bytes, roots: Sequence[x509.Certificate], *, nonce: int | None = None
) -> Stamp:
    """When the service said it had the message. Raises TimestampError where these roots do not prove it."""
    try:
        answer = rfc3161_client.decode_timestamp_response(raw)
        builder = rfc3161_client.VerifierBuilder()
        for root in roots:
            builder = builder.add_root_certificate(root)
        if nonce is not None:
            builder = builder.nonce(nonce)
        builder.build().verify_message(answer, message)
        service = _signer(answer)
    except (rfc3161_client.VerificationError, ValueError) as error:
        raise TimestampError(str(error) or type(error).__name__) from error
    return Stamp(answer.tst_info.gen_time, service)


def _signer(answer: rfc3161_client.TimeStampResponse) -> str:
    """The name of the certificate that signed: the one which the signature itself names."""
    (signer,) = answer.signed_data.signer_infos
    certificates = map(x509.load_der_x509_certificate, answer.signed_data.certificates)
    return next(
        one.subject.rfc4514_string()
        for one in certificates
        if (one.issuer, one.serial_number) == (signer.issuer, signer.serial_number)
    )


def configured_roots() -> list[x509.Certificate]:
    """The certificates by which this installation believes its service. Raises GuardNotMet without any."""
    if not settings.GTM_TIMESTAMP_CERTIFICATES:
        raise GuardNotMet(
            "Nothing says by which certificates the timestamp service is believed.",
            hint="Set GTM_TIMESTAMP_CERTIFICATES to a file of PEM certificates.",
        )
    return read_roots(Path(settings.GTM_TIMESTAMP_CERTIFICATES))


def read_roots(path: Path) -> list[x509.Certificate]:
    """Certificates of a PEM file. Raises InvalidInput where it has none."""
    try:
        found = list(dict.fromkeys(x509.load_pem_x509_certificates(path.read_bytes())))
    except (OSError, ValueError) as error:
        problem = Problem("certificates", f"{path}: {error}.")
        raise InvalidInput("The certificates cannot be read.", problems=[problem]) from error
    return found
