"""A server that takes vitrine's place: it answers what a test says, and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONFIRMED = {"status": "ok", "confirmed": True, "matched_rule": True, "purged": [], "event": "vitrine.changed"}


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    fields: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """What to answer: a status, a body (an object is written as JSON), fields."""

    status: int = 200
    body: Any = field(default_factory=lambda: dict(CONFIRMED))
    fields: dict[str, str] = field(default_factory=dict)
    #: Bytes in place of an HTTP answer.
    raw: bytes | None = None
    #: Nothing is answered until this is set.
    hold: threading.Event | None = None
    #: One byte now and then, without end, until the client leaves.
    drip: bool = False


class FakeVitrine:
    """Answers in the order of `replies`, the last of them for ever."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.replies: list[Reply] = [Reply()]
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                fields = {name.lower(): value for name, value in self.headers.items()}
                fake._answer(self, Asked(self.command, self.path, fields, body))

            do_GET = do_POST = _answer

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Clients that leave early are what some tests are about."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.webhook_url = f"{self.url}/webhooks/shop"

    def _answer(self, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        with self._lock:
            self.asked.append(asked)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.hold is not None:
            reply.hold.wait(30)
        if reply.raw is not None:
            handler.wfile.write(reply.raw)
            handler.close_connection = True
            return
        if reply.drip:
            _drip(handler)
            return
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        handler.send_response(reply.status)
        for name, value in {"Content-Length": str(len(body)), **reply.fields}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)


def _drip(handler: BaseHTTPRequestHandler) -> None:
    gone = threading.Event()
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not gone.wait(0.05):
            handler.wfile.write(b" ")
            handler.wfile.flush()
    except OSError:
        handler.close_connection = True


@contextmanager
def fake_vitrine() -> Iterator[FakeVitrine]:
    """One that runs as long as the block."""
    fake = FakeVitrine()
    thread = threading.Thread(target=fake.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.server.shutdown()
        fake.server.server_close()
        thread.join()
