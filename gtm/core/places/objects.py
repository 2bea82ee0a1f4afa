"""Files by name, wherever they are kept: below a folder, or in an object store that every host reaches.

Django's ``STORAGES`` says which (``data`` and ``plans``); what goes wrong is said here in our words. A file
that is not there is NotFound; a store that does not answer is StoreAway, which a task tries again.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from gtm.core.errors import GtmError, NotFound
from gtm.core.places.folders import FolderStorage

PIECE = 1 << 20
FAILURES = {
    "s3": (
        "botocore.exceptions:BotoCoreError",
        "botocore.exceptions:ClientError",
        "boto3.exceptions:Boto3Error",
    ),
    "gcloud": ("google.api_core.exceptions:GoogleAPIError", "google.auth.exceptions:GoogleAuthError"),
    "azure_storage": ("azure.core.exceptions:AzureError",),
}
"""How the library of each store says that something went wrong, by the module of its storage."""
GONE = ("404", "NoSuchKey", "NotFound")


class StoreAway(GtmError, ConnectionError):
    """The object store does not answer, or refuses. Nothing is known of the file; trying again may help."""

    code = "store_away"
    status = 503
    title = "The object store does not answer"


class ObjectStore:
    """The files of one entry of STORAGES."""

    def __init__(self, alias: str):
        self.alias = alias

    @property
    def storage(self) -> Any:
        return storages[self.alias]

    @property
    def is_folder(self) -> bool:
        """Whether the files are in a folder of this machine, so that a path leads to them."""
        return isinstance(self.storage, FolderStorage)

    def path(self, name: str) -> Path:
        """Where the file is, or would be. Only of a folder."""
        return Path(self.storage.path(name))

    def put(self, name: str, content: bytes | Path) -> None:
        """Keep a file under ``name``, whole or not at all; one that is there is replaced."""
        with self._telling(name):
            if isinstance(content, Path):
                with content.open("rb") as file:
                    self.storage.save(name, File(file, name))
            else:
                self.storage.save(name, ContentFile(content, name))

    def has(self, name: str) -> bool:
        with self._telling(name):
            return bool(self.storage.exists(name))

    def read(self, name: str) -> bytes:
        """The content. Raises NotFound, StoreAway."""
        made = io.BytesIO()
        self._copy(name, made)
        return made.getvalue()

    def fetch(self, name: str, to: Path) -> None:
        """Write the content into the file ``to``. Raises NotFound, StoreAway."""
        with to.open("wb") as file:
            self._copy(name, file)

    def delete(self, name: str) -> None:
        """Forget a file; one that is not there is forgotten already."""
        with self._telling(name):
            try:
                self.storage.delete(name)
            except FileNotFoundError:
                return

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder, without it; none where there is no such folder."""
        with self._telling(folder):
            try:
                return sorted(self.storage.listdir(folder)[1])
            except FileNotFoundError:
                return []

    def changed_at(self, name: str) -> Any:
        """When a file was last written, as an aware time. Raises NotFound."""
        with self._telling(name):
            return self.storage.get_modified_time(name)

    def _copy(self, name: str, to: Any) -> None:
        with self._telling(name), self.storage.open(name, "rb") as file:
            shutil.copyfileobj(file, to, PIECE)

    @contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        failures = _failures(type(self.storage))
        try:
            yield
        except FileNotFoundError as error:
            raise self._missing(name) from error
        except failures as error:
            told = getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__)
            if told in GONE:
                raise self._missing(name) from error
            raise StoreAway(
                f"“{self.alias}/{name}” could not be reached in the object store: {told}.",
                hint="Tasks try again by themselves. If it lasts, look at the store, at GTM_STORAGE_URL and "
                "at the keys of this host.",
            ) from error

    def _missing(self, name: str) -> NotFound:
        where = "the data directory" if self.is_folder else "the object store"
        setting = getattr(self.storage, "setting", "the object store")
        return NotFound(
            f"“{self.alias}/{name}” is not in {where}.", hint=f"Restore {setting} from its backup."
        )


def _failures(storage: type) -> tuple[type[Exception], ...]:
    modules = (base.__module__.rpartition(".")[2] for base in storage.__mro__)
    told = next((FAILURES[module] for module in modules if module in FAILURES), ())
    return tuple(resolve_name(one) for one in told)


data, plans = ObjectStore("data"), ObjectStore("plans")


class BelowFolder:
    """The part of a store below a folder, for those who name files without it."""

    def __init__(self, store: ObjectStore, folder: str):
        self._store, self._folder = store, folder

    def put(self, name: str, content: bytes | Path) -> None:
        self._store.put(f"{self._folder}/{name}", content)

    def read(self, name: str) -> bytes:
        return self._store.read(f"{self._folder}/{name}")

    def fetch(self, name: str, to: Path) -> None:
        self._store.fetch(f"{self._folder}/{name}", to)
