"""What every pane is: a place on the screen that reads the workspace and asks for jobs.

A pane never computes and never imports torch. It overrides `compose`, `on_workspace`, `on_job` and
`status_line`, and has an `action_*` method for each of its actions in actions.py. Any number it
shows comes from the result of a job. It meets the shell only through `Shell`.

    class ProbesPane(Pane):
        pane_id = "probes"
        BINDINGS = bindings("probes")

        def action_run(self) -> None:
            run = self.workspace.run

            def start(tools: Tools) -> Job:          # on the engine thread
                from emotui.jobs.probe import ProbeRequest, probe_job

                return probe_job(tools.home, ProbeRequest(run, ...), engine=tools.engine,
                                 cancelled=tools.cancelled)

            self.submit(start, f"probe {run}", subject="probe", then=self._show)

        def on_job(self, report: Report) -> None:    # own jobs only; stale ones never arrive
            if isinstance(report, JobEvent) and isinstance(report.event, Partial): ...

A pane's DEFAULT_CSS that looks at the screen's class (`.-narrow DataPane #rows`) needs
`SCOPED_CSS = False` in the same class.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar, cast

from rich.text import Text
from textual.containers import Container
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from emotui.actions import ACTIONS, PANES, Action
from emotui.jobbook import JobBook, JobState
from emotui.jobdesk import Order
from emotui.lanes import DeviceState, JobFactory, Lane
from emotui.panes import TITLES
from emotui.screens.asking import Question
from emotui.session import Session
from emotui.veil import veil_line
from emotui.worker import JobCancelled, JobFailed, JobFinished, Report
from emotui.workspace import NAMES, Workspace

T = TypeVar("T")
ASK_AGAIN_WITHIN = 10.0
"""Seconds after which a question does not come back: the keys may mean something else by then."""
VEILING = frozenset({"veiled", "run", "vectors"})
"""Names whose change may draw or lift a veil."""
Severity = Literal["information", "warning", "error"]


class WorkspaceChanged(Message, bubble=False):
    """The workspace has new values under these names."""

    def __init__(self, changed: frozenset[str]) -> None:
        self.changed = changed
        super().__init__()


class PaneReports(Message, bubble=False):
    """Reports of jobs this pane asked for, the oldest first."""

    def __init__(self, reports: Sequence[Report]) -> None:
        self.reports = tuple(reports)
        super().__init__()


class Shell(Protocol):
    """What a pane may ask of the application."""

    workspace: Workspace
    session: Session
    jobs: JobBook
    device: DeviceState | None
    """What is loaded; None before the first job that loads a model."""

    @property
    def shown_jobs(self) -> list[JobState]:
        """Every job worth listing, the oldest first."""

    @property
    def log_file(self) -> Path:
        """The file with stray output."""

    def now(self) -> float:
        """Seconds on the job book's clock."""

    def choose(self, workspace: Workspace) -> None:
        """Take this workspace and tell every pane what changed."""

    def submit_job(self, order: Order) -> int:
        """Queue a job for a pane."""

    def cancel_job(self, job_id: int) -> None:
        """Stop a job."""

    def go_to(self, pane: str) -> None:
        """Show a pane and focus it."""

    def copy_out(self, text: str) -> None:
        """Yank: clipboard and file; a toast names the file."""

    def saw(self, what: str) -> None:
        """A step of the tour may be done."""

    def tell_failure(self, failure: JobFailed) -> None:
        """A toast: which job was refused, and why."""

    def refresh_rows(self) -> None:
        """The header, the tab strip's status line and the footer may say something else now."""

    def update_session(self, session: Session) -> None:
        """Remember this from now on; written to disk soon."""


class Pane(Container):
    """Base of all panes. Children are laid out by classes -narrow, -medium, -wide on the screen."""

    pane_id: ClassVar[str] = ""
    """Its name in actions.PANES."""
    empty_hint: ClassVar[str] = ""
    """What to do, or which command serves, when there is nothing to show."""

    def __init__(self) -> None:
        super().__init__(id=self.pane_id, classes="pane")
        self._then: dict[int, Callable[[Any], None]] = {}
        self._questions: dict[int, tuple[float, Callable[[str], None]]] = {}
        """Per job that an answer started: when, and what asks again with the reason."""

    @property
    def title(self) -> str:
        """What the tab strip and the help call it."""
        return TITLES[self.pane_id]

    @property
    def key(self) -> str:
        """The digit that shows it."""
        return str(PANES.index(self.pane_id) + 1)

    @property
    def actions(self) -> tuple[Action, ...]:
        """Its actions, from the one table."""
        return tuple(a for a in ACTIONS if a.pane == self.pane_id)

    @property
    def shell(self) -> Shell:
        """The application, as far as panes know it."""
        return cast(Shell, self.app)

    @property
    def workspace(self) -> Workspace:
        """What the user is working on."""
        return self.shell.workspace

    # What a pane overrides

    def on_workspace(self, changed: frozenset[str]) -> None:
        """Names that changed; called with every name once when the pane is first shown."""

    def on_job(self, report: Report) -> None:
        """One of this pane's own jobs said something; stale reports never come here."""

    def on_any_job(self, report: Report) -> None:
        """Any job said something, stale or not; for the Jobs pane."""

    def resume_job(self, record: dict[str, Any]) -> None:
        """Start again a job that the last session left unfinished."""

    def focus_first(self) -> None:
        """Give the focus to the part used most; by default the first that can have it."""
        for child in self.query("*"):
            if child.focusable:
                child.focus()
                return

    @property
    def status_line(self) -> str:
        """One line for the header of a narrow screen and for tests; "" for none."""
        return ""

    # What a pane calls

    def choose(self, workspace: Workspace) -> None:
        """Change the workspace: `self.choose(replace(self.workspace, layer=4))`."""
        self.shell.choose(workspace)

    def submit(
        self,
        start: JobFactory,
        title: str,
        *,
        lane: Lane = "engine",
        subject: str = "",
        then: Callable[[Any], None] | None = None,
        resume: dict[str, Any] | None = None,
        quiet: bool = False,
    ) -> int:
        """Queue a job and return its id; `then` gets its result.

        `resume`, JSON values, is handed to `resume_job` at the next start when the application ends
        before the job does. A `quiet` job (a list read again) is not listed unless it fails.

        With a `subject` only the newest job asked for on it counts: the one before is cancelled
        and what it still says is dropped. `lane="desk"` is for jobs that need no model.
        """
        about = subject and f"{self.pane_id}.{subject}"
        job_id = self.shell.submit_job(
            Order(start, title, self.pane_id, lane, about, resume=resume, quiet=quiet)
        )
        if then is not None:
            self._then[job_id] = then
        return job_id

    def changed_on_disk(self) -> None:
        """Datasets, runs or vectors have changed: every pane lists them again."""
        workspace = self.workspace
        self.choose(replace(workspace, datasets_version=workspace.datasets_version + 1))

    def saw(self, what: str) -> None:
        """Tell the tour that the user has "moved", "coloured" or "steered"."""
        self.shell.saw(what)

    def cancel(self, job_id: int) -> None:
        """Stop one of this pane's jobs."""
        self.shell.cancel_job(job_id)

    def ask(self, screen: ModalScreen[T], then: Callable[[T], None]) -> None:
        """Open a dialog; `then` gets its answer unless it was closed with Esc (None)."""

        def answered(answer: T | None) -> None:
            if answer is not None:
                then(answer)

        self.app.push_screen(screen, answered)

    def ask_for_job(self, make: Callable[[], Question[T]], do: Callable[[T], int]) -> None:
        """Ask, and hand the answer to `do`, which submits a job and returns its id.

        An answer that the job refuses is not lost: the question is asked again, filled in as it
        was, with the reason. Where that was long ago, or the user is elsewhere, a toast says it.
        """

        def ask(question: Question[T]) -> None:
            self.ask(question, begin)

        def begin(answer: T) -> None:
            job_id = do(answer)
            self._questions[job_id] = self.shell.now(), lambda why: ask(make().refused(answer, why))

        ask(make())

    def _ask_again(self, report: JobFinished | JobCancelled | JobFailed) -> None:
        """What came of the job that an answer started."""
        asked = self._questions.pop(report.job_id, None)
        if asked is None or not isinstance(report, JobFailed) or report.traceback is not None:
            return
        since, ask = asked
        here = self.has_class("-current") and self.app.screen is self.screen
        if here and self.shell.now() - since < ASK_AGAIN_WITHIN:
            ask(report.message)
        else:
            self.shell.tell_failure(report)

    def toast(self, text: str, *, severity: Severity = "information") -> None:
        """A short message in the corner, never read as markup."""
        self.app.notify(text, severity=severity, markup=False)

    # What the shell calls

    def tells_of(self, failure: JobFailed) -> bool:
        """Whether the pane says itself why this job was refused; else a toast does."""
        return failure.job_id in self._questions

    def on_mount(self) -> None:
        """A pane starts with the whole workspace."""
        self.on_workspace(NAMES)
        self._draw_veil()

    def on_workspace_changed(self, message: WorkspaceChanged) -> None:
        """Pass it on."""
        self.on_workspace(message.changed)
        if message.changed & VEILING:
            self._draw_veil()

    @property
    def veiled(self) -> bool:
        """Whether nothing of it may be seen or used, because its data set is being rated."""
        return self.has_class("-veiled")

    def _draw_veil(self) -> None:
        line = veil_line(self.workspace, self.pane_id)
        if bool(line) != self.veiled:
            self.set_class(bool(line), "-veiled")
            self.shell.refresh_rows()  # the footer names no keys of what is hidden
        self.disabled = bool(line)  # its keys must not reach what is hidden
        veils = self.query_children(".veil").results(Static)
        for veil in veils:
            veil.update(Text(line))
            break
        else:
            if line:
                self.mount(Static(Text(line), classes="veil"))

    def tell(self, changed: frozenset[str]) -> None:
        """The workspace has new values under these names."""
        self.post_message(WorkspaceChanged(changed))

    def hand(self, reports: Sequence[Report]) -> None:
        """Reports of this pane's own jobs."""
        self.post_message(PaneReports(reports))

    def drop(self, report: Report) -> None:
        """A report that no longer counts: nobody waits for its job's result."""
        if isinstance(report, JobFinished | JobCancelled | JobFailed):
            self._then.pop(report.job_id, None)
            self._ask_again(report)

    def on_pane_reports(self, message: PaneReports) -> None:
        """Pass them on; a result also to who waits for it."""
        for report in message.reports:
            self.on_job(report)
            if isinstance(report, JobFinished | JobCancelled | JobFailed):
                then = self._then.pop(report.job_id, None)
                self._ask_again(report)
                if then is not None and isinstance(report, JobFinished):
                    then(report.value)
        self.shell.refresh_rows()  # the status line may say something else now
