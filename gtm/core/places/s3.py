"""S3 and what speaks like it, with an end to every wait. Imported only where it is configured."""

from __future__ import annotations

import os
from typing import Any

from botocore.config import Config
from storages.backends.s3 import S3Storage

MEBIBYTE = 1 << 20


class BoundedS3Storage(S3Storage):
    """S3Storage with timeouts, and with connections that a forked worker does not share with its parent."""

    def get_default_settings(self) -> dict[str, Any]:
        config = Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 3},
            # Our own SHA-256 is checked on arrival; stores that only speak like S3 may know no other sums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return super().get_default_settings() | {"client_config": config, "max_memory_size": 8 * MEBIBYTE}

    @property
    def connection(self) -> Any:
        if getattr(self, "_of_process", None) != os.getpid():
            self.__setstate__(self.__getstate__())
            self._of_process = os.getpid()
        return super().connection

    @property
    def bucket(self) -> Any:
        return self.connection.Bucket(self.bucket_name)
