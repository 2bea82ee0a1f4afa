"""Where the parts that ``manage.py run`` brings along live: the embedded Redis broker and its socket."""

import hashlib
import tempfile
from pathlib import Path

MAX_SOCKET_PATH = 100  # the kernel's sun_path holds 108 bytes on Linux, 104 on macOS


def broker_socket(var_dir: Path) -> Path:
    """Return the socket of the embedded broker of this checkout, the same for every process of it.

    It lies in ``var_dir``, or, where that path is too long for a socket, in a directory of the
    system's temporary folder named by a hash of the path.
    """
    socket = var_dir / "redis.sock"
    if len(str(socket).encode()) <= MAX_SOCKET_PATH:
        return socket
    digest = hashlib.sha256(str(var_dir).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"gtm-{digest}" / "redis.sock"


def broker_url(var_dir: Path) -> str:
    """Return the Celery URL of the embedded broker."""
    return f"redis+socket://{broker_socket(var_dir)}"
