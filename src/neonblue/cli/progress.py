"""A progress bar on stderr; where stderr is no terminal, nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[float, float, str], None]]:
    """Gives ``report(done, total, message)`` for a job; ``total`` 0 means not known yet."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[message]}"),
    )
    shown = console.is_terminal
    with Progress(*columns, console=console, disable=not shown, transient=True) as progress:
        task = progress.add_task(title, total=None, message="")

        def report(done: float, total: float, message: str) -> None:
            progress.update(task, completed=done, total=total or None, message=message)

        yield report
