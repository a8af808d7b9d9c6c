"""The report as a page to read: one HTML file that needs nothing else, without scripts, everything in it escaped."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from training.report_plots import colour, confusion_table, curves

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --accent: 0 114 178; --wrong: 213 94 0; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; } th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); }
th { text-align: left; } td { text-align: right; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } .corner { opacity: .6; font-size: .8rem; }
.right { background: rgb(var(--accent) / calc(var(--share) * .6)); }
.wrong { background: rgb(var(--wrong) / calc(var(--share) * .6)); }
figure { margin: 0; display: flex; gap: 1.5rem; align-items: center; flex-wrap: wrap; }
svg { width: 26rem; max-width: 100%; }
svg text { font-size: 11px; fill: currentColor; } .grid { stroke: var(--line); }
figcaption ul { list-style: none; padding: 0; }
figcaption span, .key { display: inline-block; width: .8rem; height: .8rem; margin-right: .5rem; border-radius: 50%; }
.worst { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 1rem; }
.worst img { width: 100%; height: auto; border-radius: .4rem; } .worst p { margin: .3rem 0 0; }
.verdict { border-left: .3rem solid rgb(var(--accent)); padding: .5rem 1rem; }
.refused { border-color: rgb(var(--wrong)); }
"""


def page(report: Mapping[str, Any], verdict: Mapping[str, Any], out: Path) -> str:
    """The whole page. The pictures that the report names are read from `out` and put into it."""
    model = report["model"]
    title = f"{model['name']} v{model['version']}"
    sections = (
        _verdict(verdict),
        _numbers(report),
        _section("Classes", _classes(report["candidate"])),
        _section("Precision and recall", curves(report["candidate"]["classes"]) + _dot_note()),
        _section("What was taken for what", _wide(confusion_table(report["candidate"]["confusion"]))),
        _section("The worst mistakes", _worst(report["worst"], out)),
        _section("Training", _facts(report["training"])),
        _section("Export", _facts(report["export"])),
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1><p>{escape(_trained_on(report))}</p>{''.join(sections)}</body></html>\n"
    )


def _trained_on(report: Mapping[str, Any]) -> str:
    images = report["dataset"]["images"]
    return (
        f"Trained on “{report['dataset']['name']}”: {images['train']} images to learn from, {images['validation']} to "
        f"choose by, {images['test']} to measure on, which the training never saw."
    )


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>{content}"


def _wide(content: str) -> str:
    return f'<div class="wide">{content}</div>'


def _verdict(verdict: Mapping[str, Any]) -> str:
    passed = verdict["verdict"] == "passed"
    against = f"against {verdict['against']}" if verdict["against"] else "on its own: nothing it could replace runs yet"
    margin = verdict["margin"]
    words = f"Judged on {verdict['images']} test images, {against}."
    if margin:
        words += f" mAP50 {margin[0]:+.2f}, between {margin[1]:+.2f} and {margin[2]:+.2f} in 95 of 100 such test sets."
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict["reasons"])
    return (
        f'<div class="verdict {"passed" if passed else "refused"}"><p><strong>'
        f"{'The gate lets it pass.' if passed else 'The gate refuses it.'}</strong> {escape(words)}</p>"
        f"{f'<ul>{reasons}</ul>' if reasons else ''}</div>"
    )


def _numbers(report: Mapping[str, Any]) -> str:
    """The new model and those of today in one table: mAP50 with its interval."""
    rows = [_detector_row(report["candidate"], "this one")]
    if report["running"]:
        rows.append(_detector_row(report["running"], "runs now"))
    rows += [_detector_row(other, "runs beside it") for other in report["others"]]
    head = _head("Detector", "", "Classes", "Images", "mAP", "mAP50", "This one there")
    return _section("Measured", _wide(f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"))


def _detector_row(measured: Mapping[str, Any], role: str) -> str:
    cells = (
        role,
        len(measured["classes"]),
        measured["images"],
        _decimal(measured["map"]),
        _between(measured["map50"]),
        _between(measured.get("candidate_map50")),
    )
    name = escape(f"{measured['name']} {measured['version']}")
    return f'<tr><th scope="row">{name}</th>{_cells(cells)}</tr>'


def _classes(measured: Mapping[str, Any]) -> str:
    head = _head("Class", "Boxes", "AP", "AP50", "From", "Precision", "Recall", "F1")
    rows = []
    for number, (name, one) in enumerate(measured["classes"].items()):
        values = (one["boxes"], _decimal(one["ap"]), _between(one["ap50"]), _decimal(one["threshold"]))
        quality = (_decimal(one["precision"]), _decimal(one["recall"]), _decimal(one["f1"]))
        key = f'<span class="key" style="background:{colour(number)}"></span>'
        rows.append(f'<tr><th scope="row">{key}{escape(name)}</th>{_cells((*values, *quality))}</tr>')
    return _wide(f"<table>{head}<tbody>{''.join(rows)}</tbody></table>")


def _dot_note() -> str:
    return "<p>A dot is where the class is cut: the score that gave the best F1 on the validation images.</p>"


def _worst(mistakes: Sequence[Mapping[str, Any]], out: Path) -> str:
    if not mistakes:
        return "<p>There are none on the test images.</p>"
    figures = "".join(
        f'<div><img src="{_embedded(out / one["image"])}" alt=""><p>{escape(one["words"])}</p></div>'
        for one in mistakes
    )
    return f'<p>Green is what is there, orange what was said.</p><div class="worst">{figures}</div>'


def _embedded(picture: Path) -> str:
    return f"data:image/jpeg;base64,{b64encode(picture.read_bytes()).decode()}"


def _facts(facts: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name.replace("_", " "))}</th><td>{escape(_words(value))}</td></tr>'
        for name, value in facts.items()
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(one)}" for name, one in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "–" if value is None else str(value)


def _head(*cells: str) -> str:
    return f"<thead><tr>{''.join(f'<th>{escape(cell)}</th>' for cell in cells)}</tr></thead>"


def _cells(cells: Iterable[object]) -> str:
    return "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)


def _decimal(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _between(values: Sequence[float] | None) -> str:
    return f"{values[0]:.2f} ({values[1]:.2f}–{values[2]:.2f})" if values else "–"
