"""Every error that NeonBlue raises on purpose.

    NeonBlueError
    ├── NotFoundError            an experiment, metric, variant, user or document that is not there
    ├── InvalidInputError        what the caller sent cannot be used; nothing was changed
    │   └── RefusedRowsError     ClickHouse cannot take rows for what they hold
    ├── ConflictError            the state forbids it (frozen plan, wrong status, name taken)
    ├── UnsafeQueryError         SQL outside the allow-list
    ├── ApprovalRequiredError    a person has to agree first
    └── UnavailableError         a part we depend on (ClickHouse, Chroma, Kafka, a model) is away
        └── StoreBusyError       another process holds the data directory

A message says what happened, shows the offending value with ``!r`` and ends with what to do next,
naming the tool or command to call. ``servers.answers`` maps the tree to the wire, in one place.
"""


class NeonBlueError(Exception):
    """Base of the tree; never raised itself."""


class NotFoundError(NeonBlueError):
    """Something was named that does not exist."""


class InvalidInputError(NeonBlueError):
    """The input cannot be used as it is; nothing was changed."""


class RefusedRowsError(InvalidInputError):
    """ClickHouse cannot take rows for what they hold; every other failure is its own."""


class ConflictError(NeonBlueError):
    """The current state forbids what was asked."""


class UnsafeQueryError(NeonBlueError):
    """SQL that is not on the allow-list."""


class ApprovalRequiredError(NeonBlueError):
    """An irreversible act that waits for a person."""


class UnavailableError(NeonBlueError):
    """A part that we depend on cannot be reached."""


class StoreBusyError(UnavailableError):
    """Another process owns the data directory."""
