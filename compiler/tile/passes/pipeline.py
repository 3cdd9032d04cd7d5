"""Which passes there are, and running them by a text such as `canonical-names,split-maps{at=backward}`."""

from dataclasses import fields
from difflib import get_close_matches
from importlib.metadata import entry_points
from warnings import warn

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import ArgSpec, parse_pipeline
from xdsl.utils.exceptions import ArgSpecParseError

from ohmflow.compiler.tile.dialect import context, verify_tile
from ohmflow.compiler.tile.errors import TileError
from ohmflow.compiler.tile.passes.canonical_names import CanonicalNames
from ohmflow.compiler.tile.passes.dead_code import DeadCode
from ohmflow.compiler.tile.passes.expand_composites import ExpandComposites
from ohmflow.compiler.tile.passes.fuse_maps import FuseMaps
from ohmflow.compiler.tile.passes.split_maps import SplitMaps

GROUP = "ohmflow.passes"
"""Entry points of this group name classes like ours: frozen dataclasses that are an xDSL `ModulePass`."""

OURS: tuple[type[ModulePass], ...] = (CanonicalNames, DeadCode, ExpandComposites, FuseMaps, SplitMaps)


def passes() -> dict[str, type[ModulePass]]:
    """List all passes: ours and those of installed packages.

    A plug-in that can not be loaded is told in a warning and left out.

    Returns:
        Name to class, sorted by name.

    Raises:
        TileError: Two passes have one name.
    """
    found: dict[str, type[ModulePass]] = {}
    origin: dict[str, str] = {}
    for made, told in [*((own, f"{own.__module__}.{own.__qualname__}") for own in OURS), *_plugged_in()]:
        if made.name in found:
            raise TileError(
                f"pass '{made.name}': the name must be used once, not by {origin[made.name]} and {told}; "
                "rename or uninstall one"
            )
        found[made.name], origin[made.name] = made, told
    return dict(sorted(found.items()))


def _plugged_in() -> list[tuple[type[ModulePass], str]]:
    loaded: list[tuple[type[ModulePass], str]] = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        told = f"{point.value} of {point.dist.name if point.dist is not None else 'an unknown package'}"
        try:
            made = point.load()
        except Exception as error:  # whatever an outsider's module raises must not stop the others
            warn(f"pass plug-in '{point.name}' ({told}) can not be loaded: {error}", stacklevel=3)
            continue
        if not _is_pass(made):
            warn(f"pass plug-in '{point.name}' ({told}) must be a ModulePass with a name, not {made!r}", stacklevel=3)
            continue
        loaded.append((made, told))
    return loaded


def _is_pass(made: object) -> bool:
    return isinstance(made, type) and issubclass(made, ModulePass) and isinstance(getattr(made, "name", None), str)


def make_pipeline(text: str) -> list[ModulePass]:
    """Read a pipeline.

    Args:
        text: Passes separated by commas, each with options in braces: `a,b{option=1 other=x}`.

    Returns:
        The passes in order.

    Raises:
        TileError: The text, a name or an option is wrong.
    """
    if not text.strip():
        return []
    try:
        specs = list(parse_pipeline(text.strip()))
    except ArgSpecParseError as error:
        raise TileError(
            f"pipeline: must be passes with options in braces, not '{text}' ({_last_line(error).lower()}); "
            "write a,b{option=value}"
        ) from error
    known = passes()
    return [_make(spec, known) for spec in specs]


def _last_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1].strip()


def _make(spec: ArgSpec, known: dict[str, type[ModulePass]]) -> ModulePass:
    if spec.name not in known:
        near = get_close_matches(spec.name, known, n=1)
        advice = f"did you mean '{near[0]}'?" if near else "choose one of those"
        raise TileError(f"pipeline: a pass must be one of {', '.join(known)}, not '{spec.name}'; {advice}")
    try:
        return known[spec.name].from_spec(spec)
    except ValueError as error:
        options = [field.name for field in fields(known[spec.name]) if field.name != "name"]
        unknown = [name for name in spec.parameters if name.replace("-", "_") not in options]
        if unknown:
            told = ", ".join(options) or "nothing"
            raise TileError(
                f"pipeline: an option of {spec.name} must be {told}, not {unknown[0]}; see its docstring"
            ) from error
        raise TileError(f"pipeline: {spec.name}: {error}; see its docstring") from error


def run_pipeline(module: ModuleOp, text: str) -> ModuleOp:
    """Run passes over a module and check it after each.

    Args:
        module: A verified module; changed in place.
        text: Passes as `make_pipeline` reads them.

    Returns:
        The same module.

    Raises:
        TileError: The pipeline is wrong, or a pass left a module that does not verify.
    """
    ctx = context()
    for step in make_pipeline(text):
        step.apply(ctx, module)
        try:
            verify_tile(module)
        except TileError as error:
            raise TileError(f"after the pass {step}:\n{error}") from error
    return module
