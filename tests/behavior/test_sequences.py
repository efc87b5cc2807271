import gzip
from pathlib import Path

import numpy as np
import pytest

from neonblue.behavior.sequences import from_lists, read_sequences
from neonblue.behavior.windows import OVERLAP_STEPS, WINDOW_STEPS, cut
from neonblue.errors import InvalidInputError

HEADER = "% Categories:\n\nfrontpage news tech\n\n\n"


def test_reads_a_header_and_one_sequence_a_line(tmp_path: Path) -> None:
    path = tmp_path / "pages.seq.gz"
    path.write_bytes(gzip.compress((HEADER + "1 2 3\n2\n\n3 3\n").encode()))
    file = read_sequences(path)
    assert file.names == ("frontpage", "news", "tech")
    assert file.sequences.lengths.tolist() == [3, 1, 0, 2]
    assert file.sequences.steps.tolist() == [1, 2, 3, 2, 3, 3]


def test_reads_a_file_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "pages.seq"
    path.write_text("1 2\n3\n")
    assert read_sequences(path).sequences.lengths.tolist() == [2, 1]


def test_an_empty_first_line_is_a_sequence_unless_a_header_follows(tmp_path: Path) -> None:
    path = tmp_path / "pages.seq"
    path.write_text("\n\n1 2\n\n3\n")
    assert read_sequences(path).sequences.lengths.tolist() == [0, 0, 2, 0, 1]
    path.write_text("\n" + HEADER + "1 2\n")
    assert read_sequences(path).sequences.lengths.tolist() == [2]


@pytest.mark.parametrize("text", ["1 2\nhello\n", "1 -2\n", "", HEADER])
def test_refuses_what_holds_no_sequences_or_other_things_than_numbers(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "pages.seq"
    path.write_text(text)
    with pytest.raises(InvalidInputError):
        read_sequences(path)


def test_names_the_line_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "pages.seq"
    path.write_text(HEADER + "1 2\n1 x\n")
    with pytest.raises(InvalidInputError, match="line 7"):
        read_sequences(path)


def test_windows_keep_every_step_once_and_give_later_ones_a_past() -> None:
    sequences = from_lists([[1] * 3, [2] * (3 * WINDOW_STEPS + 5), [3] * WINDOW_STEPS, []])
    windows = cut(sequences)
    assert windows.sequences.lengths.max() == WINDOW_STEPS
    kept = windows.source[windows.kept]
    assert np.array_equal(np.sort(kept), np.arange(len(sequences.steps)))
    later = windows.kept & (windows.sequences.steps == 2) & (windows.source >= 3 + WINDOW_STEPS)
    long = windows.sequences.positions[later]
    assert long.min() >= OVERLAP_STEPS
