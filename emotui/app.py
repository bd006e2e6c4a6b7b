"""The workbench: composes header, panes and rows, and routes keys, jobs and choices between them.

In: settings and a data directory. Out: an exit code. It computes nothing and knows no pane's
inside: panes are made by name, jobs go to the lanes, reports go back to the pane that asked, a
changed workspace goes to every pane. Nothing heavy is imported here, so the first paint is quick.
"""

import contextlib
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import events, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.containers import Container
from textual.css.query import NoMatches
from textual.widget import Widget
from textual.widgets import Static

from emotui import garbage
from emotui.actions import EVERYWHERE, LISTS, PANES, Action, bindings, footer, help_rows
from emotui.config import Settings
from emotui.headline import headline
from emotui.jobs.spec import DEMO, spec_of
from emotui.keymap import check_keymap
from emotui.panes import make_pane
from emotui.session import Session, load_session, save_session
from emotui.themes import DARK, THEMES, next_theme
from emotui.typeahead import InOrder
from emotui.widgets.frame_rows import FooterRow, HeaderRow, TabStrip
from emotui.widgets.job_row import JobRow
from emotui.widgets.tour import TourRow
from emotui.workspace import Workspace, differences, from_session, to_session
from store.layout import Home

if TYPE_CHECKING:
    from emotui.jobbook import JobBook, JobState
    from emotui.jobdesk import JobDesk, Order
    from emotui.lanes import DeviceState, Lanes
    from emotui.messages import Mailbox
    from emotui.panes.base import Pane
    from emotui.worker import JobFailed, Report

QUIT_WITHIN = 1.0
"""Seconds within which a second Ctrl+C quits."""
SAVE_AFTER = 2.0
"""Seconds after a choice until the session is written."""
UNHEARD = frozenset({"row"})
"""Changes no pane follows: the row of Data changes with every key there."""
SMALLEST = (80, 24)
SESSION, LOG, YANKS, ERRORS = "session.json", "workbench.log", "yanks", "errors"


def _palette() -> type[Provider]:
    from emotui.screens.palette import ActionProvider

    return ActionProvider


class Workbench(InOrder, inherit_bindings=False):
    """The application."""

    TITLE = "emotui"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("app"),
        Binding("escape", "skip_tour", "skip the tour", show=False, priority=True),
    ]
    COMMANDS: ClassVar[set[Any]] = {_palette}
    COMMAND_PALETTE_BINDING = ""
    ENABLE_COMMAND_PALETTE = True
    ALLOW_IN_MAXIMIZED_VIEW = "#header, #job-row, #footer, #too-small"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-tiny"),
        (80, "-narrow"),
        (100, "-medium"),
        (160, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-flat"),
        (24, "-low"),
        (40, "-high"),
        (45, "-tall"),
    ]

    def __init__(self, settings: Settings, home: Home, *, first_start: bool = False) -> None:
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.animation_level = "none"
        for theme in THEMES:
            self.register_theme(theme)
        self.folder = home.root / "workbench"
        loaded = load_session(self.folder / SESSION)
        self.session: Session = loaded.session
        self._notes = [loaded.note] if loaded.note else []
        model = spec_of(settings, self.session.model) if self.session.model else None
        self.workspace = from_session(Workspace(home, settings), self.session, model=model)
        known = [theme.name for theme in THEMES]
        theme_now = self.session.theme if self.session.theme in known else DARK.name
        # Set later it would have every style read again before the first paint. Without its
        # variables only what asks for the theme itself would have its colours.
        self.set_reactive(App.theme, theme_now)
        self.stylesheet.set_variables(self.get_css_variables())
        self.desk: JobDesk | None = None  # jobs can be asked for after the first paint
        self._mailbox: Mailbox | None = None
        self.current = self.session.pane if self.session.pane in PANES else PANES[0]
        self.first_start = first_start
        self._panes: dict[str, Pane] = {}
        self.keys_now: dict[str, str] = {}
        self._cancel_asked = float("-inf")
        self._job_shown: object = ()
        self._farewell = False
        self._save_due = False
        self._saving = threading.Lock()

    # Composition

    def compose(self) -> ComposeResult:
        """The rows; panes come one by one as they are shown."""
        yield HeaderRow(id="header")
        yield TabStrip(PANES, id="tabs")
        yield Container(id="panes")
        yield TourRow(id="tour")
        yield JobRow(id="job-row")
        yield FooterRow(id="footer")
        yield Static(id="too-small")

    def on_mount(self) -> None:
        """Keys and rows now; the pane and the threads after the first paint."""
        keymap, problems = check_keymap(self.workspace.settings.keys)
        self.set_keymap(keymap)
        self.keys_now = keymap
        self._notes += problems
        self.refresh_rows()
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        from emotui.jobdesk import JobDesk
        from emotui.messages import Mailbox
        from emotui.veil import veiled_datasets

        veiled = frozenset(veiled_datasets(self.workspace.home))
        self.workspace = replace(self.workspace, veiled=veiled)
        garbage.first_frame_is_drawn()
        self.set_interval(garbage.LOOK_EVERY, self._tidy)
        start_resource_tracker()
        self._mailbox = Mailbox(self)
        self.desk = JobDesk(
            self._mailbox.post,
            home=self.workspace.home,
            threads=self.workspace.settings.number("threads"),
            errors=self.folder / ERRORS,
        )
        await self._show_pane(self.current)
        for note in self._notes:
            self.notify(note, severity="warning", markup=False, timeout=10)
        if self.first_start:
            await self._first_start()
        model = self.workspace.model
        if model is not None and model.source == DEMO and not self.session.tour_done:
            self.query_one("#tour", TourRow).start()
        for record in self.session.resume:
            if record.get("pane") in PANES:
                (await self._pane(record["pane"])).resume_job(record)

    async def _first_start(self) -> None:
        """The demo's data and run are prepared where everybody can see it, and the tour begins."""
        model = spec_of(self.workspace.settings, DEMO)
        self.choose(replace(self.workspace, model=replace(model, device="cpu")))
        (await self._pane("data")).resume_job({"what": "demo"})
        await self._show_pane("data")

    def _tidy(self) -> None:
        garbage.now_and_then(time.monotonic() - self.last_key)

    # What panes ask for (see panes.base.Shell)

    def choose(self, workspace: Workspace) -> None:
        """Take this workspace and tell every pane what changed."""
        changed = differences(self.workspace, workspace)
        if not changed:
            return
        self.workspace = workspace
        if changed - UNHEARD:
            for pane in self._panes.values():
                pane.tell(changed)
        self.refresh_rows()
        self._save_soon()

    def submit_job(self, order: "Order") -> int:
        """Queue a job for a pane; an older one on the same subject is cancelled."""
        assert self.desk is not None, "panes exist only after the job desk"
        job_id = self.desk.submit(order)
        if order.resume is not None:
            self._save_soon()
        return job_id

    def cancel_job(self, job_id: int) -> None:
        """Stop a job; what it still says is dropped."""
        if self.desk is not None and self.desk.cancel(job_id):
            self.refresh_rows()

    def go_to(self, pane: str) -> None:
        """Show a pane and focus it."""
        self.call_next(self._show_pane, pane)

    def copy_out(self, text: str) -> None:
        """Yank to the terminal's clipboard and into a file."""
        from emotui import clipboard

        copied = clipboard.copy(text, write=self._write, folder=self.folder / YANKS)
        self.notify(copied.line, markup=False)

    def update_session(self, session: Session) -> None:
        """Remember this from now on."""
        self.session = session
        self._save_soon()

    @property
    def jobs(self) -> "JobBook":
        """Every job of this session that is still worth knowing."""
        assert self.desk is not None, "panes exist only after the job desk"
        return self.desk.book

    @property
    def lanes(self) -> "Lanes | None":
        """The two threads; None before the first paint."""
        return None if self.desk is None else self.desk.lanes

    @property
    def device(self) -> "DeviceState | None":
        """What is loaded; None before the first job that loads a model."""
        return None if self.desk is None else self.desk.device

    @property
    def shown_jobs(self) -> "list[JobState]":
        """Every job worth listing, the oldest first."""
        return [] if self.desk is None else self.desk.shown

    @property
    def log_file(self) -> Path:
        """The file with stray output."""
        return log_path(self.workspace.home)

    def now(self) -> float:
        """Seconds on the job book's clock."""
        return time.monotonic()

    def saw(self, what: str) -> None:
        """A step of the tour may be done."""
        self.query_one("#tour", TourRow).saw(what)

    def _write(self, sequence: str) -> None:
        if self._driver is not None:
            self._driver.write(sequence)

    # Jobs

    def on_reports_waiting(self) -> None:
        """Look into the mailbox, though not more often than the screen needs it."""
        assert self._mailbox is not None
        early = self._mailbox.early
        if early > 0:
            self.set_timer(early, self._take_reports)
        else:
            self._take_reports()

    def _take_reports(self) -> None:
        """Hand every report to who asked for it; then show once how things stand."""
        if self._mailbox is None or self.desk is None:
            return
        for_panes: dict[str, list[Report]] = {}
        for report in self._mailbox.take():
            owner, wanted = self.desk.take(report)
            self.heard(report)
            if owner in self._panes:
                if wanted:
                    for_panes.setdefault(owner, []).append(report)
                else:
                    self._panes[owner].drop(report)
            self.desk.forget(report)
        for owner, reports in for_panes.items():
            self._panes[owner].hand(reports)
        self.refresh_rows()

    def heard(self, report: "Report") -> None:
        """Every report, wanted or not."""
        from emotui.worker import JobCancelled, JobFailed, JobFinished

        if isinstance(report, JobFailed):
            self._show_failure(report)
        if isinstance(report, JobFinished | JobCancelled | JobFailed):
            self._save_soon()
        for pane in self._panes.values():
            pane.on_any_job(report)

    def _show_failure(self, report: "JobFailed") -> None:
        if report.traceback is None:
            if not any(pane.tells_of(report) for pane in self._panes.values()):
                self.tell_failure(report)
            return
        from emotui.screens.failure import Failure

        name = self.jobs.jobs[report.job_id].name
        self.push_screen(Failure(name, report.message, str(report.traceback)))

    def tell_failure(self, failure: "JobFailed") -> None:
        """A toast: which job was refused, and why."""
        text = f"{self.jobs.jobs[failure.job_id].name}: {failure.message}"
        self.notify(text, severity="error", markup=False, timeout=12)

    # Rows

    def refresh_rows(self) -> None:
        """Header, tab strip, job row and footer say what is so now."""
        try:
            header = self.query_one("#header", HeaderRow)
        except NoMatches:
            return  # the screen is not there yet, or no longer
        shown = self.shown_jobs
        live = sum(job.live for job in shown)
        header.show(
            headline(self.workspace, self.device, self.current),
            right=f"{live} job{'s' if live != 1 else ''}" if live else "",
            alert="● STEERING ON" if self.workspace.steering else "",
        )
        running = [job for job in shown if job.status == "running"]
        job = running[0] if running else shown[-1] if shown else None
        waiting = sum(job.status == "queued" for job in shown)
        row = None if job is None else (job.id, job.status, job.progress, waiting)
        if row != self._job_shown:
            self._job_shown = row
            self.query_one("#job-row", JobRow).show(job, waiting=waiting)
        pane = self._panes.get(self.current)
        self.query_one("#tabs", TabStrip).show(
            self.current, status=pane.status_line if pane is not None else ""
        )
        hidden = pane is not None and pane.veiled
        keys = footer("" if hidden else self.current, self.keys_now)
        self.query_one("#footer", FooterRow).show(keys)

    def on_resize(self, event: events.Resize) -> None:
        """The line for a screen that is too small."""
        width, height = event.size
        need = f"emotui needs {SMALLEST[0]}x{SMALLEST[1]}; this is {width}x{height}"
        self.query_one("#too-small", Static).update(Text(need))

    # Panes

    async def _pane(self, name: str) -> "Pane":
        if name not in self._panes:
            pane = make_pane(name)
            self._panes[name] = pane
            await self.query_one("#panes").mount(pane)
        return self._panes[name]

    async def _show_pane(self, name: str) -> None:
        pane = await self._pane(name)
        self.current = name
        self.screen.minimize()
        for other in self._panes.values():
            other.set_class(other is pane, "-current")
        pane.focus_first()
        self.refresh_rows()
        self._save_soon()

    async def action_show_pane(self, name: str) -> None:
        """Go to a pane."""
        self._drop_remarks()
        await self._show_pane(name)

    async def on_tab_strip_chosen(self, message: TabStrip.Chosen) -> None:
        """A click on a tab."""
        await self.action_show_pane(message.name)

    def _drop_remarks(self) -> None:
        """Toasts that were about the pane left behind; warnings and errors stay their time."""
        for toast in list(self._notifications):
            if toast.severity == "information":
                del self._notifications[toast]
        self._refresh_notifications()

    # Session

    def _save_soon(self) -> None:
        if not self._save_due:
            self._save_due = True
            self.set_timer(SAVE_AFTER, self._save_in_thread)

    @work(thread=True)
    def _save_in_thread(self) -> None:
        self.save_now()

    def save_now(self) -> None:
        """Write the session; safe in any thread, for two may want to at once."""
        with self._saving:
            self._save_due = False
            if self._farewell:
                return
            session = replace(
                to_session(self.workspace, self.session),
                pane=self.current,
                theme=self.theme,
                resume=self.session.resume if self.desk is None else self.desk.unfinished,
            )
            save_session(self.folder / SESSION, session)

    @property
    def crash(self) -> BaseException | None:
        """The bug that ended the application; None when it was left as it should be."""
        return self._exception

    def close_down(self, timeout: float = 10.0) -> bool:
        """Save and let jobs commit; False when a job took longer. Safe in any thread."""
        self.save_now()
        self._farewell = True  # what the stopped jobs say from here on is not the user's wish
        return self.lanes is None or self.lanes.stop(timeout)

    # Actions

    def action_command_palette(self) -> None:
        """Every command by name."""
        from emotui.screens.palette import Palette

        # Without an id: the one before may still be on its way out.
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def action_choose_model(self) -> None:
        """Which model steers, colours and extracts."""
        from emotui.panes.model_choice import ask_for_model

        pane = self._panes.get(self.current)
        if pane is not None:
            ask_for_model(pane)

    def action_next_theme(self) -> None:
        """Dark, light, high contrast."""
        self.theme = next_theme(self.theme)
        self._save_soon()

    def action_help(self) -> None:
        """Keys of the current pane."""
        from emotui.screens.help import Help

        self.push_screen(Help(self.current, help_rows(self.current, self.keys_now)))

    def action_maximise(self) -> None:
        """The whole screen for the focused part, or back."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif self.focused is not None:
            self.screen.maximize(self.focused, container=False)

    def action_jump(self) -> None:
        """A letter on every part."""
        from emotui.screens.jump import Jump

        pane = self._panes.get(self.current)
        if pane is None or len(self.screen_stack) > 1:
            return
        parts: list[Widget] = [
            w for w in pane.query("*") if w.focusable and w.region and w.is_on_screen
        ]

        def go(at: int | None) -> None:
            if at is not None:
                parts[at].focus()

        self.push_screen(Jump([(w.region.x, w.region.y) for w in parts]), go)

    def action_cancel_or_quit(self) -> None:
        """Cancel what runs; a second press within a second quits."""
        now = time.monotonic()
        if now - self._cancel_asked <= QUIT_WITHIN:
            self._quit()
            return
        self._cancel_asked = now
        job = next((j for j in self.shown_jobs if j.status == "running"), None)
        if job is not None:
            self.cancel_job(job.id)
            self.notify(f"cancelling {job.name}; Ctrl+C again quits", markup=False)
        else:
            self.notify("nothing runs; Ctrl+C again quits")

    def action_ask_quit(self) -> None:
        """Quit; asks while a job runs."""
        if not any(job.live for job in self.shown_jobs):
            self._quit()
            return
        from emotui.screens.asking import Confirm

        def answered(yes: bool | None) -> None:
            if yes:
                self._quit()

        self.push_screen(Confirm("A job runs. Quit? What it has committed is kept."), answered)

    @work(thread=True)
    def _quit(self) -> None:
        self.close_down()
        self.call_later(self.exit, 0)

    def keys_of(self, action: Action) -> str:
        """Its keys as they are now."""
        return self.keys_now.get(action.id, action.keys)

    @work
    async def run_command(self, action: Action) -> None:
        """Do what the palette chose, in the pane it belongs to."""
        if action.owner == "app":
            await self.run_action(action.do)
            return
        if action.pane not in (EVERYWHERE, LISTS):
            await self._show_pane(action.pane)
        pane = self._panes[self.current]
        if pane.veiled and action.pane == self.current:
            return
        method = f"action_{action.do.partition('(')[0]}"
        holders: list[Widget] = [pane, *(w for w in pane.query("*") if w.display)]
        holder = next((w for w in holders if hasattr(w, method)), None)
        if holder is not None:
            await holder.run_action(action.do)

    def on_tour_row_ended(self) -> None:
        """Never again."""
        self.update_session(replace(self.session, tour_done=True))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc skips the tour before it does anything else, but in a line or a dialog."""
        if action != "skip_tour":
            return super().check_action(action, parameters)
        typing = self.focused is not None and self.focused.check_consume_key("a", "a")
        if typing or len(self.screen_stack) != 1:
            return False
        return any(tour.on for tour in self.query(TourRow))

    def action_skip_tour(self) -> None:
        """Away with it."""
        self.query_one("#tour", TourRow).end()


def start_resource_tracker() -> None:
    """Starts multiprocessing's helper with a stderr that has a descriptor: the log's.

    Textual's stderr has none, and whoever starts the first process inside the application (a hub
    download, a DataLoader, joblib) would fail with `bad value(s) in fds_to_keep`. The imports it
    takes can wait for the first paint.
    """
    with open(2, "w", closefd=False) as log, contextlib.redirect_stderr(log):
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()


def log_path(home: Home) -> Path:
    """Where stray output goes."""
    return home.root / "workbench" / LOG
