"""moto's server on loopback, answering one request at a time: its tables are not atomic between threads."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Say nothing: the tests' output is theirs."""


Application = Callable[..., Iterable[bytes]]


@contextmanager
def moto_server(wrap: Callable[[Application], Application] = lambda application: application) -> Iterator[str]:
    """The URL of a server with every service moto knows. `wrap` may listen in on it."""
    server = make_server("127.0.0.1", 0, wrap(_one_at_a_time()), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def forget_everything(url: str) -> None:
    request = urllib.request.Request(f"{url}/moto-api/reset", method="POST")  # noqa: S310 (loopback)
    urllib.request.urlopen(request).close()  # noqa: S310


def _one_at_a_time() -> Callable[..., Iterable[bytes]]:
    moto = DomainDispatcherApplication(create_backend_app)
    lock = threading.Lock()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with lock:
            return list(moto(environ, start_response))

    return application
