"""A small provider of OpenID Connect: real HTTP, real signatures, and every fault that a test asks for."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT, SECRET = "gtm", "a secret of the client"


class OidcProvider:
    """Who asks is let in at once as ``person``. ``claims`` replace those of the next tokens (None: none)."""

    def __init__(self):
        self.key, self.other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        self.person = {"sub": "subject-1", "email": "finance@demo.example", "email_verified": True}
        self.claims, self.signed_by, self.algorithm = {}, None, "RS256"
        self.answer_with = {}
        self.asked, self.codes, self.names = [], {}, {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.get(self)

            def do_POST(self):
                outer.token(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def app(self, **more):
        """What SOCIALACCOUNT_PROVIDERS says of it."""
        known = {"server_url": self.issuer, "issuer": self.issuer, "oauth_pkce_enabled": True}
        return {
            "provider_id": "works",
            "name": "Works",
            "client_id": CLIENT,
            "secret": SECRET,
            "settings": known | {"domains": [], "second_factor": []} | more,
        }

    def get(self, handler):
        place, asked = urlsplit(handler.path), None
        if place.path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
            ends |= {"end_session_endpoint": "/end"}
            asked = {"issuer": self.issuer, **{name: self.issuer + end for name, end in ends.items()}}
            send(handler, asked | self.names)
        elif place.path == "/keys":
            public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
            send(handler, {"keys": [public | {"kid": "1", "use": "sig", "alg": "RS256"}]})
        else:
            asked = {name: values[0] for name, values in parse_qs(place.query).items()}
            self.asked.append(asked)
            code = secrets.token_urlsafe(12)
            self.codes[code] = asked
            told = {"code": code, "state": asked["state"]} | self.answer_with
            handler.send_response(302)
            handler.send_header("Location", f"{asked['redirect_uri']}?{urlencode(told)}")
            handler.end_headers()

    def token(self, handler):
        length = int(handler.headers["Content-Length"])
        told = {name: values[0] for name, values in parse_qs(handler.rfile.read(length).decode()).items()}
        asked = self.codes.pop(told.get("code", ""), None)
        verifier = base64.urlsafe_b64encode(hashlib.sha256(told.get("code_verifier", "").encode()).digest())
        sent = handler.headers.get("Authorization", "").removeprefix("Basic ")
        is_client = (
            told.get("client_secret") == SECRET or base64.b64decode(sent).decode() == f"{CLIENT}:{SECRET}"
        )
        if asked is None or not is_client or verifier.decode().rstrip("=") != asked["code_challenge"]:
            send(handler, {"error": "invalid_grant"}, 400)
            return
        send(handler, {"access_token": "x", "token_type": "Bearer", "id_token": self.id_token(asked)})

    def id_token(self, asked):
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": asked["client_id"], "exp": now + 300, "iat": now}
        claims |= {"nonce": asked["nonce"], **self.person}
        if "max_age" in asked:
            claims["auth_time"] = now
        claims |= self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        key = self.key if self.signed_by is None else self.signed_by or None
        return jwt.encode(claims, key, algorithm=self.algorithm, headers={"kid": "1"})


def send(handler, body, status=200):
    text = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(text)))
    handler.end_headers()
    handler.wfile.write(text)
