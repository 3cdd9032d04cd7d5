"""Arrays are extracted before differentiation: matrix products with weights become `ohmflow::mvm(x, w)`."""

from ohmflow.compiler.arrays.array_graph import ArrayGraph, ArrayInfo
from ohmflow.compiler.arrays.extract import extract_arrays
from ohmflow.compiler.arrays.inline import inline_reference

__all__ = ["ArrayGraph", "ArrayInfo", "extract_arrays", "inline_reference"]
