"""Every error that the application itself raises on purpose, as one tree.

UserError                   what was given + what is allowed + what to do (exit 2, one line)
├── ConfigError             an unknown key or a value of the wrong kind in the configuration
└── OptionError             an option whose value cannot be used
Stopped                     Ctrl+C, SIGTERM or SIGHUP; what was done is saved (exit 130, 143 or 129)

VectorsError and StoreError (see vectors/errors.py and store/errors.py) are shown the same way.
"""


class UserError(Exception):
    """A mistake in what was asked for; the message is one line and says what to do."""


class ConfigError(UserError):
    """The configuration file or an environment variable cannot be used."""


class OptionError(UserError):
    """An option's value cannot be used."""


class Stopped(Exception):
    """The work was stopped from outside after saving what was done."""

    def __init__(self, message: str, *, exit_code: int = 130) -> None:
        super().__init__(message)
        self.exit_code = exit_code
