"""`python -m emotui`: the workbench without the commands' imports, or the command line.

Bare `emotui` on a terminal is the common case, and the command line's library costs a third of its
start.
"""

import sys


def main() -> int:
    """Runs what was asked for; returns the exit code."""
    if len(sys.argv) == 1:
        from emotui.garbage import take_over

        take_over()
        from emotui.workbench import can_run, start

        if can_run():
            return start()
    from emotui.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    raise SystemExit(main())
