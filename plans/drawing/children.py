"""Processes of ours that draw or set something and end, so that no web process holds the engine they need.

They have a limit of time and inherit no environment; a child that can bounds its memory itself.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading

from gtm.core.bounded.work import place
from gtm.core.errors import NotNow

logger = logging.getLogger(__name__)

SECONDS = 60
BUSY = "Other pictures and reports are being made at the moment."
AGAIN = "Try again in a minute."
_one_at_a_time = threading.Lock()
"""A process that serves many people starts one engine, not one for each of them."""


def asked(module: str, request: str, failed: str) -> bytes:
    """What the process of ``module`` answers to ``request``.

    Raises NotNow, which says ``failed``, where it does not answer in time, or cannot.
    """
    with place():
        if not _one_at_a_time.acquire(timeout=SECONDS):
            raise NotNow(BUSY, hint=AGAIN)
        try:
            return _run(module, request)
        except (subprocess.SubprocessError, OSError) as error:
            told = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
            logger.error("%s did not answer: %s", module, told[-1] if told else error)
            raise NotNow(failed, hint=AGAIN) from error
        finally:
            _one_at_a_time.release()


def _run(module: str, request: str) -> bytes:
    path = os.pathsep.join(folder for folder in sys.path if folder)
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", module],
        input=request.encode(),
        capture_output=True,
        check=True,
        timeout=SECONDS,
        env={"PYTHONPATH": path, "PATH": os.defpath},
    )
    return done.stdout
