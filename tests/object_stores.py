"""An object store for tests: moto's server, which speaks like S3, in a process of its own."""

import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from gtm.core.places.storage_url import storages_of

KEYS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "of nobody", "AWS_DEFAULT_REGION": "us-east-1"}


def start(port: int, log: Path) -> "subprocess.Popen[bytes]":
    """A server on this port that is ready. It forgets everything when it ends."""
    with log.open("ab") as output:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=output, stderr=output, process_group=0)
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return server


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def server(log: Path) -> Iterator[str]:
    port = free_port()
    process = start(port, log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def client(address: str) -> Any:
    """Boto's own client, for what a test does behind our back."""
    keys = {name.lower(): value for name, value in KEYS.items() if name != "AWS_DEFAULT_REGION"}
    return boto3.client("s3", endpoint_url=address, region_name=KEYS["AWS_DEFAULT_REGION"], **keys)


def use(address: str, settings: Any, monkeypatch: Any) -> str:
    """Keep files in a new bucket; answers its name."""
    bucket = f"gtm-{uuid.uuid4().hex}"
    client(address).create_bucket(Bucket=bucket)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    mine = storages_of(f"s3://{bucket}/house", endpoint=address, region=KEYS["AWS_DEFAULT_REGION"])
    settings.STORAGES = settings.STORAGES | mine
    return bucket
