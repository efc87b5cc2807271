"""What is true in the demo world, computed with pandas from the generator's events."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from neonblue.demo.scenarios import SCENARIOS, PastTest
from neonblue.demo.world import events_of, past_tests

Answer = Any


class World:
    """The events of all scenarios as one frame, and each user's properties."""

    def __init__(self, now: datetime, seed: int) -> None:
        self.now, self.seed = pd.Timestamp(now), seed
        rows = [one for s in SCENARIOS for one in events_of(s, now=now, seed=seed)]
        frame = pd.DataFrame(rows)
        frame["timestamp"] = pd.to_datetime(frame["timestamp"], format="ISO8601", utc=True)
        exposed = frame[frame.event_type == "exposure"].drop_duplicates("user_id")
        given = pd.DataFrame(list(exposed.properties), index=exposed.user_id)
        self.events = frame.drop(columns=["properties"]).join(given, on="user_id")

    def truth(self, kind: str, given: dict[str, Any]) -> Answer:
        """The answer: a number, a mapping from slice to number, or a list of names."""
        if kind in ("count", "users", "sum", "average", "median", "rate", "per_user"):
            return self._measured(kind, given)
        found: Answer = getattr(self, f"_{kind}")(given)
        return found

    def _scope(self, given: dict[str, Any]) -> pd.DataFrame:
        frame = self.events
        if "days" in given:
            begin = self.now - timedelta(days=given["days"])
            frame = frame[(frame.timestamp >= begin) & (frame.timestamp < self.now)]
        if "since" in given:
            frame = frame[frame.timestamp >= pd.Timestamp(given["since"], tz="UTC")]
        if "between" in given:
            begin, end = (pd.Timestamp(day, tz="UTC") for day in given["between"])
            frame = frame[(frame.timestamp >= begin) & (frame.timestamp < end + timedelta(days=1))]
        if "filter" in given:
            name, value = given["filter"]
            frame = frame[frame[name] == value]
        if "without" in given:
            name, value = given["without"]
            frame = frame[frame[name] != value]
        if "above" in given:
            frame = frame[frame.value > given["above"]]
        if "experiment" in given:
            frame = frame[frame.experiment_id == given["experiment"]]
        return frame

    def _measured(self, kind: str, given: dict[str, Any]) -> Answer:
        frame = self._scope(given)
        if "by" in given:
            by = "experiment_id" if given["by"] == "experiment" else given["by"]
            return {key: _value(kind, part, given) for key, part in frame.groupby(by)}
        return _value(kind, frame, given)

    def _top(self, given: dict[str, Any]) -> list[str]:
        values = self._measured(given["measure"], given)
        return sorted(values, key=values.__getitem__, reverse=True)[: given.get("n", 1)]

    def _bottom(self, given: dict[str, Any]) -> list[str]:
        values = self._measured(given["measure"], given)
        return sorted(values, key=values.__getitem__)[: given.get("n", 1)]

    def _series(self, given: dict[str, Any]) -> dict[str, float]:
        frame = self._scope(given)
        frame = frame[frame.event_type == given.get("event", "purchase")]
        day = frame.timestamp.dt.tz_localize(None).dt.normalize()
        if given["grain"] == "week":
            day = day - pd.to_timedelta(day.dt.weekday, unit="D")
        groups = frame.groupby(day.dt.strftime("%Y-%m-%d"))
        return {key: _value(given["measure"], part, given) for key, part in groups}

    def _compare(self, given: dict[str, Any]) -> list[float]:
        current = self._measured(given["measure"], given)
        begin = self.now - timedelta(days=2 * given["days"])
        end = self.now - timedelta(days=given["days"])
        frame = self.events
        frame = frame[(frame.timestamp >= begin) & (frame.timestamp < end)]
        return [current, _value(given["measure"], frame, given)]

    def _in_experiment(self, given: dict[str, Any]) -> Answer:
        return self._measured(given["measure"], given)

    def _funnel(self, given: dict[str, Any]) -> list[int]:
        exposed = self.events[self.events.event_type == "exposure"].set_index("user_id").timestamp
        bought = self.events[self.events.event_type == "purchase"].set_index("user_id").timestamp
        waited = bought - exposed.reindex(bought.index)
        return [len(exposed), int((waited <= timedelta(days=1)).sum())]

    def _periods(self, given: dict[str, Any]) -> list[float]:
        """The named measure in the period asked about, and in the one that it is set against."""
        kind = given.get("measure", "count")
        scope = {key: value for key, value in given.items() if key in ("event", "filter")}
        return [
            self._measured(kind, scope | self._when(given)),
            self._measured(kind, scope | {"between": given["before"]}),
        ]

    def _when(self, given: dict[str, Any]) -> dict[str, Any]:
        if "now" in given:
            return {"between": given["now"]}
        return {key: value for key, value in given.items() if key in ("since", "days")}

    def _retention(self, given: dict[str, Any]) -> Answer:
        """The share seen on the Nth UTC day after their first, of those whose Nth day is over."""
        frame = self._scope(given)
        day = frame.timestamp.dt.floor("D")
        first = day.groupby(frame.user_id).min()
        wait = timedelta(days=given["day"])
        back = frame.user_id[day - frame.user_id.map(first) == wait].unique()
        first = first[first + wait + timedelta(days=1) <= self.now]
        kept = pd.Series(first.index.isin(back), index=first.index)
        if "by" in given:
            of = frame.drop_duplicates("user_id").set_index("user_id")[given["by"]]
            return kept.groupby(of.reindex(kept.index)).mean().to_dict()
        if "weeks" in given:
            monday = first - pd.to_timedelta(first.dt.weekday, unit="D")
            return kept.groupby(monday.dt.strftime("%Y-%m-%d")).mean().to_dict()
        return float(kept.mean())

    def _next(self, given: dict[str, Any], step: int = -1) -> dict[str, float]:
        """What stood next to each event of its user, as shares; one moment goes by the name."""
        frame = self._scope(given).sort_values(["user_id", "timestamp", "event_type"])
        beside = frame.groupby("user_id").event_type.shift(step).fillna("(nothing)")
        return dict(beside[frame.event_type == given["event"]].value_counts(normalize=True))

    def _previous(self, given: dict[str, Any]) -> dict[str, float]:
        return self._next(given, step=1)

    def _moved(self, given: dict[str, Any]) -> list[Any]:
        """The count in the period and before it, and the slice that changed most: an experiment."""
        event = given.get("event", "purchase")
        frame = self.events[self.events.event_type == event]
        begin, end, before, until = self._moments(given)
        when = frame.timestamp
        late = frame[(when >= begin) & (when < end)].experiment_id.value_counts()
        early = frame[(when >= before) & (when < until)].experiment_id.value_counts()
        change = late.sub(early * ((end - begin) / (until - before)), fill_value=0).abs()
        return [int(late.sum()), int(early.sum()), "experiment", str(change.idxmax())]

    def _moments(self, given: dict[str, Any]) -> list[pd.Timestamp]:
        if "now" in given:
            days = [pd.Timestamp(one, tz="UTC") for one in (*given["now"], *given["before"])]
            ends = [min(days[at] + timedelta(days=1), self.now) for at in (1, 3)]
            return [days[0], ends[0], days[2], ends[1]]
        begin = self.now - timedelta(days=given.get("days", 0))
        if "since" in given:
            begin = pd.Timestamp(given["since"], tz="UTC")
        return [begin, self.now, begin - (self.now - begin), begin]

    def _learnt(self, given: dict[str, Any]) -> list[str]:
        found = (test.experiment_id for test in past_tests(seed=self.seed))
        return sorted(one for one in found if f"_{given['theme']}_" in one)

    def _similar(self, given: dict[str, Any]) -> list[str]:
        return sorted(
            test.experiment_id
            for test in past_tests(seed=self.seed)
            if f"_{given['theme']}_" in test.experiment_id and _lift(test) > given["above"]
        )

    def _running(self, given: dict[str, Any]) -> list[str]:
        return sorted(s.experiment_id for s in SCENARIOS if s.status == "running")

    def _running_count(self, given: dict[str, Any]) -> int:
        return len(self._running(given))

    def _broken(self, given: dict[str, Any]) -> list[str]:
        return sorted(s.experiment_id for s in SCENARIOS if s.truth == "broken")

    def _started_since(self, given: dict[str, Any]) -> list[str]:
        found = (s.experiment_id for s in SCENARIOS if s.began_days_ago < given["days"])
        return sorted(found)

    def _best_past(self, given: dict[str, Any]) -> list[str]:
        lifts = {test.experiment_id: _lift(test) for test in past_tests(seed=self.seed)}
        return [max(lifts, key=lifts.__getitem__)]

    def _effect(self, given: dict[str, Any]) -> str:
        return str(given["decision"])


def _lift(test: PastTest) -> float:
    control = test.control_purchases / test.control_units
    return (test.treatment_purchases / test.treatment_units) / control - 1


def _value(kind: str, frame: pd.DataFrame, given: dict[str, Any]) -> float:
    of = frame[frame.event_type == given.get("event", "purchase")]
    exposed = frame[frame.event_type == "exposure"].user_id.nunique()
    if kind == "count":
        return float(len(of))
    if kind == "users":
        return float(of.user_id.nunique())
    if kind == "sum":
        return float(of.value.sum())
    if kind == "average":
        return float(of.value.mean())
    if kind == "median":
        return float(of.value.median())
    return float(of.user_id.nunique() if kind == "rate" else of.value.sum()) / exposed
