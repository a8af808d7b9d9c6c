"""What each archive holds: a list of what goes in, so that nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from infra.archives.errors import BundleError

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Archive:
    """One archive: our files in it, and what its libraries are needed for.

    `code` are glob patterns below the repository; `services` are the folders of botocore's data that stay.
    """

    requirements: str
    code: tuple[str, ...]
    services: tuple[str, ...]
    has_pages: bool = False
    reaches_database: bool = False


def _python(*packages: str) -> tuple[str, ...]:
    return tuple(f"{package}/**/*.py" for package in packages)


# The functions outside the network.
_OUTSIDE = ("recognize", "dead_letters", "mail", "webhooks", "train", "database_role")

ARCHIVES = {
    "recognize": Archive(
        requirements="requirements/recognize.txt",
        code=(
            "lambdas/*.py",
            *_python("recognition", "webhooks"),
            *_python(*(f"lambdas/{name}" for name in _OUTSIDE)),
            # What both a job and whoever orders one must know.
            "training/__init__.py",
            "training/config.py",
            "training/metadata.py",
        ),
        services=("s3", "sqs", "dynamodb", "rekognition", "sagemaker", "sagemaker-runtime", "sesv2", "rds-data", "sts"),
    ),
    "portal": Archive(
        requirements="requirements/web.txt",
        code=(
            "manage.py",
            "lambdas/*.py",
            *_python("portal", "recognition", "webhooks", "lambdas/ingest", "lambdas/web", "lambdas/manage"),
            "portal/templates/**/*.html",
            "portal/templates/**/*.txt",
        ),
        services=("s3", "sts"),
        has_pages=True,
        reaches_database=True,
    ),
}


def own_files(archive: Archive, root: Path = ROOT) -> Iterator[PurePosixPath]:
    """The files of the repository that go in, sorted, relative to `root`. BundleError where a pattern finds nothing."""
    found: set[PurePosixPath] = set()
    for pattern in archive.code:
        files = {path.relative_to(root) for path in root.glob(pattern) if path.is_file()}
        if not files:
            raise BundleError(f"nothing in the repository is named {pattern}: is the checkout complete?")
        found.update(PurePosixPath(file.as_posix()) for file in files)
    yield from sorted(found)
