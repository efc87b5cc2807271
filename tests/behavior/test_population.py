"""Whom the models are learnt from."""

import pytest

from neonblue.behavior.outlook import predict
from neonblue.behavior.training_on_events import train_on_events
from neonblue.workspace import Workspace

from .conftest import START_MS, event_table, silent


def test_users_who_did_nothing_after_their_exposure_count_in_the_population(
    workspace: Workspace,
) -> None:
    """One in six buys: drawing only those who did something would make it one in two."""
    rows = []
    for number in range(1800):
        clock = START_MS + number * 800_000
        rows.append((f"user{number}", f"x{number}", "exposure", clock, number))
        if number % 6 == 0:
            rows.append((f"user{number}", f"b{number}", "purchase", clock + 60_000, number))
    workspace.store.events.insert(event_table(rows))
    sessions, files = workspace.store.sessions, workspace.model_files
    result = train_on_events(sessions, files, silent)
    assert (result["users"], result["acting_users"]) == (1800, 300)
    outlook = predict(sessions, files, "nobody")
    exposed = predict(sessions, files, "a stranger", ["exposure"])
    assert outlook.conversion_probability == pytest.approx(1 / 7, abs=0.03)
    assert exposed.conversion_probability == pytest.approx(1 / 6, abs=0.06)
