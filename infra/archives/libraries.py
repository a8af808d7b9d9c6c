"""The libraries of an archive: installed by uv for the functions' platform, then rid of what no function uses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from infra.archives.errors import BundleError

LAMBDA_PLATFORM = "aarch64-manylinux_2_28"
HOST = "host"

# What developers run on their own machine.
_COMMANDS = (
    *("compilemessages", "makemessages", "makemigrations", "optimizemigration", "squashmigrations"),
    *("runserver", "startapp", "startproject", "test", "testserver", "inspectdb", "diffsettings", "sendtestemail"),
)
# Relative to the folder of the libraries.
_UNUSED = (
    # Programs, and what an installer notes for itself.
    "bin",
    ".lock",
    "**/__pycache__",
    "**/tests",
    "**/*.pyi",
    "**/*.po",
    "boto3/examples",
    # Static files are served from the collected ones.
    "*/static",
    "*/contrib/*/static",
    "allauth/*/static",
    # Parts of libraries that stand by themselves and that no function imports.
    "allauth/headless",
    "allauth/idp",
    "aws_lambda_powertools/event_handler",
    *(
        f"aws_lambda_powertools/utilities/{name}"
        for name in ("auth_alpha", "batch", "circuit_breaker", "data_classes", "data_masking", "feature_flags")
    ),
    *(
        f"aws_lambda_powertools/utilities/{name}"
        for name in ("idempotency", "kafka", "parameters", "parser", "streaming", "validation")
    ),
    "botocore/data/*/*/examples-1.json",
    "dateutil/zoneinfo/*.tar.gz",
    # Django's applications that are not installed, and its test client. What looks for `postgres` does without it.
    *(f"django/contrib/{name}" for name in ("flatpages", "gis", "postgres", "redirects")),
    *(f"django/core/management/commands/{name}.py" for name in _COMMANDS),
    "django/contrib/staticfiles/testing.py",
    "django/contrib/admin/tests.py",
    "django/test",
    "rest_framework/test.py",
    "django/db/backends/mysql",
    "django/db/backends/oracle",
    # The API speaks JSON, and has pages of its own.
    "rest_framework/authtoken",
    "rest_framework/management",
    "rest_framework/templates",
    # Its document is made when the archive is; see `infra.archives.collecting`.
    *("drf_spectacular", "inflection", "uritemplate", "yaml", "_yaml"),
    *("attr", "attrs", "jsonschema", "jsonschema_specifications", "referencing", "rpds"),
    *(f"{name}-*.dist-info" for name in ("drf_spectacular", "inflection", "uritemplate", "pyyaml", "attrs")),
    *(f"{name}-*.dist-info" for name in ("jsonschema", "jsonschema_specifications", "referencing", "rpds_py")),
    # The admin's theme has parts for applications that are not installed.
    *(f"unfold/contrib/{name}" for name in ("constance", "forms", "guardian", "import_export", "inlines")),
    *(f"unfold/contrib/{name}" for name in ("location_field", "simple_history")),
    "unfold/templates/unfold_crispy",
    # django-csp compares versions, and installs nothing.
    *(f"packaging/{name}" for name in ("_elffile.py", "_manylinux.py", "_musllinux.py", "_parser.py", "_tokenizer.py")),
    *(
        f"packaging/{name}.py"
        for name in ("dependency_groups", "direct_url", "markers", "metadata", "pylock", "ranges")
    ),
    *(f"packaging/{name}" for name in ("licenses", "requirements.py", "tags.py", "utils.py", "specifiers.py")),
    "packaging/_ranges.py",
    # Keys are asked for by browsers: only what checks their answers is needed.
    "fido2/client",
    "fido2/hid",
    "fido2/pcsc.py",
    "fido2/win_api.py",
    # Files are on S3.
    *(f"storages/backends/{name}.py" for name in ("apache_libcloud", "azure_storage", "dropbox", "ftp", "gcloud")),
    "storages/backends/sftpstorage.py",
    "allauth/usersessions",
    "urllib3/contrib/emscripten",
    # cryptography needs cffi's compiled part alone.
    "cffi",
    "pycparser",
    # Fonts and windows: Pillow is asked for neither.
    "PIL/_imagingft.*",
    "PIL/_imagingtk.*",
    "pillow.libs/libfreetype-*",
    "pillow.libs/libharfbuzz-*",
    "pillow.libs/libpng16-*",
    "pillow.libs/libbrotli*",
)
# importlib.metadata answers from this file; packages ask for their own versions when they are imported.
_KEPT_METADATA = ("METADATA",)
# People sign in with what the portal itself knows; allauth looks into this folder all the same.
_KEPT_PROVIDERS = ("__init__.py", "base")
# Pages are in English; Django needs the catalogue of its default language.
_KEPT_LOCALES = ("en", "__init__.py")


def find_uv() -> Path:
    """uv of this interpreter's environment, else of PATH. BundleError where there is none."""
    beside = Path(sys.executable).parent / ("uv.exe" if sys.platform == "win32" else "uv")
    if beside.exists():
        return beside
    on_path = shutil.which("uv")
    if on_path is None:
        raise BundleError("uv is not installed: pip install --require-hashes -r requirements/infra.txt")
    return Path(on_path)


def install(requirements: Path, folder: Path, platform: str, python: str) -> None:
    """Install the wheels that `requirements` pins by hash for `platform` (HOST: this machine) into `folder`."""
    command = [str(find_uv()), "pip", "install", "--quiet", "--target", str(folder), "--python", sys.executable]
    if platform != HOST:
        command += ["--python-platform", platform, "--python-version", python]
    command += ["--only-binary", ":all:", "--require-hashes", "--no-compile-bytecode", "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BundleError(f"uv could not install {requirements.name} for {platform}: {done.stderr.strip()}")


def trim(folder: Path, services: tuple[str, ...]) -> None:
    """Remove from the libraries in `folder` what no function uses; of botocore's services, keep `services`."""
    for pattern in _UNUSED:
        for path in list(folder.glob(pattern)):
            _remove(path)
    for package in ("botocore", "boto3"):
        _keep_only((*services, "*.json"), folder / package / "data")
    for metadata in list(folder.glob("*.dist-info")):
        _keep_only(_KEPT_METADATA, metadata)
    for locales in list(folder.glob("**/locale")):
        _keep_only(_KEPT_LOCALES, locales)
    for providers in folder.glob("allauth/socialaccount/providers"):
        _keep_only(_KEPT_PROVIDERS, providers)


def _keep_only(patterns: tuple[str, ...], folder: Path) -> None:
    for path in list(folder.iterdir()):
        if not any(path.match(pattern) for pattern in patterns):
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
