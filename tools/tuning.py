"""Parameters are tuned and evolved, each evaluation a batch of an experiment."""

from fastmcp.dependencies import Shared

from neonblue.tools.effect import reads, writes
from neonblue.tools.results.tuning import BestSetting, Evolved, EvolvedSetting, Tuning
from neonblue.workspace import Workspace, open_workspace


@writes(title="Tune parameters")
def tune_parameters(
    study_id: str,
    space: dict[str, list[float]] | None = None,
    results: dict[str, list[float]] | None = None,
    lower_is_better: bool = False,
    workspace: Workspace = Shared(open_workspace),
) -> Tuning:
    """Tune numbers by noisy trials: declare a space, run the setting it asks for, tell the result.

    Args:
        study_id: Any name.
        space: First: name to [low, high, step or nothing].
        results: Trial to [mean, standard_error].
        lower_is_better: Of the mean.
    """
    from neonblue.optimization.tuning import tune

    found = tune(
        workspace.store, study_id, space=space, results=results, lower_is_better=lower_is_better
    )
    trial, settings = found.waiting or (None, {})
    return Tuning(
        study_id=study_id,
        trial=trial,
        settings=settings,
        evaluations=len(found.evaluations),
        best=None if found.best is None else BestSetting.model_validate(found.best),
        next_step=(
            "run the settings as a batch, then call again with results {trial: [mean, error]}"
            if trial is not None
            else "the study is full: take best"
        ),
    )


@reads(title="Evolve variants")
def evolve_variants(
    study_id: str,
    count: int = 4,
    workspace: Workspace = Shared(open_workspace),
) -> Evolved:
    """Breed new variants from a study's winners by crossover, likeliest first.

    Args:
        study_id: Of tune_parameters.
        count: Up to 10.
    """
    from neonblue.optimization.tuning import evolve

    children = evolve(workspace.store, study_id, count=count)
    return Evolved(
        study_id=study_id, variants=[EvolvedSetting.model_validate(one) for one in children]
    )


TOOLS = (tune_parameters, evolve_variants)
