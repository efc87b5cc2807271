"""The documents keep to what is there: links lead somewhere, and no index host is named."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)#\s]+)(?:#[^)]*)?\)")
HOSTS = re.compile(r"py[p]i\.org|python[h]osted|registry\.np[m]js|repo1?\.mave[n]|deb\.debia[n]")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_relative_links_lead_somewhere(document: Path) -> None:
    targets = [match["target"] for match in LINK.finditer(document.read_text())]
    local = [
        target for target in targets if "://" not in target and not target.startswith("mailto:")
    ]
    assert [target for target in local if not (document.parent / target).exists()] == []


def test_no_index_host_is_named_anywhere() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    tracked = [ROOT / name for name in listed if name and (ROOT / name).is_file()]
    texts = ((path, path.read_bytes().decode("utf-8", "replace")) for path in tracked)
    assert [path.name for path, text in texts if HOSTS.search(text)] == []


def test_the_changelog_says_everything_once_and_newest_first() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text().splitlines()
    said = [line for line in lines if line.startswith("- ")]
    assert sorted({line for line in said if said.count(line) > 1}) == []
    versions = [line for line in lines if line.startswith("## ")]
    assert versions[0] == "## Unreleased"
    assert all(re.fullmatch(r"## \d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", one) for one in versions[1:])
