"""Published quantities beside what the model says: the table of `ohmflow targets validate`.

Rows are data of the target (`validation:`). A *transcribed* row shows that the file says what the publication does, a
*derived* one that arithmetic on its figures comes out; only a *predicted* one says anything about the model.
"""

from dataclasses import dataclass
from fractions import Fraction

from ohmflow.targets.errors import TargetError
from ohmflow.targets.model_quantities import UnknownQuantityError, evaluate
from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.target import Target
from ohmflow.targets.schema.validation import Published, Row


@dataclass(frozen=True, slots=True)
class Comparison:
    """A published quantity beside ours.

    Attributes:
        target: name of the target.
        name: of the row in the target's file.
        row: what is published.
        ours: the model's, exact where its inputs are; None where some of it is not modelled.
    """

    target: str
    name: str
    row: Row
    ours: Quantity | None

    @property
    def published(self) -> Published:
        """The published value."""
        return self.row.published

    @property
    def value(self) -> float | None:
        """Ours in the unit of publication."""
        exact = self._exact
        return None if exact is None else float(exact)

    @property
    def error(self) -> float | None:
        """Ours / published − 1; None where there is nothing to compare."""
        exact, published = self._exact, Fraction(self.published.digits)
        return None if exact is None or not published else float(exact / published - 1)

    @property
    def agrees(self) -> bool:
        """Whether ours rounds to the published digits."""
        exact = self._exact
        return exact is not None and abs(exact - Fraction(self.published.digits)) <= _half_a_digit(
            self.published.digits
        )

    @property
    def contradicts(self) -> bool:
        """Whether the file says otherwise than what it is transcribed from."""
        return self.row.kind == "transcribed" and not self.agrees

    @property
    def contradiction(self) -> str:
        """The sentence that says so."""
        where = f"{self.target}: validation.{self.name}"
        return (
            f"{where}: {self.row.model} must be {self.published.text} as transcribed, {_or_nothing(self.ours)}; "
            "mend the figure, or the row's kind"
        )

    @property
    def _exact(self) -> Fraction | None:
        if self.ours is None:
            return None
        return self.ours.exact(self.published.unit) if self.published.unit else self.ours.value


def compare(target: Target) -> tuple[Comparison, ...]:
    """Compare every published quantity of a target with the model's, in order of the file.

    Raises:
        TargetError: a row names no quantity of the target, or one of another dimension.
    """
    return tuple(_comparison(target, name, row) for name, row in target.validation.items())


def _comparison(target: Target, name: str, row: Row) -> Comparison:
    where = f"{target.name}: validation.{name}"
    try:
        ours = evaluate(target, row.model)
    except UnknownQuantityError as error:
        raise TargetError([f"{where}.model {error}"]) from error
    if ours is not None and ours.dimension != row.published.value.dimension:
        text = (
            f"{where}.published must be of the dimension of {row.model}, which is {ours}, not '{row.published.text}'; "
            "write another unit, or compare something else"
        )
        raise TargetError([text])
    return Comparison(target.name, name, row, ours)


def _or_nothing(ours: Quantity | None) -> str:
    return "and modelled at all" if ours is None else f"not '{ours}'"


def _half_a_digit(digits: str) -> Fraction:
    """Half a unit in the last place of a number as written."""
    mantissa, _, exponent = digits.lower().partition("e")
    places = len(mantissa.partition(".")[2])
    return Fraction(10) ** (int(exponent or 0) - places) / 2
