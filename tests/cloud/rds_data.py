"""The RDS Data API on the PostgreSQL that stands in for Aurora: each statement runs as the master user."""

from __future__ import annotations

import json
import re
from typing import Any, LiteralString, cast

import psycopg

from tests.cloud.stand_ins import Answer, Call


class DataApi:
    """`names` maps the database's name in the stack to its name on the test's server."""

    def __init__(self, connect: dict[str, Any], names: dict[str, str]) -> None:
        self._connect, self._names = connect, names
        self.resuming = 1
        """So many calls are answered that the database is still waking up, as Aurora does after a pause."""

    def __call__(self, call: Call) -> Answer:
        if self.resuming:
            self.resuming -= 1
            return Answer.error("DatabaseResumingException", "The database is resuming after being auto-paused.")
        document = json.loads(call.body)
        sql, values = _translated(document)
        for name, real in self._names.items():
            sql = re.sub(rf'(ON DATABASE )"?{name}"?', rf'\g<1>"{real}"', sql)
        try:
            with psycopg.connect(**self._connect, autocommit=True) as connection:
                cursor = connection.execute(cast(LiteralString, sql), values or None)
                rows = cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            return Answer.error("DatabaseErrorException", str(error))
        records = [[_field(value) for value in row] for row in rows]
        return Answer.of({"numberOfRecordsUpdated": max(cursor.rowcount, 0), "records": records})


def _translated(document: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The statement in psycopg's way of writing parameters, and their values."""
    parameters = document.get("parameters", [])
    values = {entry["name"]: next(iter(entry["value"].values())) for entry in parameters}
    sql: str = document["sql"]
    if values:
        sql = sql.replace("%", "%%")
        for name in values:
            sql = re.sub(rf"(?<!:):{name}\b", f"%({name})s", sql)
    return sql, values


def _field(value: Any) -> dict[str, Any]:
    if value is None:
        return {"isNull": True}
    if isinstance(value, bool):
        return {"booleanValue": value}
    return {"longValue": value} if isinstance(value, int) else {"stringValue": str(value)}
