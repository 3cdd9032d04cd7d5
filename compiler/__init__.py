"""ohmflow's compiler: ONNX in, program out. Public names load on first use."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ohmflow.compiler.compile import CompileOptions as CompileOptions
    from ohmflow.compiler.compile import compile_model as compile_model
    from ohmflow.compiler.program.program import Program as Program

_PUBLIC = {
    "compile_model": "ohmflow.compiler.compile",
    "CompileOptions": "ohmflow.compiler.compile",
    "Program": "ohmflow.compiler.program.program",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for."""
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'ohmflow.compiler' has no attribute '{name}'")
