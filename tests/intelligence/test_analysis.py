"""What an analysis says of simulated experiments whose truth is known."""


from neonblue.intelligence.analysis import analyze


def test_a_null_keeps_running(store, simulate, world, now) -> None:
    simulate(world)
    found = analyze(store, "exp", now=now)
    assert found.decision.decision in ("keep_running", "no_meaningful_effect")
