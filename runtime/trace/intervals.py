"""In which cycles of an instruction its energy is spent.

An instruction that is not a read spends its energy evenly while it holds its unit. A read has parts
(`docs/microarchitecture.md`, "Timing rules"): lines are driven from an attempt's start for A cycles, and again for the
passes after the first, H cycles; converters work from the first pass's conversion on, H + C cycles. In between a read
may wait for its bank, and spends nothing. Every attempt and every pass costs the same.

A timeline says when a read issued and completed, not how many attempts there were in between. They follow: the bank is
free when the read before on it has converted; only the first attempt can wait for it, so every later one takes
A + H + C + L cycles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.schedule import READ

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_ATTEMPTS = 10_000_000
"""Attempts of reads for which intervals are made one by one; beyond, a read is spread from issue to completion."""


@dataclass(frozen=True)
class Intervals:
    """Cycles in which rows of a timeline spend some of their energy, each an interval and a share of the row's.

    Attributes:
        row: [K] row of the timeline's issues.
        begin: [K] first cycle.
        end: [K] one past the last, after `begin`.
        share: [K] part of the row's energy; those of a row sum to 1.
    """

    row: Ints
    begin: Ints
    end: Ints
    share: Floats


@dataclass(frozen=True)
class ReadParts:
    """When reads drive lines and convert.

    Attributes:
        rows: [N] rows of the timeline's issues that are reads.
        attempts: [N] how often each was attempted, at least 1.
        drive: while lines are driven.
        convert: while converters work.
    """

    rows: Ints
    attempts: Ints
    drive: Intervals
    convert: Intervals


def held(issues: Ints) -> Intervals:
    """While instructions hold their units.

    Args:
        issues: [N, 4] instruction, issue, release, completion.
    """
    rows = np.arange(len(issues))
    return Intervals(rows, issues[:, 1], issues[:, 2], np.ones(len(issues)))


def read_parts(table: NDArray[np.void], issues: Ints) -> ReadParts:
    """Find when reads drive lines and convert.

    Args:
        table: instructions, with `kind`, `unit`, `t0` … `t3`.
        issues: [N, 4] instruction, issue, release, completion, in order of unit, then issue.
    """
    rows = np.flatnonzero(table["kind"][issues[:, 0]] == READ)
    chosen = table[issues[rows, 0]]
    a, c, latency, how = (chosen[name].astype(np.int64) for name in ("t0", "t1", "t2", "t3"))
    issue, complete, passes = issues[rows, 1], issues[rows, 3], how >> 2
    bank = 2 * chosen["unit"].astype(np.int64) + (how & 1)
    first = np.maximum(issue + a, _free_before(bank, complete - latency))
    rest = passes + c + latency
    attempts = 1 + (complete - first - rest) // (a + rest)
    if attempts.sum() > MOST_ATTEMPTS:
        whole = Intervals(rows, issue, complete, np.ones(len(rows)))
        return ReadParts(rows, attempts, whole, whole)
    which = np.repeat(np.arange(len(rows)), attempts)
    number = np.arange(len(which)) - np.repeat(np.cumsum(attempts) - attempts, attempts)
    converts = first[which] + number * (a + rest)[which]  # the first pass of each attempt
    starts = np.where(number == 0, issue[which], converts - a[which])
    share, later = 1.0 / attempts[which], passes[which]
    # The passes after the first repeat the slower of driving and converting, or both where the array holds no sample.
    each = np.where(how & 2, np.maximum(a, c), a + c + latency)
    one = (1.0 / (1.0 + passes / each))[which]
    more = np.flatnonzero(later)
    drive = Intervals(
        rows[np.concatenate([which, which[more]])],
        np.concatenate([starts, converts[more]]),
        np.concatenate([starts + a[which], (converts + later)[more]]),
        np.concatenate([share * one, (share * (1.0 - one))[more]]),
    )
    return ReadParts(rows, attempts, drive, Intervals(rows[which], converts, converts + later + c[which], share))


def _free_before(bank: Ints, free: Ints) -> Ints:
    """Cycle in which the bank of each read is free of the read before, 0 for a bank's first.

    Args:
        bank: [N] of each read; reads of a bank are in the order in which they use it.
        free: [N] cycle in which each read frees it.
    """
    order = np.argsort(bank, kind="stable")
    before = np.zeros_like(free)
    same = bank[order[1:]] == bank[order[:-1]]
    before[order[1:]] = np.where(same, free[order[:-1]], 0)
    return before
