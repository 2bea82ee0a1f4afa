"""What reading files may take, where a request waits for it."""

from __future__ import annotations

from gtm.core.bounded.work import Bounds
from programs.datasets.loading.limits import MEBIBYTE

AT_THE_SERVER = "Ask operations to load the file at the server: manage.py load_dataset has no such limits."
LOOK = Bounds("Reading the beginning of the file", AT_THE_SERVER, seconds=60, memory=1024 * MEBIBYTE)
LOAD = Bounds("Loading the file", AT_THE_SERVER, seconds=600, memory=3072 * MEBIBYTE)
