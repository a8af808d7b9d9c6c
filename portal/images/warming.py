"""Loading the detectors' models before anybody waits for them."""

from __future__ import annotations

import io
from uuid import uuid4

import numpy as np
from PIL import Image as PILImage

from portal.images.detecting import detectors
from recognition.limits import Limits
from recognition.recognizer import recognize
from recognition.result import Source


def warm_up() -> None:
    """Load every model now, by recognising a blank picture, so that the first upload does not wait for it."""
    blank = np.full((128, 128, 3), 127, np.uint8)
    encoded = io.BytesIO()
    PILImage.fromarray(blank).save(encoded, "PNG")
    free = [detector for detector in detectors() if not detector.paid]
    if free:
        source = Source(storage="none", key="blank")
        recognize(encoded.getvalue(), image_id=uuid4(), stored_as=source, detectors=free, limits=Limits())
