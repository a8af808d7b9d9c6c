"""What lies in the storages of each image: its original, its sidecar and its results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.core.files.storage import storages

from portal.images.results import read_result
from portal.images.sidecars import NAME, Sidecar, SidecarError
from recognition.result import ContractError, Result


@dataclass(frozen=True)
class Folder:
    """One image's place. `result_keys` are of the `derived` storage."""

    owner_id: int
    image_id: UUID
    has_original: bool
    has_derived: bool = False
    result_keys: tuple[str, ...] = ()

    @property
    def original_key(self) -> str:
        return f"uploads/{self.owner_id}/{self.image_id}"

    @property
    def derived_prefix(self) -> str:
        return f"derived/{self.owner_id}/{self.image_id}"

    @property
    def of_owner(self) -> tuple[str, str]:
        """The folders that hold all images of its owner."""
        return f"uploads/{self.owner_id}", f"derived/{self.owner_id}"


@dataclass(frozen=True)
class Remains:
    """All that is known of an image without the database: results by their time, `problems` in sentences."""

    folder: Folder
    sidecar: Sidecar | None
    results: tuple[Result, ...]
    byte_size: int
    problems: list[str] = field(default_factory=list)

    @property
    def username(self) -> str | None:
        return self.sidecar.owner if self.sidecar else None

    @property
    def filename(self) -> str:
        return self.sidecar.filename if self.sidecar else str(self.folder.image_id)

    @property
    def content_type(self) -> str:
        return self.sidecar.content_type if self.sidecar else ""

    @property
    def created_at(self) -> datetime | None:
        """When the upload began, or at the latest when it was first recognised."""
        if self.sidecar:
            return self.sidecar.created_at
        return self.results[0].recognized_at if self.results else None


def folders() -> list[Folder]:
    """Every image that has left something in either storage, by owner."""
    owners = _numbers(_names("derived", "derived")[0]) | _numbers(_names("uploads", "uploads")[0])
    return [folder for owner_id in sorted(owners) for folder in _folders_of(owner_id)]


def _folders_of(owner_id: int) -> list[Folder]:
    derived = _ids(_names("derived", f"derived/{owner_id}")[0])
    originals = _ids(_names("uploads", f"uploads/{owner_id}")[1])
    return [Folder(owner_id, each, each in originals, each in derived) for each in sorted(derived | originals)]


def with_results(folder: Folder) -> Folder:
    """The same, with the keys of its results looked up."""
    if not folder.has_derived:
        return folder
    place = f"{folder.derived_prefix}/results"
    names = sorted(name for name in _names("derived", place)[1] if name.endswith(".json"))
    keys = tuple(f"{place}/{name}" for name in names)
    return Folder(folder.owner_id, folder.image_id, folder.has_original, folder.has_derived, keys)


def read(folder: Folder) -> Remains:
    """Read all that lies there. What cannot be read is left out, and is a problem."""
    problems: list[str] = []
    sidecar = _sidecar(folder, problems)
    results = sorted(_results(folder, problems), key=lambda result: result.recognized_at)
    sizes = [sidecar.byte_size] if sidecar else [result.image.bytes for result in results if result.image]
    if not sizes and folder.has_original:
        sizes = [storages["uploads"].size(folder.original_key)]
    return Remains(folder, sidecar, tuple(results), sizes[0] if sizes else 0, problems)


def _sidecar(folder: Folder, problems: list[str]) -> Sidecar | None:
    try:
        with storages["derived"].open(f"{folder.derived_prefix}/{NAME}") as file:
            return Sidecar.from_json(file.read())
    except FileNotFoundError:
        return None
    except SidecarError as error:
        problems.append(f"{folder.derived_prefix}/{NAME} was passed over: {error}.")
        return None


def _results(folder: Folder, problems: list[str]) -> Iterable[Result]:
    for key in folder.result_keys:
        try:
            result = read_result(key)
        except FileNotFoundError:
            continue
        except ContractError as error:
            problems.append(f"{key} was passed over: {error}.")
            continue
        if result.image_id == folder.image_id:
            yield result
        else:
            problems.append(f"{key} was passed over: it is a result of {result.image_id}.")


def _names(alias: str, path: str) -> tuple[list[str], list[str]]:
    """Folders and files at a path of a storage; none where there is nothing."""
    try:
        return storages[alias].listdir(path)
    except FileNotFoundError:
        return [], []


def _numbers(names: Iterable[str]) -> set[int]:
    return {int(name) for name in names if name.isascii() and name.isdigit()}


def _ids(names: Iterable[str]) -> set[UUID]:
    """Those among the names that are an image's; beside them lie notes on contents."""
    found = set()
    for name in names:
        try:
            found.add(UUID(name))
        except ValueError:
            continue
    return found
