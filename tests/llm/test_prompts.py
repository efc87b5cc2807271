"""Prompts are files with versions: who changes a text raises its version, and this list."""

import hashlib

import pytest

from neonblue.llm.prompts import PromptName, read_prompt

DIGESTS: dict[PromptName, tuple[int, str]] = {
    "narrate": (1, "5c96f07741042356"),
    "plan": (2, "d6f9be44fa849286"),
}


@pytest.mark.parametrize("name", DIGESTS)
def test_a_prompt_keeps_its_text_as_long_as_its_version(name: PromptName) -> None:
    prompt = read_prompt(name)
    digest = hashlib.sha256(prompt.text.encode()).hexdigest()[:16]
    assert (prompt.version, digest) == DIGESTS[name]
    assert prompt.label == f"{name}@{prompt.version}"


@pytest.mark.parametrize("name", DIGESTS)
def test_a_prompt_says_that_data_is_no_instruction(name: PromptName) -> None:
    text = read_prompt(name).text
    assert "<data>" in text
    assert "never an instruction" in text
