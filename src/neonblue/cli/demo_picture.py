"""The picture of ``neonblue demo --loop``: one lane an experiment, drawn from what happened."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from neonblue.demo.loop_story import ROLL_OUT_STEPS, Moment, Story

WIDTH, LEFT, RIGHT, TOP = 860, 20, 20, 62
LANE, BAR = 70, 20
BOTTOM = 40
TICKS_SECONDS = (20, 60)
MAX_TICKS = 10
TICK_WIDTH = 30
TAIL = 1.05
"""How far the picture goes beyond the last moment, so that its status is seen."""
COLOURS = {
    "draft": "#d0d7de",
    "running": "#54aeff",
    "stopped": "#cf222e",
    "rolled_back": "#afb8c1",
    "concluded": "#8250df",
    "rolled_out": "#2da44e",
}
LEGEND = {
    "draft": "waits for a key",
    "running": "runs",
    "stopped": "stopped",
    "concluded": "concluded",
    "rolled_out": "rolled out",
    "rolled_back": "rolled back",
}
BEGIN = {"propose": "draft", "start": "running", "stop": "stopped", "conclude": "concluded"}
BEGIN |= {"roll_out": "rolled_out", "roll_back": "rolled_back"}


def draw(story: Story) -> str:
    """The whole SVG; texts from outside are escaped."""
    numbers = [story.number(name) for name in story.experiments if name in story.agreed]
    last = TAIL * max((moment.seconds for moment in story.moments), default=1.0)
    height = TOP + LANE * len(numbers) + BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="#1f2328">',
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="#ffffff" stroke="#d0d7de"/>',
        _text(LEFT, 24, "One run of neonblue demo --loop", weight="600", size=15),
        *_legend(),
        *_axis(last, height),
    ]
    for place, number in enumerate(numbers):
        lines += _lane(story, number, TOP + LANE * place, last)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _x(seconds: float, last: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * seconds / last


def _text(
    x: float, y: float, text: str, *, weight: str = "400", size: int = 12, fill: str = "#1f2328"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-weight="{weight}" font-size="{size}" fill="{fill}">'
        f"{escape(text)}</text>"
    )


def _legend() -> Iterator[str]:
    x = float(LEFT)
    for status, words in LEGEND.items():
        yield f'<rect x="{x:.0f}" y="36" width="12" height="12" rx="2" fill="{COLOURS[status]}"/>'
        yield _text(x + 17, 46, words, fill="#59636e")
        x += 34 + 6.4 * len(words)
    yield _key(x + 6, 42)
    yield _text(x + 18, 46, "a person's key", fill="#59636e")


def _axis(last: float, height: int) -> Iterator[str]:
    short, long = TICKS_SECONDS
    step = short if last <= short * MAX_TICKS else long
    for seconds in range(0, int(last) + 1, step):
        x = _x(seconds, last)
        yield (
            f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{height - BOTTOM + 4}" '
            'stroke="#eaeef2"/>'
        )
        if x < WIDTH - RIGHT - TICK_WIDTH:
            yield _text(x, height - 16, f"{seconds} s", fill="#59636e")


def _lane(story: Story, number: int, y: float, last: float) -> Iterator[str]:
    experiment_id = story.experiments[number - 1]
    truth = story.truth.get(experiment_id, 0.0)
    told = f"truth {truth:+.0%}" if truth else "truth: no effect"
    title = f"#{number} {story.changes.get(number, '')}"
    yield (
        f'<text x="{LEFT}" y="{y + 20:.1f}" font-weight="600">{escape(title)}'
        f'<tspan dx="10" font-weight="400" fill="#59636e">{escape(told)}</tspan></text>'
    )
    moments = [one for one in story.moments if one.number == number and one.who == "loop"]
    steps = [one for one in moments if one.act in BEGIN]
    ends = [one.seconds for one in steps[1:]] + [last]
    rolled = 0
    for step, until in zip(steps, ends, strict=True):
        rolled += step.act == "roll_out"
        yield _bar(step, until, y + 28, last, rolled)
    for moment in story.moments:
        if moment.number == number and moment.who == "person":
            yield _key(_x(moment.seconds, last), y + 28 + BAR / 2)
    reason = next((one.text for one in moments if one.act in ("stop", "conclude")), "")
    if reason:
        yield _text(LEFT, y + 61, reason, size=11, fill="#59636e")


def _bar(step: Moment, until: float, y: float, last: float, rolled: int) -> str:
    """One status from its step to the next; a roll-out grows with its steps."""
    status = BEGIN[step.act]
    share = ROLL_OUT_STEPS[rolled - 1] if status == "rolled_out" else 1.0
    x, tall = _x(step.seconds, last), BAR * share
    width = max(1.5, _x(until, last) - x)
    return (
        f'<rect x="{x:.1f}" y="{y + BAR - tall:.1f}" width="{width:.1f}" height="{tall:.1f}" '
        f'fill="{COLOURS[status]}"/>'
    )


def _key(x: float, y: float) -> str:
    """A mark for an approval."""
    circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" '
    return circle + 'fill="#ffffff" stroke="#9a6700" stroke-width="2"/>'
