"""A command at a real terminal: what it asks for is typed in, what it shows is kept.

Run as a program it forks onto a pseudo-terminal, which a process with the engine open must not.
"""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

SECONDS = 120.0
SETTLE_SECONDS = 0.2  # getpass throws away what was typed before it switched the echo off

Answers = Sequence[tuple[str, str]]


def at_terminal(*words: str, answers: Answers = (), terminal: bool = True) -> tuple[int, str]:
    """Run ``neonblue``; ``answers`` are (prompt, what is typed) in order.

    Returns the exit status and everything that was shown. Without a ``terminal`` the answers come
    through a pipe, as a program would give them.
    """
    if not terminal:
        typed = "".join(f"{answer}\n" for _, answer in answers)
        done = subprocess.run(
            [sys.executable, "-m", "neonblue", *words],
            input=typed,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            start_new_session=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr
    done = subprocess.run(
        [sys.executable, str(Path(__file__))],
        input=json.dumps({"words": words, "answers": answers}),
        capture_output=True,
        text=True,
        timeout=SECONDS + 30,
        check=True,
    )
    found = json.loads(done.stdout)
    return found["status"], found["text"]


def _run(words: list[str], answers: list[list[str]]) -> dict[str, object]:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "neonblue", *words])
    text, seen = "", 0
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.5)[0]:
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the other side is gone
            break
        if not data:
            break
        text += data.decode(errors="replace")
        if answers and (at := text.find(answers[0][0], seen)) >= 0:
            seen = at + len(answers[0][0])
            time.sleep(SETTLE_SECONDS)
            os.write(terminal, answers.pop(0)[1].encode() + b"\n")
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return {"status": os.waitstatus_to_exitcode(status), "text": text.replace("\r\n", "\n")}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(_run(asked["words"], asked["answers"]), sys.stdout)
