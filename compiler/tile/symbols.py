"""Finding what a symbol names, from an operation inside a module."""

from difflib import get_close_matches
from typing import TypeVar

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation
from xdsl.utils.exceptions import VerifyException

_OpT = TypeVar("_OpT", bound=Operation)


def module_of(op: Operation) -> ModuleOp | None:
    """Find the module that an operation is in.

    Args:
        op: Any operation.

    Returns:
        The innermost module around it, or None for a detached operation.
    """
    above: Operation | None = op
    while above is not None and not isinstance(above, ModuleOp):
        above = above.parent_op()
    return above


def symbol_name(op: Operation) -> str | None:
    """Read the name that a declaration gives itself.

    Args:
        op: Any operation.

    Returns:
        Its `sym_name`, or None if it has none.
    """
    name = op.properties.get("sym_name")
    return name.data if isinstance(name, StringAttr) else None


def symbols(module: ModuleOp) -> dict[str, Operation]:
    """List a module's declarations by name.

    Args:
        module: The module.

    Returns:
        Name to operation; of two with one name the first.
    """
    found: dict[str, Operation] = {}
    for op in module.body.block.ops:
        name = symbol_name(op)
        if name is not None:
            found.setdefault(name, op)
    return found


def find(op: Operation, name: str, kinds: tuple[type[_OpT], ...], what: str) -> _OpT | None:
    """Find the declaration that an operation refers to.

    Args:
        op: The operation that refers.
        name: The symbol.
        kinds: Classes that the declaration may have.
        what: What it should be, for the message, such as "an array".

    Returns:
        The declaration; None when `op` is in no module, where nothing can be known.

    Raises:
        VerifyException: There is no such declaration, or it is something else.
    """
    module = module_of(op)
    if module is None:
        return None
    found = next((declared for declared in module.body.block.ops if symbol_name(declared) == name), None)
    if isinstance(found, kinds):
        return found
    if found is not None:
        raise VerifyException(f"@{name} must be {what}, not a {found.name}; correct the name")
    known = symbols(module)
    near = get_close_matches(name, [other for other, decl in known.items() if isinstance(decl, kinds)], n=1)
    advice = f"did you mean @{near[0]}?" if near else "declare it in the module"
    raise VerifyException(f"@{name} must be {what} of this module, not an unknown name; {advice}")
