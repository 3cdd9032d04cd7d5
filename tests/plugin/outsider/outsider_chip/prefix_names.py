"""The pass `prefix-names`: put a word before every name of a value."""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass


@dataclass(frozen=True)
class PrefixNames(ModulePass):
    """Rename values.

    ```
    %x = …      ->      %my_x = …
    ```
    """

    prefix: str = "my_"

    name = "prefix-names"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in op.walk():
            values = [*inner.results, *(a for region in inner.regions for b in region.blocks for a in b.args)]
            for value in values:
                if value.name_hint is not None:
                    value.name_hint = self.prefix + value.name_hint
