"""The functions' archives, built once for all of a run's tests and processes."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest
from filelock import FileLock

from infra import bundle
from infra.archives.libraries import HOST, LAMBDA_PLATFORM
from tests.certificates import authorities


class Archives:
    """Builds on first use; what one process of the run has built, the others find."""

    def __init__(self, shared: Path) -> None:
        self.shared = shared
        self._built: dict[tuple[str, str], Path] = {}

    def built(self, target: str, platform: str = LAMBDA_PLATFORM) -> Path:
        if (target, platform) not in self._built:
            with FileLock(self.shared / f"{target}-{platform}.lock"):
                built = bundle.build(target, self.shared, platform=platform, certificates=self.certificates())
            self._built[target, platform] = built
        return self._built[target, platform]

    def unpacked(self, target: str) -> Path:
        """A folder with what runs on this machine."""
        built = self.built(target, HOST)
        folder = built.with_suffix("")
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                zipfile.ZipFile(built).extractall(folder)
        return folder

    def certificates(self) -> Path:
        path = self.shared / "certificates.pem"
        with FileLock(f"{path}.lock"):
            if not path.exists():
                path.write_bytes(authorities(20))
        return path


def shared_archives(tmp_path_factory: pytest.TempPathFactory, worker: str) -> Archives:
    own = tmp_path_factory.getbasetemp()
    shared = (own if worker == "master" else own.parent) / "archives"
    shared.mkdir(exist_ok=True)
    return Archives(shared)


def isolated(folder: Path, *arguments: str) -> list[str]:
    """A command that runs Python on what is in `folder` and the standard library alone."""
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); exec(sys.stdin.read())"
    interpreter: str = getattr(sys, "_base_executable", sys.executable)
    return [interpreter, "-I", "-S", "-c", program, *arguments]
