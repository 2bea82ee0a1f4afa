"""A timestamp service of the tests (RFC 3161, RFC 5652) with a root of its own, and a server for answers."""

import hashlib
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from rfc3161_client import _rust

SHA256, RSA = "2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.1.1"
TST_INFO, SIGNED_DATA = "1.2.840.113549.1.9.16.1.4", "1.2.840.113549.1.7.2"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"
POLICY = "1.2.3.4.1"
AT = datetime(2026, 5, 12, 9, 30, tzinfo=UTC)


def der(tag, *parts):
    content = b"".join(parts)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(length)]) + length + content


def sequence(*parts):
    return der(0x30, *parts)


def set_of(*parts):
    return der(0x31, *sorted(parts))


def integer(value):
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(text):
    first, second, *rest = map(int, text.split("."))
    content = bytearray()
    for number in (40 * first + second, *rest):
        digits = [number & 127]
        while number := number >> 7:
            digits.append(number & 127 | 128)
        content += bytes(reversed(digits))
    return der(0x06, bytes(content))


def algorithm(name):
    return sequence(oid(name), der(0x05))


class TestAuthority:
    """``reply`` answers a query as a service does."""

    __test__ = False

    def __init__(self, name="Test TSA"):
        self._key = rsa.generate_private_key(65537, 2048)
        root_key = rsa.generate_private_key(65537, 2048)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Root of {name}")])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.root = self._made(issuer, issuer, root_key.public_key(), root_key, is_root=True)
        self.certificate = self._made(subject, issuer, self._key.public_key(), root_key, is_root=False)

    def _made(self, subject, issuer, public, signer, *, is_root):
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(AT - timedelta(days=400))
            .not_valid_after(AT + timedelta(days=4000))
            .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        )
        if not is_root:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            made = made.add_extension(usage, critical=True)
        return made.sign(signer, hashes.SHA256())

    @property
    def pem(self):
        return self.root.public_bytes(serialization.Encoding.PEM)

    def reply(self, query, *, nonce=None):
        asked = _rust.parse_timestamp_request(query)
        info = sequence(
            integer(1),
            oid(POLICY),
            sequence(algorithm(SHA256), der(0x04, asked.message_imprint.message)),
            integer(7),
            der(0x18, f"{AT:%Y%m%d%H%M%SZ}".encode()),
            integer(asked.nonce if nonce is None else nonce),
        )
        certificate = self.certificate.public_bytes(serialization.Encoding.DER)
        attributes = [
            sequence(oid(CONTENT_TYPE), set_of(oid(TST_INFO))),
            sequence(oid(MESSAGE_DIGEST), set_of(der(0x04, hashlib.sha256(info).digest()))),
            sequence(
                oid(SIGNING_CERTIFICATE),
                set_of(sequence(sequence(sequence(der(0x04, hashlib.sha256(certificate).digest()))))),
            ),
        ]
        signed = self._key.sign(set_of(*attributes), padding.PKCS1v15(), hashes.SHA256())
        signer = sequence(
            integer(1),
            sequence(self.certificate.issuer.public_bytes(), integer(self.certificate.serial_number)),
            algorithm(SHA256),
            der(0xA0, *sorted(attributes)),
            algorithm(RSA),
            der(0x04, signed),
        )
        content = sequence(
            integer(3),
            set_of(algorithm(SHA256)),
            sequence(oid(TST_INFO), der(0xA0, der(0x04, info))),
            der(0xA0, certificate),
            set_of(signer),
        )
        return sequence(sequence(integer(0)), sequence(oid(SIGNED_DATA), der(0xA0, content)))


@contextmanager
def serving(answer):
    """The host of a server. ``answer(path, body)`` says what it answers: status, media type, body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, media_type, raw = answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_):
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
