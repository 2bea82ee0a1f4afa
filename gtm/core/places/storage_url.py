"""From one address to Django's STORAGES: ``s3://bucket/prefix``, ``gs://…``, ``azure://…``; else folders.

Keys are those of the store's own library and come from the environment (``.env.example``). Read by settings.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

FOLDERS = {"data": "GTM_DATA_DIR", "plans": "GTM_PLANS_DIR"}
"""What is kept, and the setting with its folder where no object store is configured."""


def storages_of(url: str, *, endpoint: str = "", region: str = "", azure: str = "") -> dict[str, Any]:
    """The entries ``data`` and ``plans`` of STORAGES.

    ``endpoint`` and ``region`` are of an S3 store; ``azure`` is the connection string of an account. Raises
    ImproperlyConfigured for an address that names no store.
    """
    if not url:
        backend = "gtm.core.places.folders.FolderStorage"
        return {alias: {"BACKEND": backend, "OPTIONS": {"setting": name}} for alias, name in FOLDERS.items()}
    options: dict[str, Any]
    parts = urlsplit(url)
    if not parts.netloc or parts.query or "@" in parts.netloc:
        raise ImproperlyConfigured(
            f"GTM_STORAGE_URL={url!r} names no object store. Write s3://bucket/prefix, gs://bucket/prefix or "
            "azure://container/prefix. Keys stand in variables of their own: see .env.example."
        )
    if parts.scheme == "s3":
        backend = "gtm.core.places.s3.BoundedS3Storage"
        options = {
            "bucket_name": parts.netloc,
            "endpoint_url": endpoint or None,
            "region_name": region or None,
        }
    elif parts.scheme == "gs":
        backend = "storages.backends.gcloud.GoogleCloudStorage"
        options = {"bucket_name": parts.netloc, "file_overwrite": True, "max_memory_size": 8 << 20}
    elif parts.scheme == "azure":
        backend = "storages.backends.azure_storage.AzureStorage"
        options = {"azure_container": parts.netloc, "connection_string": azure, "overwrite_files": True}
    else:
        raise ImproperlyConfigured(
            f"GTM_STORAGE_URL={url!r}: “{parts.scheme}” is no store that we know. s3, gs and azure are."
        )
    prefix = parts.path.strip("/")
    return {
        alias: {"BACKEND": backend, "OPTIONS": options | {"location": f"{prefix}/{alias}".lstrip("/")}}
        for alias in FOLDERS
    }
