"""The archive that a SageMaker endpoint unpacks: the model folder, the code that serves it, and the next start.

Source of the layout: https://docs.aws.amazon.com/sagemaker/latest/dg/adapt-inference-container.html
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

import recognition

MODEL_FOLDER, TORCH_FOLDER = "model", "torch"
ARCHIVE: Final = "model.tar.gz"
_CODE: Final = "code"
# What `inference.py` needs of `recognition`, and nothing that needs more than numpy, Pillow and onnxruntime.
_NEEDED: Final = (
    "__init__.py",
    "decoding.py",
    "errors.py",
    "findings.py",
    "flattening.py",
    "formats.py",
    "limits.py",
    "result.py",
    "truncation.py",
    "vocabulary.py",
    "detectors/__init__.py",
    "detectors/calibration.py",
    "detectors/detr.py",
    "detectors/model_folder.py",
    "detectors/onnx.py",
)
# Weights hardly get smaller however long one tries.
_COMPRESSION: Final = 1


def pack(out: Path) -> Path:
    """`out`/model.tar.gz, of `out`/model and `out`/torch. The same files make the same bytes, whenever it is made."""
    archive = out / ARCHIVE
    unfinished = archive.with_suffix(".part")
    with (
        unfinished.open("wb") as raw,
        gzip.GzipFile("", "wb", _COMPRESSION, raw, mtime=0) as packed,
        tarfile.open(mode="w", fileobj=packed, format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, content in sorted(_contents(out), key=lambda each: each[0]):
            _add(tar, name, content)
    unfinished.replace(archive)
    return archive


def unpacked(out: Path, folder: Path) -> None:
    """The archive's content as files in `folder`: where a training job leaves its model, SageMaker packs it itself."""
    for name, content in _contents(out):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())


def _contents(out: Path) -> Iterator[tuple[str, Path | bytes]]:
    """Names in the archive with the file that lies there, or its bytes."""
    for source, prefix in ((MODEL_FOLDER, ""), (TORCH_FOLDER, f"{TORCH_FOLDER}/")):
        for path in (out / source).iterdir():
            yield prefix + path.name, path
    yield f"{_CODE}/inference.py", Path(__file__).with_name("inference.py")
    yield f"{_CODE}/requirements.txt", requirements().encode()
    package = Path(recognition.__file__).parent
    for name in _NEEDED:
        yield f"{_CODE}/recognition/{name}", package / name


def requirements() -> str:
    """What the serving image lacks, at the version that the model was checked with; the others it has."""
    return f"numpy\nonnxruntime=={version('onnxruntime')}\npillow\n"


def _add(tar: tarfile.TarFile, name: str, content: Path | bytes) -> None:
    about = tarfile.TarInfo(name)
    about.mode = 0o644
    if isinstance(content, bytes):
        about.size = len(content)
        tar.addfile(about, io.BytesIO(content))
        return
    about.size = content.stat().st_size
    with content.open("rb") as file:
        tar.addfile(about, file)
