"""The archives hold what their functions need and nothing else, and run by themselves."""

from __future__ import annotations

import io
import json
import marshal
import os
import re
import subprocess
import zipfile
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType

import pytest
from PIL import Image

from infra.archives import bytecode
from infra.archives.contents import ARCHIVES, ROOT, own_files
from infra.archives.libraries import HOST
from portal.api.openapi import openapi_document
from recognition.formats import ImageFormat
from tests.infra.archives import Archives, isolated, shared_archives

TARGETS = {"recognize": 15_000_000, "portal": 20_000_000}
FUNCTIONS = {
    "recognize": ("recognize", "dead_letters", "mail", "webhooks", "train", "database_role"),
    "portal": ("ingest", "web", "manage"),
}
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_REGION": "eu-west-1",
    "IMAGESIFT_MODE": "production",
    "RECOGNIZED_BY": "lambda",
    "SECRET_KEY": "x" * 64,
    "ALLOWED_HOSTS": "localhost",
    "CSRF_TRUSTED_ORIGINS": "https://localhost",
    "UPLOADS_BUCKET": "uploads",
    "DERIVED_BUCKET": "derived",
    "DATABASE_HOST": "database.invalid",
    "DATABASE_PORT": "5432",
    "DATABASE_NAME": "imagesift",
    "DATABASE_USER": "imagesift",
    "EMAIL_URL": "consolemail://",
    "DEFAULT_FROM_EMAIL": "ImageSift <imagesift@localhost>",
    "DETECTORS": "rekognition",
    "RECOGNITIONS_PER_SECOND": "5",
    "RECOGNIZE_QUEUE_URL": "https://sqs.invalid/recognize",
    "INGEST_QUEUE_URL": "https://sqs.invalid/ingest",
    "WEBHOOKS_QUEUE_URL": "https://sqs.invalid/webhooks",
    "LEDGER_TABLE": "ledger",
    "TRAINING_JOBS": "imagesift-dev-train",
    "TRAINING_ROLE": "arn:aws:iam::123456789012:role/imagesift-dev-training",
    "TRAINING_IMAGE": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/training:1",
    "TRAINING_INSTANCE": "ml.g4dn.xlarge",
    "TRAINING_SPOT": "true",
    "TRAINING_SECONDS": "3600",
    "TRAINING_PATIENCE_SECONDS": "7200",
    "TRAINING_CODE": "code/training-0a1b.tar.gz",
    "MODEL_PACKAGE_GROUP": "imagesift-dev-detector",
    "SERVING_IMAGE": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serving:1",
    "JOB_TAGS": "{}",
    "DATABASE_CLUSTER_ARN": "arn:aws:rds:eu-west-1:123456789012:cluster:imagesift",
    "DATABASE_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:imagesift",
    "POWERTOOLS_SERVICE_NAME": "test",
}


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Archives:
    return shared_archives(tmp_path_factory, worker_id)


def _names(archive: Path) -> set[str]:
    return set(zipfile.ZipFile(archive).namelist())


def _run(folder: Path, program: str, data: Path, *arguments: str) -> str:
    environment = ENVIRONMENT | {"IMAGESIFT_DATA": str(data), "STATIC_ROOT": str(folder / "static"), "HOME": str(data)}
    done = subprocess.run(
        isolated(folder, *arguments),
        input=program,
        env=environment,
        cwd=data,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("target", TARGETS)
def test_an_archive_is_small_enough_to_start_fast(archives: Archives, target: str) -> None:
    assert archives.built(target).stat().st_size <= TARGETS[target]


@pytest.mark.parametrize("target", TARGETS)
def test_what_an_archive_holds_of_ours_is_what_is_listed(archives: Archives, target: str) -> None:
    ours = {
        "portal",
        "recognition",
        "webhooks",
        "lambdas",
        "infra",
        "training",
        "tests",
        "benchmarks",
        "docs",
        "requirements",
    }
    found = {name for name in _names(archives.built(target)) if name.split("/")[0] in {*ours, "manage.py"}}
    listed = {str(file) for file in own_files(ARCHIVES[target])}
    assert {name for name in found if not name.endswith(".pyc")} == listed
    assert {name for name in listed if "/tests/" in name or name.startswith("infra")} == set()
    # What both a job and whoever orders one must know, and no more.
    knows = {f"training/{name}.py" for name in ("__init__", "config", "metadata")} if target == "recognize" else set()
    assert {name for name in listed if name.startswith("training")} == knows


@pytest.mark.parametrize(
    ("target", "absent"),
    [
        ("recognize", ("django", "portal", "psycopg", "numpy", "cv2", "onnxruntime", "static", "manage.py")),
        ("portal", ("PIL", "pillow_heif", "numpy", "cv2", "onnxruntime", "node_modules", "infra", "drf_spectacular")),
    ],
)
def test_an_archive_holds_nothing_that_its_functions_do_not_use(
    archives: Archives, target: str, absent: tuple[str, ...]
) -> None:
    names = _names(archives.built(target))
    assert not {name.split("/")[0].split("-")[0] for name in names} & set(absent)
    assert not [name for name in names if re.search(r"(^|/)(tests|__pycache__/.*cpython-311)/", name)]
    services = {match[1] for name in names if (match := re.match(r"botocore/data/([^/]+)/", name))}
    assert services == set(ARCHIVES[target].services)
    # Addresses and retries are decided by these.
    assert {"botocore/data/endpoints.json", "botocore/data/partitions.json", "botocore/data/_retry.json"} <= names


@pytest.mark.parametrize("target", TARGETS)
def test_libraries_are_of_the_functions_processor_and_python(archives: Archives, target: str) -> None:
    archive = zipfile.ZipFile(archives.built(target))
    compiled = [name for name in archive.namelist() if ".so" in Path(name).suffixes or name.endswith(".so")]
    assert compiled
    for name in compiled:
        machine = archive.read(name)[18:20]
        assert machine == (183).to_bytes(2, "little"), f"{name} is not for aarch64"
        assert re.search(r"cpython-313|abi3", name) or ".libs/" in name or "cpython" not in name


@pytest.mark.parametrize("target", TARGETS)
def test_every_module_is_compiled_without_a_trace_of_where(archives: Archives, target: str) -> None:
    archive = zipfile.ZipFile(archives.built(target, HOST))
    sources = {name for name in archive.namelist() if name.endswith(".py")}
    modules = [name for name in archive.namelist() if name.endswith(".pyc")]
    assert len(modules) > 400
    ours = {"portal", "recognition", "webhooks", "lambdas", "training", "manage.py"}
    assert {name.split("/")[0] for name in sources} <= ours
    for name in modules:
        content = archive.read(name)
        # PEP 552: hash-based, and never checked against a source.
        assert (content[:4], content[4:8]) == (MAGIC_NUMBER, b"\1\0\0\0"), name
        code = marshal.loads(content[16:])  # noqa: S302  (our own build)
        assert isinstance(code, CodeType)
        assert code.co_filename.startswith("/var/task/"), name


@pytest.mark.parametrize("target", TARGETS)
def test_bytecode_for_the_functions_is_of_their_python_or_left_out(archives: Archives, target: str) -> None:
    archive = zipfile.ZipFile(archives.built(target))
    modules = [name for name in archive.namelist() if name.endswith(".pyc")]
    if bytecode.find_python("3.13") is None:
        assert modules == []
    else:
        # 3571 is the magic number of every 3.13, since its first release.
        assert {archive.read(name)[:4] for name in modules} == {(3571).to_bytes(2, "little") + b"\r\n"}


@pytest.mark.parametrize(
    ("target", "function"), [(target, name) for target, names in FUNCTIONS.items() for name in names]
)
def test_a_handler_imports_from_its_archive_alone(
    archives: Archives, target: str, function: str, tmp_path: Path
) -> None:
    folder = archives.unpacked(target)
    program = (
        "import importlib, json, sys\n"
        "module = importlib.import_module(sys.argv[1])\n"
        "assert callable(module.handle)\n"
        "files = [getattr(m, '__file__', None) or '' for m in sys.modules.values()]\n"
        "print(json.dumps({'files': files, 'modules': sorted(sys.modules)}))\n"
    )
    loaded = json.loads(_run(folder, program, tmp_path, f"lambdas.{function}.handler").splitlines()[-1])
    assert not [file for file in loaded["files"] if "site-packages" in file or file.startswith(str(ROOT) + os.sep)]
    assert not {"numpy", "cv2", "onnxruntime"} & set(loaded["modules"])
    if target == "portal":
        assert "PIL" not in loaded["modules"]


@pytest.mark.parametrize("kind", list(ImageFormat))
def test_every_format_that_we_read_is_read_from_the_archive(
    archives: Archives, kind: ImageFormat, tmp_path: Path
) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    picture = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(picture, kind.value)
    (tmp_path / "picture").write_bytes(picture.getvalue())
    program = (
        "import sys, pathlib\n"
        "from recognition.image import prepare\n"
        "prepared = prepare(pathlib.Path(sys.argv[1]))\n"
        "print(prepared.info.format, prepared.info.width, prepared.info.height)\n"
    )
    said = _run(archives.unpacked("recognize"), program, tmp_path, str(tmp_path / "picture"))
    assert said == f"{kind.value} 256 256\n"


def test_pages_are_served_from_the_archive_alone(archives: Archives, tmp_path: Path) -> None:
    program = """
import json, os, sys
del os.environ["DATABASE_HOST"]
os.environ |= {"DATABASE_URL": "sqlite:///" + sys.argv[1], "DJANGO_SETTINGS_MODULE": "portal.settings"}
import django
django.setup()
from django.core.management import call_command
from io import BytesIO
from portal.wsgi import application
call_command("migrate", verbosity=0)
call_command("createcachetable", verbosity=0)

def get(path):
    said = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "localhost", "SERVER_PORT": "443",
               "wsgi.url_scheme": "https", "wsgi.input": BytesIO(), "HTTP_X_FORWARDED_PROTO": "https"}
    body = b"".join(application(environ, lambda status, headers: said.append(status)))
    return said[0], body.decode()

paths = ["/", "/accounts/login/", "/accounts/signup/", "/admin/login/"]
paths += ["/api/v1/schema", "/api/v1/docs", "/api/v1/problems"]
pages = {path: get(path) for path in paths}
import re
for address in sorted(set(re.findall(r'(?:src|href)="(/static/[^"]+)"', " ".join(p[1] for p in pages.values())))):
    pages[address] = get(address)
print(pages["/api/v1/schema"][1].replace("\\n", " "))
print(json.dumps({path: status for path, (status, _) in pages.items()}))
"""
    said = _run(archives.unpacked("portal"), program, tmp_path, str(tmp_path / "database"))
    *_, document, statuses_line = said.splitlines()
    # Made when the archive was built, and the same as where it is made while it is asked for.
    assert json.loads(document) == openapi_document()
    statuses = json.loads(statuses_line)
    assert set(statuses.values()) <= {"200 OK", "302 Found"}, statuses
    assert len([path for path in statuses if path.startswith("/static/")]) > 5


def test_the_portals_archive_holds_the_certificates_that_aurora_is_checked_against(archives: Archives) -> None:
    held = zipfile.ZipFile(archives.built("portal")).read("rds-global-bundle.pem")
    assert held == archives.certificates().read_bytes()
