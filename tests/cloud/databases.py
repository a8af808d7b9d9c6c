"""A fresh database on the PostgreSQL server that TEST_DATABASE_URL names: what Aurora's first database is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import environ
import psycopg
from psycopg import sql

from tests.requirements import required


@dataclass(frozen=True)
class Database:
    """`connect` is how the master user connects to it."""

    connect: dict[str, Any]

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read what the functions have stored."""
        with psycopg.connect(**self.connect) as connection:
            return connection.execute(statement, values or None).fetchall()  # type: ignore[arg-type]

    def execute(self, statement: str, *values: Any) -> None:
        with psycopg.connect(**self.connect, autocommit=True) as connection:
            connection.execute(statement, values or None)  # type: ignore[arg-type]

    def erase(self, table: str, which: str, *values: Any, beneath: frozenset[str] = frozenset()) -> None:
        """Delete rows, and before them those that refer to them."""
        beneath |= {table}
        for referring, column in self.rows(_REFERRING, table):
            if referring not in beneath:
                chosen = f"{column} IN (SELECT id FROM {table} WHERE {which})"  # noqa: S608 (our own tables)
                self.erase(referring, chosen, *values, beneath=beneath)
        self.execute(f"DELETE FROM {table} WHERE {which}", *values)  # noqa: S608


_REFERRING = """SELECT conrelid::regclass::text, attname
                FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
                WHERE contype = 'f' AND confrelid = %s::regclass"""


@contextmanager
def fresh_database() -> Iterator[Database]:
    server = os.environ.get("TEST_DATABASE_URL", "")
    if not server:
        required("postgresql", "TEST_DATABASE_URL names no PostgreSQL server")
    values = environ.Env.db_url_config(server)
    connect = {"host": values["HOST"], "port": values["PORT"] or 5432, "user": values["USER"]}
    connect |= {"password": values["PASSWORD"]} if values["PASSWORD"] else {}
    name = f"imagesift_cloud_{os.getpid()}"
    with psycopg.connect(dbname="postgres", autocommit=True, **connect) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        # Aurora has this role; whoever is a member signs in with IAM tokens.
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'rds_iam'").fetchone():
            connection.execute("CREATE ROLE rds_iam NOLOGIN")
    try:
        yield Database({**connect, "dbname": name})
    finally:
        with psycopg.connect(dbname="postgres", autocommit=True, **connect) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
