"""Every error that store raises on purpose, as one tree.

StoreError                  what was given + what is allowed + what to do
├── NotFound                no dataset, run or vector set of that name (nearest name offered)
├── DatasetError            a file that cannot be imported: encoding, line, column
├── LockedError             another process writes there
├── FingerprintError        a store made with other settings (the differing keys are named)
├── CorruptError            a shard or commit file that does not match its checksum
├── SpaceError              the disk is full or would be
└── FormatError             a foreign file whose shape, type or content is refused
"""


class StoreError(Exception):
    """Base of all errors raised on purpose by store."""


class NotFound(StoreError):
    """Nothing of that name in the catalogue."""


class DatasetError(StoreError):
    """A dataset file cannot be imported as asked."""


class LockedError(StoreError):
    """Another process holds the writer's lock."""


class FingerprintError(StoreError):
    """The store on disk was made with other settings."""


class CorruptError(StoreError):
    """Bytes on disk do not match their checksum."""


class SpaceError(StoreError):
    """Not enough room on the disk."""


class FormatError(StoreError):
    """A foreign file is not of a kind that can be read safely."""
