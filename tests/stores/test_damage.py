"""Parts whose files changed under the engine are found by name."""

from pathlib import Path

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores import Store
from neonblue.stores.damage import damaged_parts

PLAN = Experiment(
    experiment_id="x",
    variants=(Variant(variant_id="a", is_control=True), Variant(variant_id="b")),
    metrics=(MetricDefinition(name="m", kind="proportion", event_type="e"),),
)


def test_only_the_damaged_table_is_named(store: Store) -> None:
    store.experiments.save(PLAN)
    assert damaged_parts(store.database) == ()
    sql = "SELECT path FROM system.parts WHERE active AND table = 'experiment_history'"
    for (folder,) in store.database.rows(sql):
        for path in Path(folder).glob("*.bin"):
            path.write_bytes(path.read_bytes()[:20] + b"x" * 20 + path.read_bytes()[40:])
    tables = {name.partition("/")[0] for name in damaged_parts(store.database)}
    assert tables == {"experiment_history"}
