"""The shop, its sender and vitrine as processes of the driver's own, on free ports of this machine."""

import base64
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

#: Where the shop is.
PROJECT = Path(__file__).resolve().parent.parent
#: Seconds after which what was waited for is not coming.
DEADLINE_SECONDS = 60.0
#: Processes of the shop that answer.
WORKERS = 3
#: Seconds that a commit waits for vitrine: more than a shop would, because this machine may have much else to do.
COMMIT_WAIT_SECONDS = 20.0

Told = TypeVar("Told")


class Late(AssertionError):
    """What was waited for did not come."""


def until(is_so: Callable[[], Told], what: str, seconds: float = DEADLINE_SECONDS) -> Told:
    """Waits until something is so and gives what it was told. Raises `Late` after so many seconds."""
    ends_at = time.monotonic() + seconds
    while True:
        told = is_so()
        if told:
            return told
        if time.monotonic() > ends_at:
            raise Late(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody had a moment ago."""
    held = [socket.socket() for _ in range(count)]
    try:
        for own in held:
            own.bind(("127.0.0.1", 0))
        return [own.getsockname()[1] for own in held]
    finally:
        for own in held:
            own.close()


@dataclass
class Stage:
    """Everything that runs, and where."""

    folder: Path
    vitrine_binary: Path
    config: Path = PROJECT / "proxy.yaml"
    #: Where another vitrine_django is than the installed one.
    package: Path | None = None
    #: The core to which what is started is kept; none: it may use all of them.
    core: int | None = None
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.vitrine_port, self.admin_port, self.shop_port = _free_ports(3)
        self.query_log = self.folder / "queries.log"
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()

    def environment(self, **more: str) -> dict[str, str]:
        """What the processes are told."""
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "shop.settings",
            "PYTHONPATH": os.pathsep.join(str(own) for own in (PROJECT, self.package) if own),
            "SHOP_DATABASE": str(self.folder / "shop.sqlite3"),
            "SHOP_PORT": str(self.shop_port),
            "SHOP_COMMIT_WAIT_SECONDS": str(COMMIT_WAIT_SECONDS),
            "SHOP_QUERY_LOG": str(self.query_log),
            "VITRINE_PORT": str(self.vitrine_port),
            "VITRINE_ADMIN_PORT": str(self.admin_port),
            "VITRINE_ADMIN_URL": f"http://127.0.0.1:{self.admin_port}",
            "VITRINE_PUBLIC_URL": f"http://127.0.0.1:{self.vitrine_port}",
            "VITRINE_DATA_DIR": str(self.folder / "vitrine"),
            "VITRINE_WEBHOOK_SECRET": self.secret,
            "VITRINE_WEBHOOK_URL": f"http://127.0.0.1:{self.vitrine_port}/webhooks/shop",
            **more,
        }

    def manage(self, *arguments: str) -> str:
        """Runs a command of the shop and gives what it printed. Raises `AssertionError` where it fails."""
        command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
        ended = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, f"{' '.join(arguments)} ended with {ended.returncode}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def start_shop(self, *, with_cache: bool = True, commit_wait_seconds: float = COMMIT_WAIT_SECONDS) -> None:
        """The shop; without a cache it does not know of vitrine at all."""
        more = {"SHOP_COMMIT_WAIT_SECONDS": str(commit_wait_seconds)}
        if not with_cache:
            more["VITRINE_WEBHOOK_URL"] = ""
        bind = f"127.0.0.1:{self.shop_port}"
        command = [sys.executable, "-m", "gunicorn", "--workers", str(WORKERS), "--bind", bind, "--worker-tmp-dir", str(self.folder)]
        # Kept-alive connections of the proxy would hold a synchronous worker each.
        command += ["--worker-class", "gthread", "--threads", "4", "--keep-alive", "10", "--log-level", "warning"]
        self._start("shop", [*command, "shop.wsgi"], self.environment(**more))
        until(lambda: _answers(self.shop_port, "/accounts/login/"), "the shop answers")

    def start_sender(self) -> None:
        """The shop's sender."""
        self._start("sender", [sys.executable, str(PROJECT / "manage.py"), "vitrine_sender"], self.environment())

    def start_vitrine(self) -> None:
        """vitrine, with what it had stored before."""
        command = [str(self.vitrine_binary), "serve", "--config", str(self.config)]
        self._start("vitrine", command, self.environment())
        until(lambda: _answers(self.admin_port, "/health/ready"), "vitrine is ready")

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        assert name not in self.running, f"{name} runs already"
        if self.core is not None:
            command = ["taskset", "--cpu-list", str(self.core), *command]
        with self.log_of(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, cwd=PROJECT, start_new_session=True
            )

    def kill(self, name: str) -> None:
        """As the machine would, without a word."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE_SECONDS)

    def stop(self, name: str) -> None:
        """With a word, and until it has ended."""
        process = self.running.pop(name)
        process.terminate()
        try:
            process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def stop_all(self) -> None:
        """Everything that still runs."""
        for name in list(self.running):
            self.stop(name)

    def log_of(self, name: str) -> Path:
        """What a process has printed."""
        return self.folder / f"{name}.log"

    def admin(self, path: str) -> Any:
        """What vitrine's admin address answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=30)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
