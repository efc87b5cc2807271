"""``neonblue demo --loop``: the whole road from a goal to a lesson, with real processes.

A server, a platform that obeys it and whose truth nobody else knows, the loop, and a person's key.
Nothing in the rules knows of the demo: its policy and its goal only make a day last some seconds.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from contextlib import ExitStack
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from neonblue.cli.demo_person import at_terminal
from neonblue.cli.demo_processes import Talker, Told, command, server
from neonblue.demo.loop_story import ROLL_OUT_STEPS, Moment, Story, Who

if TYPE_CHECKING:
    from rich.console import Console

PERSON = "ana"
GOAL = "more visitors buy"
IDEAS = (
    "demand a phone number before checkout",
    "suggest products while visitors type",
    "promise the delivery date on product pages",
)
DAY_SECONDS = 12.0
"""How long a day lasts in the terms of the demo's goal and policy; all clocks are real."""
VISITORS_A_SECOND = 100.0
EXPERIMENTS = 4
"""Three ideas, one of which has to begin anew."""
QUESTION = "tell people when their parcel will arrive"
PICTURE, LOG = "loop.svg", "demo-loop.log"
POLICY = """\
autonomy = "autonomous"
[limits]
max_running = 3
incubation_days = {day}   # one day of the demo
[needs]
start = "person"
roll_out = "person"
"""
GOAL_FILE = """\
goal = "{goal}"
success_event = "purchase"
baseline_mean = 0.2
mde = 0.3
at_once = 3
on_broken_assignment = "restart"
roll_out_steps = {steps}
# days of the demo: one lasts {seconds:g} seconds
incubation_days = {day}
minimum_duration_days = {day}
days_a_step = {half}
ideas = {ideas}
"""


def run_loop_demo(console: Console, directory: Path, *, seed: int, seconds: float) -> int:
    """Play it in an empty data directory; 0 when every experiment came to its end in time.

    After ``seconds`` it is ended, whatever it has come to; the report takes some seconds more.
    """
    with TemporaryDirectory(prefix="neonblue-demo-authority-") as name:
        _configure(directory, Path(name))
        with server(directory / LOG) as url:
            play = Play(console, directory, Path(name), url, seed)
            play.prepare()
            finished = play.run(seconds)
            play.conclude()
    if not finished:
        console.print(f"Not everything came to its end within {seconds:.0f} seconds.")
    return 0 if finished else 1


def _configure(directory: Path, authority: Path) -> None:
    """The environment of all processes: where the data, the policy and the key are."""
    os.environ["NEONBLUE_DATA_DIR"] = str(directory)
    os.environ["NEONBLUE_POLICY"] = str(authority / "policy.toml")
    os.environ["NEONBLUE_HTTP_TOKEN"] = secrets.token_urlsafe(32)
    for name in ("NEONBLUE_APPROVERS", "NEONBLUE_READ_ONLY"):
        os.environ.pop(name, None)


class Play:
    """The demo while it runs: who says what, and the person's answers."""

    def __init__(
        self, console: Console, directory: Path, authority: Path, url: str, seed: int
    ) -> None:
        self._console, self._directory, self._authority = console, directory, authority
        self._url, self._seed = url, seed
        self._passphrase = secrets.token_urlsafe(12)
        self._began = time.monotonic()
        self._told: Told = SimpleQueue()
        self._answered: set[str] = set()
        self._mended = False
        self.story = Story()

    def prepare(self) -> None:
        """A person registers and signs the policy; the goal is written."""
        self._console.print(
            f"A key for {PERSON!r} is made in {self._authority}, its passphrase typed at a "
            "pseudo-terminal by this demo. Both are gone when it ends.",
            soft_wrap=True,
        )
        day = DAY_SECONDS / 86_400
        at_terminal(["approver", "add", PERSON], self._passphrase)
        (self._authority / "policy.toml").write_text(POLICY.format(day=day))
        at_terminal(["policy", "sign"], self._passphrase)
        ideas = json.dumps(IDEAS)
        goal = GOAL_FILE.format(
            goal=GOAL,
            ideas=ideas,
            steps=list(ROLL_OUT_STEPS),
            day=day,
            half=day / 2,
            seconds=DAY_SECONDS,
        )
        (self._directory / "goal.toml").write_text(goal)
        self._say("person", "sign", text="signs the policy: starts and roll-outs need a person")

    def run(self, seconds: float) -> bool:
        """Until every experiment has ended or the time is up; whether they have."""
        log, deadline = self._directory / LOG, self._began + seconds
        rate, seed = str(VISITORS_A_SECOND), str(self._seed)
        with ExitStack() as stack:
            words = ["neonblue.demo.platform", self._url, rate, seed]
            stack.callback(Talker("platform", words, self._told, log).end)
            self._say("platform", "open", text=f"has {VISITORS_A_SECOND:.0f} visitors a second")
            self._wait_for_visitors(deadline)
            goal = str(self._directory / "goal.toml")
            words = ["neonblue", "loop", "--goal-file", goal, "--interval", "1"]
            stack.callback(Talker("loop", words, self._told, log).end)
            while not self.story.over(EXPERIMENTS) and time.monotonic() < deadline:
                self._hear(0.5)
            finished = self.story.over(EXPERIMENTS)
        while not self._told.empty():
            self._hear(0.0)
        return finished

    def conclude(self) -> None:
        """The report, the lesson and the audit log; then the picture."""
        from neonblue.cli.demo_loop_tables import lesson_lines, outcome_table
        from neonblue.cli.demo_picture import draw

        self._console.print(outcome_table(self.story))
        self._console.rule("[bold]neonblue loop --report[/]")
        self._show(command("loop", GOAL, "--report"))
        self._console.rule(f"[bold]semantic_experiment_search[/] {QUESTION!r}")
        found = json.loads(command("call", "semantic_experiment_search", f"query={QUESTION}"))
        for line in lesson_lines(self.story, found):
            self._show(line)
        self._console.rule("[bold]neonblue audit verify[/]")
        self._show(command("audit", "verify"))
        path = self._directory / PICTURE
        path.write_text(draw(self.story), "utf-8")
        self._console.print(f"A picture of this run: {path}", soft_wrap=True)

    def _wait_for_visitors(self, deadline: float) -> None:
        """Some visitors first, so that there is traffic to plan by."""
        while self.story.visitors < VISITORS_A_SECOND and time.monotonic() < deadline:
            self._hear(0.5)

    def _hear(self, seconds: float) -> None:
        try:
            teller, said = self._told.get(timeout=seconds) if seconds else self._told.get_nowait()
        except Empty:
            return
        if teller == "platform":
            self._hear_platform(said)
        else:
            for cycle in said:
                self._hear_loop(cycle)

    def _hear_platform(self, said: Any) -> None:
        story = self.story
        story.visitors, story.asked = said["visitors"], said["asked"]
        story.truth = said.get("truth", story.truth)
        heard = said.get("heard", story.heard)
        for experiment_id, now in heard.items():
            before = story.heard.get(experiment_id)
            number = story.number(experiment_id)
            story.changes[number] = now["change"]
            if before is not None and before != now:
                self._obey(number, now)
        story.heard = heard
        if said.get("mended") and not self._mended:
            self._mended = True
            self._say("platform", "mend", text="mends the release that lost exposures")

    def _obey(self, number: int, now: Any) -> None:
        share = f", {now['fraction']:.0%} of visitors" if now["status"] == "rolled_out" else ""
        self._say("platform", now["status"], number, f"{now['status']}{share}")

    def _hear_loop(self, cycle: Any) -> None:
        for step in cycle["steps"]:
            number = self.story.number(step["experiment_id"])
            if step["act"] == "propose":
                if any(idea in step["reason"] for idea in IDEAS):
                    self.story.agreed.add(step["experiment_id"])
                self._say("loop", "propose", number, step["reason"])
            elif step["outcome"] == "done":
                self._say("loop", step["act"], number, f"{step['act']}: {step['reason']}")
            elif step["outcome"] == "waiting":
                self._answer(step, number)
            else:
                self._say("loop", step["outcome"], number, f"{step['act']}: {step['reason']}")

    def _answer(self, step: Any, number: int) -> None:
        """The person agrees to what belongs to the three ideas; the rest waits."""
        approval_id = step["command"].rpartition(" ")[2]
        if approval_id in self._answered or step["experiment_id"] not in self.story.agreed:
            return
        self._answered.add(approval_id)
        at_terminal(["approve", approval_id], self._passphrase)
        self._say("person", "approve", number, f"{step['act']}: approved with the key")

    def _say(self, who: Who, act: str, number: int = 0, text: str = "") -> None:
        seconds = time.monotonic() - self._began
        self.story.moments.append(
            Moment(seconds=seconds, who=who, act=act, number=number, text=text)
        )
        name = PERSON if who == "person" else who
        of = f"#{number}" if number else ""
        self._show(f"{seconds:6.1f} s  {name:<8}  {of:<3} {text}")

    def _show(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
