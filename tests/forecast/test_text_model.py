"""The text model: what it learns, what it refuses, and that a swap mirrors its answer."""

import csv
import gzip
import random
import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neonblue.cli import main
from neonblue.errors import ConflictError, InvalidInputError, NotFoundError
from neonblue.intelligence.text_model.arms import Arm, Pair, read_pairs
from neonblue.intelligence.text_model.current import CurrentTextModel
from neonblue.intelligence.text_model.evaluation import evaluate
from neonblue.intelligence.text_model.model import load_model, mirrored_probabilities
from neonblue.intelligence.text_model.training import split_by_time, train
from neonblue.memory.embedding import Embedder, open_embedder

COLUMNS = (
    *("test_id", "week", "headline_a", "headline_b"),
    *("clicks_a", "impr_a", "clicks_b", "impr_b", "bad_randomisation"),
)
SUBJECTS = ("cats", "bikes", "rain", "schools", "bread", "trains", "music", "forests")


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return open_embedder()


def made_up_pairs(tests: int, seed: int = 1) -> list[dict[str, object]]:
    """Tests in which a question draws 10 % and a statement 5 %."""
    numbers = random.Random(seed)
    rows: list[dict[str, object]] = []
    for test in range(tests):
        subject = numbers.choice(SUBJECTS)
        question, statement = f"Why do {subject} matter so?", f"The {subject} report number {test}"
        asked, told = round(numbers.gauss(200, 13)), round(numbers.gauss(100, 10))
        swapped = numbers.random() < 0.5
        first, second = ((statement, told), (question, asked))[:: 1 if swapped else -1]
        rows.append(
            {
                "test_id": f"t{test}",
                "week": 202501 + test // 10,
                "headline_a": first[0],
                "headline_b": second[0],
                "clicks_a": first[1],
                "impr_a": 2000,
                "clicks_b": second[1],
                "impr_b": 2000,
                "bad_randomisation": False,
            }
        )
    return rows


def write(path: Path, rows: list[dict[str, object]], columns: tuple[str, ...] = COLUMNS) -> Path:
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def silent(done: float, total: float, message: str) -> None:
    """No progress is shown in tests."""


def test_train_and_predict_from_the_command_line(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = made_up_pairs(150)
    assert main(["forecast", "train", str(write(tmp_path / "pairs.csv.gz", rows))]) == 0
    assert "accuracy" in capsys.readouterr().out
    new = write(tmp_path / "new.csv", made_up_pairs(40, seed=2), ("headline_a", "headline_b"))
    out = tmp_path / "out.csv"
    assert main(["forecast", "predict", str(new), "--out", str(out)]) == 0
    with out.open() as file:
        predicted = list(csv.DictReader(file))
    with new.open() as file:
        asked = list(csv.DictReader(file))
    assert [(p["headline_a"], p["headline_b"]) for p in predicted] == [
        (p["headline_a"], p["headline_b"]) for p in asked
    ]
    right = [
        (float(p["probability_a_wins"]) > 0.5) == p["headline_a"].startswith("Why")
        for p in predicted
    ]
    assert sum(right) >= 38


def test_the_model_in_use_is_read_once_and_again_when_its_files_change(
    embedder: Embedder, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    current = CurrentTextModel(folder)
    assert current.get() is None
    pairs = read_pairs(write(tmp_path / "pairs.csv", made_up_pairs(60)))
    trained = train(pairs, embedder, folder, source="test", report=silent).model
    with ThreadPoolExecutor(8) as threads:
        (first,) = {
            id(model): model for model in threads.map(lambda _: current.get(), range(8))
        }.values()
    assert first is not None
    assert first is current.get()
    retrained = replace(
        trained, slope=2 * trained.slope, card={**trained.card, "version": "text-2"}
    )
    retrained.save(folder)
    gone = weakref.ref(first.process.anchors_meaning)
    del first
    second = current.get()
    assert second is not None
    assert (second.version, second.slope) == ("text-2", retrained.slope)
    assert gone() is None


def test_restored_files_of_the_same_version_are_read_again(
    embedder: Embedder, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    pairs = read_pairs(write(tmp_path / "pairs.csv", made_up_pairs(60)))
    trained = train(pairs, embedder, folder, source="test", report=silent).model
    current = CurrentTextModel(folder)
    before = current.get()
    replace(trained, slope=3 * trained.slope).save(folder)
    after = current.get()
    assert before is not None
    assert after is not None
    assert after.slope == 3 * before.slope
    shutil.rmtree(folder / trained.version)
    assert current.get() is None


@pytest.mark.parametrize("name", ["model.json", "arrays.npz", "CURRENT"])
def test_a_damaged_model_is_left_out_and_made_anew(
    embedder: Embedder, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "models"
    pairs = read_pairs(write(tmp_path / "pairs.csv", made_up_pairs(60)))
    trained = train(pairs, embedder, folder, source="test", report=silent).model
    path = folder / "CURRENT" if name == "CURRENT" else folder / trained.version / name
    whole = path.read_bytes()
    for damage in (b"", whole[: len(whole) // 2], bytes(len(whole)), b"[1]", b"../elsewhere"):
        (folder / "CURRENT").write_text(trained.version)
        path.write_bytes(damage)
        assert CurrentTextModel(folder).get() is None
    again = train(pairs, embedder, folder, source="test", report=silent)
    assert again.kept_new
    assert CurrentTextModel(folder).get() is not None


def test_swapping_the_texts_gives_exactly_one_minus(embedder: Embedder, tmp_path: Path) -> None:
    pairs = read_pairs(write(tmp_path / "pairs.csv", made_up_pairs(60)))
    model = train(pairs, embedder, tmp_path / "models", source="test", report=silent).model
    asked = [
        ("Why do cats matter so?", "The bread report"),
        ("🚀", ""),
        ("same", "same"),
        ("a", "b"),
    ]
    forwards = model.probabilities(asked, embedder)
    backwards = model.probabilities([(b, a) for a, b in asked], embedder)
    np.testing.assert_array_equal(backwards, 1 - forwards)
    assert forwards[2] == 0.5
    again = load_model(tmp_path / "models")
    np.testing.assert_array_equal(again.probabilities(asked, embedder), forwards)


def test_mirrored_probabilities_are_exact_in_six_decimals() -> None:
    odds = np.random.default_rng(0).normal(scale=3, size=2000)
    p, q = mirrored_probabilities(odds), mirrored_probabilities(-odds)
    assert all(f"{a:.6f}" == f"{1 - b:.6f}" for a, b in zip(p, q, strict=True))


def test_a_second_training_on_the_same_pairs_keeps_the_first(
    embedder: Embedder, tmp_path: Path
) -> None:
    pairs = read_pairs(write(tmp_path / "pairs.csv", made_up_pairs(60)))
    first = train(pairs, embedder, tmp_path / "models", source="test", report=silent)
    second = train(pairs, embedder, tmp_path / "models", source="test", report=silent)
    assert (first.kept_new, second.kept_new) == (True, False)
    assert second.model.version == first.model.version
    assert "stays" in second.reason


def test_a_model_that_learnt_more_replaces_one_that_learnt_noise(
    embedder: Embedder, tmp_path: Path
) -> None:
    numbers = random.Random(3)
    noise = made_up_pairs(60, seed=9)
    for row in noise:
        row["test_id"] = f"noise {row['test_id']}"
        row["clicks_a"], row["clicks_b"] = numbers.sample((100, 150), 2)
    folder = tmp_path / "models"
    train(
        read_pairs(write(tmp_path / "noise.csv", noise)),
        embedder,
        folder,
        source="n",
        report=silent,
    )
    pairs = read_pairs(write(tmp_path / "pairs.csv", made_up_pairs(600)))
    better = train(pairs, embedder, folder, source="p", report=silent)
    assert better.kept_new
    assert "neither has seen" in better.reason


def test_a_model_of_another_embedding_is_refused(embedder: Embedder, tmp_path: Path) -> None:
    pairs = read_pairs(write(tmp_path / "pairs.csv", made_up_pairs(60)))
    model = train(pairs, embedder, tmp_path / "models", source="test", report=silent).model
    foreign = replace(model, card={**model.card, "embedding": "other:1"})
    with pytest.raises(ConflictError, match="forecast train"):
        foreign.probabilities([("a", "b")], embedder)


def test_rows_with_broken_randomisation_teach_and_never_judge(tmp_path: Path) -> None:
    rows = made_up_pairs(100)
    for row in rows[::4]:
        row["bad_randomisation"] = "True"
    pairs = read_pairs(write(tmp_path / "p.csv", rows))
    assert [pair.sound for pair in pairs[:5]] == [False, True, True, True, False]
    earlier, later = split_by_time(pairs)
    assert all(pair.sound for pair in later)
    assert {pair.sound for pair in earlier} == {True, False}
    begin = min(pair.a.week for pair in later)
    assert all(pair.a.week <= begin for pair in earlier)


def test_a_file_without_a_sound_pair_is_refused(tmp_path: Path) -> None:
    rows = [{**row, "bad_randomisation": "yes"} for row in made_up_pairs(4)]
    with pytest.raises(InvalidInputError, match="no usable pair"):
        read_pairs(write(tmp_path / "p.csv", rows))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clicks_a": 3000}, "line 3 .*clicks at most impressions"),
        ({"impr_b": 0, "clicks_b": 0}, "line 3"),
        ({"clicks_b": "many"}, "line 3"),
        ({"week": "last"}, "line 3"),
        ({"impr_a": "inf"}, "line 3"),
        ({"impr_a": "nan"}, "line 3"),
        ({"test_id": " "}, "line 3 .*test_id is empty"),
    ],
)
def test_a_bad_row_is_named_by_its_line(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    rows = made_up_pairs(3)
    rows[1].update(change)
    with pytest.raises(InvalidInputError, match=message):
        read_pairs(write(tmp_path / "p.csv", rows))


def test_a_missing_column_or_file_is_named(tmp_path: Path) -> None:
    few = write(tmp_path / "p.csv", made_up_pairs(3), ("headline_a", "headline_b"))
    with pytest.raises(InvalidInputError, match="clicks_a"):
        read_pairs(few)
    with pytest.raises(NotFoundError, match=r"nope\.csv"):
        read_pairs(tmp_path / "nope.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no column 'headline_a', 'headline_b'"),
        (b"headline_a\nx\n", "has no column 'headline_b'"),
        (b"headline_a,headline_b\nonly one\n", "line 2"),
        (b"headline_a,headline_b\n\xff\xfe,x\n", "UTF-8"),
    ],
)
def test_what_cannot_be_predicted_is_said_in_one_line(
    data_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    message: str,
) -> None:
    new = tmp_path / "new.csv"
    new.write_bytes(content)
    assert main(["forecast", "predict", str(new), "--out", str(tmp_path / "o.csv")]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
    assert not (tmp_path / "o.csv").exists()


def test_a_file_that_only_says_that_it_is_zipped_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.csv.gz").write_bytes(b"headline_a,headline_b\n")
    with pytest.raises(InvalidInputError, match="CSV"):
        read_pairs(tmp_path / "p.csv.gz")


def test_predictions_keep_order_columns_and_mirror(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forecast", "train", str(write(tmp_path / "pairs.csv", made_up_pairs(80)))]) == 0
    texts = ["Why do cats matter so?", 'The "bread" report, 日本 🚀', "  The rain report ", "42"]
    asked = [(a, b) for a in texts for b in texts]
    answers = []
    for name, pairs in (("there", asked), ("back", [(b, a) for a, b in asked])):
        path, out = tmp_path / f"{name}.csv.gz", tmp_path / f"{name}.out.csv"
        rows: list[dict[str, object]] = [
            {"extra": "1", "headline_b": b, "headline_a": a} for a, b in pairs
        ]
        write(path, rows, ("extra", "headline_b", "headline_a"))
        assert main(["forecast", "predict", str(path), "--out", str(out)]) == 0
        with out.open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        assert [(row["headline_a"], row["headline_b"]) for row in found] == pairs
        answers.append([row["probability_a_wins"] for row in found])
    for (a, b), forwards, backwards in zip(asked, *answers, strict=True):
        assert round(1 - float(forwards), 6) == float(backwards)
        assert (forwards == "0.500000") == (a.strip() == b.strip())


def test_too_few_pairs_are_refused(embedder: Embedder, tmp_path: Path) -> None:
    pairs = read_pairs(write(tmp_path / "p.csv", made_up_pairs(20)))
    with pytest.raises(InvalidInputError, match="too few"):
        train(pairs, embedder, tmp_path / "models", source="test", report=silent)


def test_a_place_to_write_to_that_is_not_there_is_named(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = write(tmp_path / "new.csv", made_up_pairs(2), ("headline_a", "headline_b"))
    assert main(["forecast", "predict", str(new), "--out", str(tmp_path / "no" / "o.csv")]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_predicting_without_a_model_says_how_to_train(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = write(tmp_path / "new.csv", made_up_pairs(2), ("headline_a", "headline_b"))
    assert main(["forecast", "predict", str(new), "--out", str(tmp_path / "o.csv")]) == 2
    assert "neonblue forecast train" in capsys.readouterr().err


def pair(test: str, week: int, clicks_a: int, clicks_b: int) -> Pair:
    arm = Arm(test=test, setting="", week=week, text="a", successes=clicks_a, shown=1000)
    return Pair(a=arm, b=replace(arm, text="b", successes=clicks_b))


def test_later_whole_tests_are_held_out() -> None:
    pairs = [pair(f"t{number // 3}", number // 3, 1, 2) for number in range(60)]
    earlier, later = split_by_time(pairs)
    assert {p.a.test for p in earlier}.isdisjoint(p.a.test for p in later)
    assert max(p.a.week for p in earlier) < min(p.a.week for p in later)
    assert len(later) == 12


def test_intervals_are_wider_when_pairs_share_tests() -> None:
    numbers = np.random.default_rng(5)
    right = np.repeat(numbers.random(100) < 0.6, 10)
    alone = [pair(f"t{n}", 1, 60, 50) for n in range(1000)]
    shared = [pair(f"t{n // 10}", 1, 60, 50) for n in range(1000)]
    predicted = np.where(right, 0.6, 0.4)
    one, many = evaluate(alone, predicted).accuracy, evaluate(shared, predicted).accuracy
    assert one.value == many.value
    assert one.ci_lower is not None
    assert one.ci_upper is not None
    assert many.ci_lower is not None
    assert many.ci_upper is not None
    assert many.ci_upper - many.ci_lower > 2 * (one.ci_upper - one.ci_lower)


def test_ties_are_left_out_and_skill_is_against_the_base_rate() -> None:
    pairs = [pair("t1", 1, 60, 50), pair("t2", 1, 50, 60), pair("t3", 1, 50, 50)]
    judged = evaluate(pairs, np.array([0.5, 0.5, 0.9]))
    assert judged.pairs == 2
    assert judged.log_loss == pytest.approx(np.log(2))
    assert judged.log_skill == pytest.approx(0)
    assert judged.brier_skill == pytest.approx(0)
