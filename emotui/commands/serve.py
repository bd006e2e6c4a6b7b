"""`emotui serve`: the workbench in a browser tab, from this machine only."""

from typing import Annotated

import typer

from emotui.commands.frame import HomeOption, settings_for
from emotui.errors import OptionError
from emotui.sanitize import one_line

EXAMPLE = "Example: emotui serve --port 8000"
LOOPBACK = "127.0.0.1"


def serve(
    port: Annotated[
        int, typer.Option("--port", help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 8000,
    host: Annotated[
        str, typer.Option("--host", help="Only 127.0.0.1 (or localhost) is allowed.")
    ] = LOOPBACK,
    home: HomeOption = None,
) -> None:
    """Serve the workbench to a browser on this machine; needs the extra `serve`.

    Prints the address, which ends in a random key: whoever has it can use the workbench. From
    another machine forward the port: `ssh -L 8000:127.0.0.1:8000 server`, then open the same
    address there. Each tab is a workbench of its own; closing it saves the session and stops jobs
    after what they have committed, which the next start resumes.
    """
    if host not in (LOOPBACK, "localhost"):
        raise OptionError(
            f"--host {one_line(host)} would let others in; emotui listens on {LOOPBACK} only. "
            f"Forward the port instead: ssh -L {port}:{LOOPBACK}:{port} server"
        )
    settings = settings_for(home)
    try:
        from emotui.browser import serve_workbench
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("textual_serve", "aiohttp"):
            raise
        raise OptionError(
            f"emotui serve needs {error.name}, which is not installed; "
            "install it with: pip install 'emotui[serve]'"
        ) from None
    serve_workbench(settings, address=LOOPBACK, port=port)
