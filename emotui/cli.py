"""The `emotui` command: puts the command groups together and turns errors into one line.

In: the command line. Out: an exit code: 0 done, 2 a mistake in what was asked (one line on
stderr), 130/143/129 stopped by a signal. Imports neither torch nor transformers.
"""

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from emotui.commands import (
    audit,
    audit_edit,
    data,
    demo,
    extract,
    frame,
    probe,
    runs,
    score,
    serve,
    steer,
    tools,
    vectors,
)
from emotui.errors import Stopped, UserError
from emotui.sanitize import one_line
from emotui.terminal import remark, say
from store.errors import StoreError
from vectors.errors import VectorsError

NO_TERMINAL = """\
The workbench needs a terminal to draw on; here there is none.
These commands do its work:

  emotui demo                  the whole way on the embedded model, offline; writes REPORT.md
  emotui data import FILE      bring in texts with labels; then: data check, data show
  emotui extract               run a model over a dataset and keep its activations
  emotui probe RUN             where in the model can the labels be read, beside its baselines
  emotui vectors build RUN     one direction per emotion and layer
  emotui score VECTORS         colour the tokens of a text
  emotui steer VECTORS         push a model along a direction, beside controls
  emotui audit                 hold a claim against the controls its kind needs
  emotui serve                 the workbench itself, in a browser on this machine
  emotui runs, doctor, config, locate

`emotui COMMAND --help` explains one and gives an example.
"""

ORDER = ("demo", "data", "extract", "runs", "probe", "vectors", "score", "steer", "audit",
         "serve", "doctor", "config", "locate")  # fmt: skip


class InOrder(TyperGroup):
    """Lists the commands in the order of the work, not of their registration."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in order."""
        del ctx
        return list(ORDER)


app = typer.Typer(
    name="emotui",
    cls=InOrder,
    help="Find, check and steer emotion vectors in open language models.",
    epilog="Example: emotui demo",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo", epilog=demo.EXAMPLE, short_help="The whole way, offline.")(demo.demo)
app.add_typer(data.app, name="data")
app.command("extract", epilog=extract.EXAMPLE, short_help="Keep a model's activations.")(
    extract.extract
)
app.add_typer(runs.app, name="runs")
app.command("probe", epilog=probe.EXAMPLE, short_help="Accuracy by layer, beside baselines.")(
    probe.probe
)
app.add_typer(vectors.app, name="vectors")
app.command("score", epilog=score.EXAMPLE, short_help="Colour a text's tokens by emotion.")(
    score.score
)
app.command("steer", epilog=steer.EXAMPLE, short_help="Push a model along an emotion.")(steer.steer)
audit_edit.register(audit.app)
app.add_typer(audit.app, name="audit")
app.command("serve", epilog=serve.EXAMPLE, short_help="The workbench in a browser.")(serve.serve)
app.command("doctor", epilog=tools.DOCTOR_EXAMPLE, short_help="Is this machine ready?")(
    tools.doctor
)
app.command("config", epilog=tools.CONFIG_EXAMPLE, short_help="Settings and their origin.")(
    tools.config
)
app.command("locate", epilog=tools.LOCATE_EXAMPLE, short_help="Print the data directory.")(
    tools.locate
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"emotui {version('emotui')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    home: frame.HomeOption = None,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Find, check and steer emotion vectors in open language models."""
    del version
    frame.ROOT_HOME.set(home)
    if context.invoked_subcommand is None:
        from emotui.workbench import can_run, run_workbench

        if not can_run():
            say(NO_TERMINAL.rstrip())
            return
        code = run_workbench(frame.settings_for(home))
        if code:
            raise typer.Exit(code)


_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code. `argv=None` takes the process's own arguments."""
    if argv is None:
        _settle_process()
    command = typer.main.get_command(app)
    try:
        code = command.main(
            args=sys.argv[1:] if argv is None else list(argv),
            prog_name="emotui",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except (UserError, StoreError, VectorsError) as e:
        remark(f"emotui: {one_line(str(e))}")
        return 2
    except Stopped as e:
        remark(f"emotui: {one_line(str(e))}")
        return e.exit_code
    except (KeyboardInterrupt, typer.Abort):
        remark("emotui: stopped")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as e:
        remark(f"emotui: {one_line(_os_error(e))}")
        return 2
    except _UsageError as e:
        return _usage(e)
    return code if isinstance(code, int) else 0


def _usage(error: Exception) -> int:
    """A wrong option or argument as one line; a group without its command prints its help."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        say(context.get_help())
        return 0
    path = context.command_path if context is not None else "emotui"
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    remark(f"emotui: {one_line(message).rstrip('.')} (see {path} --help)")
    return 2


def _os_error(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def _settle_process() -> None:
    """Quiet libraries and a last resort for our own bugs; only when we own the process."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    sys.excepthook = _crash


def _crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A bug of ours: the traceback goes into a file, one line says where."""
    import tempfile

    text = "".join(traceback.format_exception(kind, error, trace))
    with tempfile.NamedTemporaryFile(
        "w", prefix="emotui-crash-", suffix=".txt", delete=False, encoding="utf-8"
    ) as f:
        f.write(text)
    remark(
        f"emotui: a bug stopped this command ({kind.__name__}: {one_line(str(error))[:200]}); "
        f"the traceback is in {Path(f.name)}"
    )
