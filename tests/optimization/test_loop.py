"""The loop over a real chDB, a real authority and a person's key: from goal to roll-out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from neonblue.ingest.event import Event
from neonblue.models import MetricDefinition
from neonblue.optimization.loop.goal import Goal, goal_id_of, read_goal, save_goal
from neonblue.optimization.loop.step import CycleReport, LoopParts, run_step
from tests.optimization.conftest import World
