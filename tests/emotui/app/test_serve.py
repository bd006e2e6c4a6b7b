"""`emotui serve` as a process: the page, who may have it, a tab, and every way it ends."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from emotui.session import load_session
from tests.emotui.conftest import Run

WAIT_S = 30.0


class Served:
    """A running `emotui serve` on a free port."""

    def __init__(self, home: Path) -> None:
        for name in ("workbench", "datasets"):  # not a first start: nothing is prepared
            (home / name).mkdir()
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "-m", "emotui", "serve", "--port", "0", "--home", str(home)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.note = self.process.stdout.readline()

    @property
    def port(self) -> int:
        """The port it took."""
        return int(self.url.split(":")[2].split("/")[0])

    def workbenches(self) -> list[psutil.Process]:
        """The processes behind the tabs."""
        return psutil.Process(self.process.pid).children()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path)
    yield server
    if server.process.poll() is None:
        server.process.kill()
    server.process.communicate()


def fetch(url: str) -> tuple[int, str]:
    """Status and text of a page; no proxy is asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=WAIT_S) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, ""


def until(true: Callable[[], object], what: str) -> None:
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_the_page_comes_from_loopback_only_and_only_by_its_address(served: Served) -> None:
    status, page = fetch(served.url)
    assert status == 200
    assert f"ws://127.0.0.1:{served.port}/" in page
    assert "https://" not in page, "nothing of the page comes from the network"
    assert "http://" not in page
    base = f"http://127.0.0.1:{served.port}"
    assert fetch(f"{base}/static/js/textual.js")[0] == 200
    assert fetch(f"{base}/")[0] == 404
    assert fetch(f"{base}/ws")[0] == 404
    assert f"ssh -L {served.port}:127.0.0.1:{served.port} server" in served.note

    open_sockets = psutil.Process(served.process.pid).net_connections("inet")
    listening = [tuple(c.laddr) for c in open_sockets if c.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", served.port)]


async def first_screen(served: Served, then: Callable[[], None]) -> str:
    """Opens a tab, presses 7, calls `then` once the Jobs pane is on it; what was drawn."""
    drawn = ""
    async with aiohttp.ClientSession() as session:
        url = served.url.replace("http", "ws", 1) + "ws?width=100&height=30"
        async with session.ws_connect(url, timeout=aiohttp.ClientWSTimeout(ws_close=1)) as tab:
            pressed = False
            async with asyncio.timeout(WAIT_S):
                async for message in tab:
                    drawn += message.data.decode() if isinstance(message.data, bytes) else ""
                    if "quit" in drawn and not pressed:
                        pressed = True
                        await tab.send_json(["stdin", "7"])
                    if "JOBS" in drawn:
                        break
            await asyncio.to_thread(then)
    return drawn


def test_a_tab_is_a_workbench_and_closing_it_saves(served: Served) -> None:
    seen: list[int] = []
    drawn = asyncio.run(first_screen(served, lambda: seen.append(len(served.workbenches()))))
    assert "emotui" in drawn
    assert seen == [1]
    until(lambda: not served.workbenches(), "the workbench left with its tab")
    assert load_session(served.home / "workbench" / "session.json").session.pane == "jobs"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_workbench_leaves_with_the_server(served: Served, number: signal.Signals) -> None:
    """Also after a kill -9, when nobody is left to tell it."""
    left: list[psutil.Process] = []

    def stop() -> None:
        left.extend(served.workbenches())
        os.kill(served.process.pid, number)

    asyncio.run(first_screen(served, stop))
    assert len(left) == 1
    until(lambda: not left[0].is_running() or left[0].status() == "zombie", "the workbench ended")
    code = served.process.wait(WAIT_S)
    assert code == (-number if number == signal.SIGKILL else 0)
    assert load_session(served.home / "workbench" / "session.json").session.pane == "jobs"


@pytest.mark.parametrize("host", ["0.0.0.0", "::1", "example.org"])
def test_another_host_is_refused(emotui: Run, host: str) -> None:
    outcome = emotui("serve", "--host", host)
    assert outcome.code == 2
    assert "127.0.0.1 only" in outcome.error
    assert "ssh -L 8000:127.0.0.1:8000 server" in outcome.error


def test_a_port_in_use_is_one_line(emotui: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        outcome = emotui("serve", "--port", taken.getsockname()[1])
    assert outcome.code == 2
    assert "in use; give another, or 0" in outcome.error


def test_without_textual_serve_it_says_what_to_install(
    emotui: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.split(".")[0] == "textual_serve"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "emotui.browser", raising=False)
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    outcome = emotui("serve")
    assert outcome.code == 2
    assert "pip install 'emotui[serve]'" in outcome.error
