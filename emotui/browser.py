"""Serves the workbench to browser tabs over textual-serve, on the loopback address only.

In: settings, a loopback address, a port. Out: pages, until a signal ends it. The page's path begins
with a random key, because other users of a shared server reach the loopback address too, and so
does every web page in the user's own browser. Page and fonts come from here, none from the network.
Each tab runs a workbench process of its own (see intab.py).
"""

import asyncio
import os
import secrets
import shlex
import signal
import socket
import sys
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from aiohttp import web
from aiohttp.web_runner import GracefulExit
from textual_serve.server import Server

from emotui.config import Settings
from emotui.errors import OptionError
from emotui.terminal import say

PAGE = Path(__file__).with_name("browser.html")
STOP_SECONDS = 15.0
"""How long the workbenches have to save and leave when the server is stopped."""
FONT_PX = 16
_ELSEWHERE = ("TMUX", "STY", "TERM_PROGRAM", "COLORTERM")
"""Of the server's terminal; a browser tab is another one."""


class TabServer(Server):
    """Textual-serve behind a secret path, with a page that needs no network."""

    def __init__(self, command: str, *, key: str) -> None:
        super().__init__(command, title="emotui")
        self._key = key
        self._tabs: set[asyncio.Task[Any]] = set()

    async def make(self) -> web.Application:
        """The routes; everything but the key's own path is not found."""
        app = web.Application()
        app.add_routes(
            [
                web.get(f"/{self._key}/", self.page),
                web.get(f"/{self._key}/ws", self.tab),
                web.get("/download/{key}", self.handle_download),
                web.static("/static", self.statics_path),
            ]
        )
        app.on_shutdown.append(self.close_tabs)
        return app

    async def page(self, request: web.Request) -> web.Response:
        """The page, with its socket on whatever port the browser came by (it may be forwarded)."""
        text = Template(PAGE.read_text(encoding="utf-8")).substitute(
            socket=escape(f"ws://{request.host}/{self._key}/ws"), font=FONT_PX
        )
        headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def tab(self, request: web.Request) -> web.WebSocketResponse:
        """One tab, until it is closed."""
        task = asyncio.current_task()
        assert task is not None
        self._tabs.add(task)
        try:
            return await self.handle_websocket(request)
        finally:
            self._tabs.discard(task)

    async def close_tabs(self, app: web.Application) -> None:
        """Every workbench saves and leaves."""
        del app
        for task in list(self._tabs):
            task.cancel()
        if self._tabs:
            await asyncio.wait(list(self._tabs), timeout=STOP_SECONDS)


def serve_workbench(settings: Settings, *, address: str, port: int) -> None:
    """Serves until SIGINT, SIGTERM or SIGHUP; port 0 takes a free one."""
    listening = _listen(address, port)
    port = listening.getsockname()[1]
    key = secrets.token_urlsafe(18)
    os.environ["EMOTUI_HOME"] = str(settings.home)
    for name in _ELSEWHERE:
        os.environ.pop(name, None)
    say(f"http://{address}:{port}/{key}/")
    say(
        "Only this machine reaches it, and whoever has the address. From your own: "
        f"ssh -L {port}:{address}:{port} server, then open the address there. Ctrl+C stops it."
    )
    sys.stdout.flush()
    # exec: the server is then the parent of the workbench, not a shell between them.
    server = TabServer(f"exec {shlex.quote(sys.executable)} -m emotui", key=key)
    loop = asyncio.new_event_loop()
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _leave)
    web.run_app(
        server.make(),
        sock=listening,
        print=None,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=STOP_SECONDS,
        loop=loop,
    )


def _leave() -> None:
    raise GracefulExit


def _listen(address: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address, port))
        listening.listen()  # the address that is printed answers from then on
    except OSError as error:
        listening.close()
        raise OptionError(
            f"--port {port}: {error.strerror or error}; give another, or 0 for a free one"
        ) from None
    return listening
