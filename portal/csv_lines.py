"""Tables of any length as CSV, line by line in constant memory, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

# Spreadsheets take a cell that begins so for a formula, and run it.
# Source: OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

# Without it spreadsheets read the file in the letters of the last century.
_BYTE_ORDER_MARK = "\ufeff"


class _Line:
    """A file to `csv.writer` that hands back each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """The columns' names and then each row. A cell that a spreadsheet would run gets an apostrophe in front."""
    writer = csv.writer(_Line())
    yield _BYTE_ORDER_MARK + writer.writerow(columns)
    for row in rows:
        yield writer.writerow([_defused(cell) for cell in row])


def _defused(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell
