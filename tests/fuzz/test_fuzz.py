"""Mutated models and targets end in a program or in one block of whole sentences, whatever was done to them.

Each case runs in a worker process with bounded memory: an exit status other than 0, 2 or 3, a traceback, a line that is
no sentence, noise of a library, a file touched elsewhere, a file left behind, a crash or a hang is a finding. The same
case is the same bytes every time; `python -m tests.fuzz.mutate_models CASE FILE` writes one.
"""

import pytest

from tests.fuzz import mutate_models, mutate_targets
from tests.fuzz.guarded import outcomes
from tests.fuzz.model_mutations import MUTATIONS

CHUNK = 500
SAMPLE = {"models": range(7, mutate_models.COUNT, 71), "targets": range(3, mutate_targets.COUNT, 37)}


def findings(kind: str, cases: range) -> list[str]:
    told = []
    for outcome in outcomes(kind, cases):
        if outcome["faults"]:
            told.append(f"case {outcome['case']} ({outcome['told']}): {outcome['faults']}\n{outcome['said'][:500]}")
    return told


@pytest.mark.parametrize("kind", SAMPLE)
def test_a_sample_of_mutants_ends_cleanly(kind: str) -> None:
    assert findings(kind, SAMPLE[kind]) == []


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, mutate_models.COUNT, CHUNK))
def test_every_mutated_model_ends_cleanly(first: int) -> None:
    assert findings("models", range(first, first + CHUNK)) == []


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, mutate_targets.COUNT, CHUNK))
def test_every_mutated_target_ends_cleanly(first: int) -> None:
    assert findings("targets", range(first, first + CHUNK)) == []


@pytest.mark.parametrize("case", [0, 1234, 4999])
def test_a_case_is_the_same_bytes_every_time(case: int) -> None:
    assert mutate_models.mutant(case) == mutate_models.mutant(case)
    assert mutate_targets.mutant(case % 2000) == mutate_targets.mutant(case % 2000)


def test_every_mutation_comes_round() -> None:
    told = "".join(mutate_models.mutant(case).told for case in range(600))
    assert [name for name in MUTATIONS if name not in told] == []
