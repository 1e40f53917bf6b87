"""A real browser without a window, driven through the DevTools protocol over two pipes: no driver, no port."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = "no Chromium here (on Debian: apt-get install chromium)"
_READ, _WRITE = 3, 4  # the descriptors that --remote-debugging-pipe reads commands from, and writes to


@dataclass
class Tab:
    """A page in the browser: what it said and asked for since it was opened."""

    to_browser: int
    from_browser: int
    session: str = ""
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    loaded: bool = False
    _sent: int = 0
    _read: bytes = b""

    def open(self, path: Path, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Show a file at a width in CSS pixels, and wait until all of it is there."""
        self.console.clear()
        self.requests.clear()
        self.loaded = False
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=path.absolute().as_uri())
        while not self.loaded:
            self._receive()

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def screenshot(self) -> bytes:
        """What is in the window, as a PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; what happens meanwhile is noted."""
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._sent:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            data = os.read(self.from_browser, 1 << 20)
            if not data:
                raise AssertionError("the browser went away")
            self._read += data
        message, _, self._read = self._read.partition(b"\0")
        held: dict[str, Any] = json.loads(message)
        self._note(held.get("method"), held.get("params", {}))
        return held

    def _note(self, event: str | None, params: dict[str, Any]) -> None:
        if event == "Runtime.consoleAPICalled":
            self.console.append(f"{params['type']}: {params['args']}")
        elif event == "Runtime.exceptionThrown":
            self.console.append(f"exception: {params['exceptionDetails']}")
        elif event == "Log.entryAdded":
            self.console.append(f"{params['entry']['level']}: {params['entry']['text']}")
        elif event == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif event == "Page.loadEventFired":
            self.loaded = True


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are none of the two descriptors that the browser gets."""
    low = os.pipe()
    read, write = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low)
    for end in low:
        os.close(end)
    return read, write


@contextmanager
def browser_tab() -> Iterator[Tab]:
    """An empty tab of a browser with a profile of its own, which ends with it."""
    assert BROWSER is not None, MISSING
    theirs_in, ours_out = _pipe()
    ours_in, theirs_out = _pipe()
    with tempfile.TemporaryDirectory(prefix="browser.", ignore_cleanup_errors=True) as profile:
        command = [
            BROWSER, "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run",
            "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-background-networking",
            "--force-color-profile=srgb", *(["--no-sandbox"] if os.geteuid() == 0 else []), "about:blank",
        ]  # fmt: skip
        # The two descriptors by the shell: in a process with threads nothing may run between fork and exec.
        wired = ["bash", "-c", f'exec "$@" {_READ}<&{theirs_in} {_WRITE}>&{theirs_out}', "bash", *command]
        with subprocess.Popen(
            wired, pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            os.close(theirs_in)
            os.close(theirs_out)
            try:
                tab = Tab(ours_out, ours_in)
                target = tab.call("Target.createTarget", url="about:blank")["targetId"]
                tab.session = tab.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
                for domain in ("Page", "Runtime", "Log", "Network"):
                    tab.call(f"{domain}.enable")
                yield tab
            finally:
                # The browser ends when nobody is at the other end of its pipes.
                os.close(ours_out)
                os.close(ours_in)
                process.wait(timeout=30)
