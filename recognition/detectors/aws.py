"""A service's client, made by the first thread that asks something, and how such services are asked."""

from __future__ import annotations

import threading
from typing import Any, Final

ATTEMPTS: Final = 4
_CONNECT_TIMEOUT_S: Final = 5
READ_TIMEOUT_S: Final = 20


# Sessions may be shared, and must not make two clients at once.
_sessions_lock = threading.Lock()


class LazyClient:
    """One botocore client for all threads. Importing botocore and reading credentials are for those who ask something.

    botocore's standard mode tries up to four times what may be tried again: throttling, exceeded throughput, internal
    errors and lost connections. `region` and credentials default to what botocore finds.
    """

    def __init__(
        self,
        service: str,
        region: str | None = None,
        endpoint_url: str | None = None,
        *,
        read_timeout_s: int = READ_TIMEOUT_S,
        session: Any = None,
    ) -> None:
        """`session` is botocore's, where the process has one already: making another takes a tenth of a second."""
        self._service = service
        self._session = session
        self._region = region
        self._endpoint_url = endpoint_url
        self._read_timeout_s = read_timeout_s
        self._client: Any = None
        self._lock = threading.Lock()

    def get(self) -> Any:
        """The client. Raises botocore's BotoCoreError where region or credentials are missing."""
        with self._lock:
            if self._client is None:
                self._client = self._made()
            return self._client

    def _made(self) -> Any:
        import botocore.session
        from botocore.config import Config

        config = Config(
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=self._read_timeout_s,
        )
        with _sessions_lock:
            session = self._session or botocore.session.get_session()
            return session.create_client(
                self._service, region_name=self._region, endpoint_url=self._endpoint_url, config=config
            )
