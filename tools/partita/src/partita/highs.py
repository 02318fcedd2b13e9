"""The one adapter of HiGHS, the solver of linear and integer programmes. It comes with the extra `cut`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from partita.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

#: One thread and a fixed seed, so that the same question gets the same answer. Costs are whole numbers: a choice is
#: proven as soon as no other can be cheaper by 1.
_OPTIONS = {"output_flag": False, "threads": 1, "random_seed": 0, "mip_rel_gap": 0.0, "mip_abs_gap": 0.9}


class Solution(NamedTuple):
    """How much of each item to take, from 0 to 1, and a lower bound of what it costs to hit every row.

    `finished` is false when the deadline passed first. The bound holds even then; `values` may be empty.
    """

    values: tuple[float, ...]
    bound: float
    finished: bool


class HittingSet:
    """The cheapest choice of items that takes at least one item of every row. Rows are added as they are found.

    Items are numbers from 0 up. `banned` ones are never taken; every row has an item that is not banned. Raises
    MissingExtraError when HiGHS is not installed.
    """

    def __init__(self, costs: Sequence[int], banned: Collection[int] = ()) -> None:
        try:
            import highspy  # 0.25 s with numpy: only for a cut that nothing simpler proves
            import numpy as np
        except ImportError as error:
            raise MissingExtraError("Proving that a cut is the smallest", "cut") from error
        self._highspy, self._numpy = highspy, np
        self._rows: set[tuple[int, ...]] = set()
        self._items = np.arange(len(costs), dtype=np.int32)
        self._solver = highspy.Highs()  # type: ignore[no-untyped-call] # HiGHS types no constructor
        for option, value in _OPTIONS.items():
            self._solver.setOptionValue(option, value)
        most = np.array([float(item not in banned) for item in range(len(costs))])
        self._solver.addVars(len(costs), np.zeros(len(costs)), most)
        self._solver.changeColsCost(len(costs), self._items, np.array(costs, dtype=np.double))

    def add(self, rows: Iterable[Iterable[int]]) -> int:
        """Add rows of items and return how many of them were new."""
        fresh = sorted({tuple(sorted(row)) for row in rows} - self._rows)
        self._rows.update(fresh)
        np = self._numpy
        starts = np.cumsum([0, *map(len, fresh)], dtype=np.int32)[:-1]
        items = np.array([item for row in fresh for item in row], dtype=np.int32)
        least, most = np.ones(len(fresh)), np.full(len(fresh), self._highspy.kHighsInf)
        self._solver.addRows(len(fresh), least, most, len(items), starts, items, np.ones(len(items)))
        return len(fresh)

    def relax(self, deadline: float) -> Solution:
        """The cheapest choice when items may be taken in part: a lower bound that is quickly found.

        `deadline` is a time of the monotonic clock, in seconds.
        """
        return self._solve(self._highspy.HighsVarType.kContinuous, deadline)

    def solve(self, deadline: float, known: Collection[int]) -> Solution:
        """The cheapest choice of whole items; `known` is a choice that hits every row, to start from."""
        start = self._highspy.HighsSolution()
        start.col_value = [float(item in known) for item in range(len(self._items))]
        self._solver.setSolution(start)
        return self._solve(self._highspy.HighsVarType.kInteger, deadline)

    def _solve(self, kind: object, deadline: float) -> Solution:
        solver = self._solver
        solver.changeColsIntegrality(len(self._items), self._items, self._numpy.full(len(self._items), kind))
        solver.setOptionValue("time_limit", max(deadline - time.monotonic(), 0.0))
        solver.run()
        found, information = solver.getSolution(), solver.getInfo()
        finished = solver.getModelStatus() == self._highspy.HighsModelStatus.kOptimal
        bound = information.objective_function_value if finished else 0.0
        if kind == self._highspy.HighsVarType.kInteger:
            bound = max(information.mip_dual_bound, 0.0)
        return Solution(tuple(found.col_value) if found.value_valid else (), bound, finished)
