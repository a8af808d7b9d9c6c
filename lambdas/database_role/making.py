"""The portal's database role, made through the RDS Data API: no connection, and no password that anybody keeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

# The cluster pauses when nobody asks; these end by themselves once it is up.
_WAKING_UP: Final = frozenset({"DatabaseResumingException", "DatabaseUnavailableException"})
_WAIT_S: Final = 2.0
# The Data API gives the server's error as text with the SQLSTATE (42710: duplicate_object).
_EXISTS: Final = ("SQLState: 42710", "already exists")


@dataclass(frozen=True, slots=True)
class Database:
    """The cluster, its master user's secret, and the database in it. All by ARN, but for the name."""

    cluster_arn: str
    secret_arn: str
    name: str


class RoleMaking:
    """`rds_data` is a client; `remaining_s` says how many seconds are left for the whole."""

    def __init__(
        self,
        rds_data: Any,
        database: Database,
        remaining_s: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rds_data = rds_data
        self._database = database
        self._remaining_s = remaining_s
        self._sleep = sleep

    def make(self, role: str) -> bool:
        """Make the role where it is not there, and give it its rights either way; True when it was made.

        Raises botocore's ClientError for what does not pass by itself, or not in the time there is.
        """
        name, database = quoted(role), quoted(self._database.name)
        created = self._create(name)
        self._execute(f"GRANT rds_iam TO {name}")
        self._execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {name}")
        self._execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {name}")
        return created

    def _create(self, name: str) -> bool:
        try:
            self._execute(f"CREATE ROLE {name} LOGIN")
        except ClientError as error:
            if any(mark in error.response["Error"]["Message"] for mark in _EXISTS):
                return False
            raise
        return True

    def _execute(self, sql: str) -> None:
        while True:
            try:
                self._rds_data.execute_statement(
                    resourceArn=self._database.cluster_arn,
                    secretArn=self._database.secret_arn,
                    database=self._database.name,
                    sql=sql,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in _WAKING_UP or self._remaining_s() < 2 * _WAIT_S:
                    raise
                self._sleep(_WAIT_S)
            else:
                return


def quoted(identifier: str) -> str:
    """The identifier as SQL takes it, whatever it holds. Raises ValueError for what PostgreSQL cannot hold."""
    if not identifier or "\0" in identifier:
        raise ValueError(f"{identifier!r} is no name that PostgreSQL can hold")
    return '"' + identifier.replace('"', '""') + '"'
