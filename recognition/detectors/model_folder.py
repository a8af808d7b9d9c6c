"""The folder that a detector's model lies in: Hugging Face's layout, and what ImageSift adds of its own.

`model.onnx`, `config.json` with `id2label` and `model_type`, and `preprocessor_config.json` are needed. A model that
was fine-tuned here has an `imagesift.json` beside them: its name and version, and how sure it has to be of each class.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from recognition.detectors.calibration import Calibration

MODEL, CONFIG, PREPROCESSOR, ABOUT = "model.onnx", "config.json", "preprocessor_config.json", "imagesift.json"
MODEL_FILES: Final = (MODEL, CONFIG, PREPROCESSOR)
"""Without these it is no model folder."""
ABOUT_SCHEMA: Final = "imagesift.model/1"


class ModelFolderError(Exception):
    """The model folder is incomplete or its files do not fit together; no image can be at fault."""


class ModelFolder:
    """Reads each file once, when it is first asked for; whatever is wrong with it raises ModelFolderError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        return self._path.name

    @cached_property
    def version(self) -> str:
        """The model's type, or its name and version where it has them, and 12 hex digits over the folder's files."""
        digest = hashlib.sha256()
        for name in (MODEL, CONFIG, PREPROCESSOR, *([ABOUT] if self.about else [])):
            with self.file(name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        title = "{name}-v{version}".format_map(self.about) if self.about else self.model_type
        return f"{title}-{digest.hexdigest()[:12]}"

    @property
    def model_type(self) -> str:
        return str(self._config["model_type"])

    @cached_property
    def names(self) -> Mapping[int, str]:
        """The model's classes by their number."""
        return {int(number): name for number, name in self._config["id2label"].items()}

    @cached_property
    def preprocessor(self) -> Mapping[str, Any]:
        return self._json(PREPROCESSOR)

    @cached_property
    def about(self) -> Mapping[str, Any] | None:
        """`imagesift.json`, or None for a model that does not come from here."""
        if not (self._path / ABOUT).is_file():
            return None
        values = self._json(ABOUT, "schema", "name", "version")
        if values["schema"] != ABOUT_SCHEMA:
            raise ModelFolderError(f"{self.name}: {ABOUT} is of a kind that is not known here: {values['schema']}.")
        return values

    @cached_property
    def calibration(self) -> Calibration:
        """Leaves confidences as they are where nothing else is said."""
        thresholds = self.about.get("thresholds", {}) if self.about else {}
        try:
            return Calibration({number: float(thresholds.get(name, 0.5)) for number, name in self.names.items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise ModelFolderError(f"{self.name}: {ABOUT} has thresholds that cannot be used: {error}") from error

    def file(self, name: str) -> Path:
        path = self._path / name
        if not path.is_file():
            raise ModelFolderError(f"The model folder “{self.name}” has no {name}.")
        return path

    @cached_property
    def _config(self) -> Mapping[str, Any]:
        return self._json(CONFIG, "model_type", "id2label")

    def _json(self, name: str, *required: str) -> Mapping[str, Any]:
        try:
            values: dict[str, Any] = json.loads(self.file(name).read_text())
        except ValueError as error:
            raise ModelFolderError(f"{self.name}: {name} is not JSON: {error}") from error
        for key in required:
            if key not in values:
                raise ModelFolderError(f"{self.name}: {name} does not say “{key}”.")
        return values
