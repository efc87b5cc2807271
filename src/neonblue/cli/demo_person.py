"""The person of ``neonblue demo --loop``: commands at a terminal, and what is typed there."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence

from neonblue.errors import UnavailableError

COMMAND_SECONDS = 60.0
SETTLE_SECONDS = 0.1
"""getpass throws away what was typed before it switched the echo off."""
ASKED = b": "
# The terminal becomes the one that passphrases are read from: nothing else is.
BEGIN = (
    "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "from neonblue.cli import main; raise SystemExit(main(sys.argv[1:]))"
)


def at_terminal(words: Sequence[str], passphrase: str) -> str:
    """Run ``neonblue`` at a pseudo-terminal and type the passphrase whenever one is asked for.

    Returns what was shown. Raises ``UnavailableError`` when the command fails or does not end.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        text = _typed(ours, passphrase)
        status = process.wait(COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        text, status = "it did not end", 1
    finally:
        os.close(ours)
        if process.poll() is None:
            process.kill()
            process.wait()
    if status != 0:
        raise UnavailableError(f"`neonblue {' '.join(words)}` failed: {text.strip()}")
    return text


def _typed(terminal: int, passphrase: str) -> str:
    """Everything that is shown until the command ends."""
    shown, answered = b"", 0
    deadline = time.monotonic() + COMMAND_SECONDS
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the command has ended
            break
        if not data:
            break
        shown += data
        last = shown[answered:].rpartition(b"\n")[2]
        if (b"passphrase" in last and last.endswith(ASKED)) or last.endswith(b"the same again: "):
            time.sleep(SETTLE_SECONDS)
            os.write(terminal, passphrase.encode() + b"\n")
            answered = len(shown)
    return shown.decode(errors="replace").replace("\r\n", "\n")
