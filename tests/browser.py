"""A real Chromium for tests, without a window, spoken to over a pipe in the DevTools protocol."""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60
OPTIONS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # which root may not have
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--window-size=1280,1600",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # what a page asks of others is seen, and goes nowhere
)


class Page:
    """One page. `asked` has the addresses of its requests, `complaints` what the browser would write to its console."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing, self._rest = reading, writing, b""
        self._number, self._session = 0, ""
        self.asked: list[str] = []
        self.complaints: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for room in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{room}.enable")

    def open(self, address: str) -> None:
        """Go there. What it shows comes later: see `until`."""
        self._call("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """Of an expression of JavaScript in the page."""
        told = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def until(self, expression: str, seconds: float = 20) -> Any:
        """What the expression is once it is true; an AssertionError where it never is."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.value(expression):
                return value
            time.sleep(0.1)
        raise AssertionError(f"never so: {expression}; asked for {self.asked}; complaints {self.complaints}")

    def rest(self, seconds: float = 1.5) -> None:
        """Wait until nothing was asked for so long: a browser fetches icons when the page has been shown."""
        asked, since = -1, time.monotonic()
        while time.monotonic() - since < seconds:
            self.value("0")  # with which comes what happened
            if asked != len(self.asked):
                asked, since = len(self.asked), time.monotonic()
            time.sleep(0.1)

    def picture(self, path: Path) -> None:
        """Write what the window shows as PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        while (told := self._next()).get("id") != self._number:
            self._note(told)
        assert "error" not in told, told
        return told["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._reading], [], [], SECONDS)[0], "Chromium says nothing any more"
            more = os.read(self._reading, 1 << 16)
            assert more, "Chromium has ended"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _note(self, told: dict[str, Any]) -> None:
        match told.get("method"), told.get("params"):
            case "Network.requestWillBeSent", said:
                self.asked.append(said["request"]["url"])
            case "Log.entryAdded", said:
                self.complaints.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
            case "Runtime.exceptionThrown", said:
                self.complaints.append(said["exceptionDetails"]["text"])
            case "Runtime.consoleAPICalled", said if said["type"] == "error":
                self.complaints.append(str(said["args"]))


@contextlib.contextmanager
def browse() -> Iterator[Page]:
    """An empty page of a browser of its own, which ends with it; the test is skipped where there is no Chromium."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium: Debian's package chromium")
    theirs_in, ours_out = _pipe()
    ours_in, theirs_out = _pipe()
    # The browser reads 3 and writes 4. A shell puts them there: nothing of ours may run after a fork beside threads.
    places = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen(
            ["bash", "-c", places, chromium, *OPTIONS, f"--user-data-dir={profile}"],
            pass_fds=(theirs_in, theirs_out),
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            yield Page(ours_in, ours_out)
        finally:
            os.close(ours_out)  # at which it leaves
            os.close(ours_in)
            try:
                browser.wait(10)
            except subprocess.TimeoutExpired:
                browser.kill()
                browser.wait()


def _pipe() -> tuple[int, int]:
    """The two ends, numbered above those that the shell gives away."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]
