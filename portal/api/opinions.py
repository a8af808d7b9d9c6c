"""Reading what an owner says of a label: strictly, naming every field that is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.api.announcing import invalid, require_object, wrong_text
from portal.moderation.models import Suggestion

LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True)
class Opinion:
    """That `label` is right, wrong, or should be `instead`; empty unless `kind` says so."""

    label: str
    kind: str
    instead: str = ""


def read_opinion(document: Any) -> Opinion:
    """What the owner says. Raises Problem."""
    require_object(document, ("label", "kind", "instead"))
    corrects = document.get("kind") == Suggestion.Kind.INSTEAD
    needed = ("label", "kind", "instead") if corrects else ("label", "kind")
    errors = [(name, "It is missing.") for name in needed if name not in document]
    if "instead" in document and not corrects:
        errors.append(("instead", "It goes with no other kind than “instead”."))
    errors += [(name, why) for name in ("label", "instead") if (why := _wrong_label(document, name))]
    if "kind" in document and document["kind"] not in Suggestion.Kind.values:
        errors.append(("kind", f"It must be one of {', '.join(Suggestion.Kind.values)}."))
    if errors:
        raise invalid(errors)
    return Opinion(**document)


def _wrong_label(document: dict[str, Any], name: str) -> str:
    """What no label is called: no database takes NUL, nor the halves of characters."""
    why = wrong_text(document, name, 1, LONGEST_LABEL)
    value = document.get(name, "")
    if not why and ("\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
        return "It must hold letters only that can be stored."
    return why
