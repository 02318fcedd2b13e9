"""How each style of edge looks, once for every drawing: by line, by arrowhead and by words, never by colour alone."""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """`line` is solid, dashed, dotted or bold; `head` an arrowhead of Graphviz; colours for a light and a dark ground.

    `words` stand beside the edge where there is room for them; empty for a plain one, which needs none.
    """

    words: str
    meaning: str
    line: str
    head: str
    light: str
    dark: str


#: The plain ones first, then by how much a reader should care.
LOOKS = {
    "both": Look("", "declared and imported", "solid", "normal", "#59636e", "#9aa4b0"),
    "declared": Look("", "declared (imports were not read)", "solid", "normal", "#59636e", "#9aa4b0"),
    "import": Look("", "imported when the module loads", "solid", "normal", "#59636e", "#9aa4b0"),
    "imported-only": Look("not declared", "imported but not declared", "bold", "diamond", "#9a4f00", "#f0a336"),
    "declared-only": Look("never imported", "declared but never imported", "dashed", "empty", "#0b62b8", "#6cb2f7"),
    "optional": Look("optional", "needed by an extra only", "dotted", "odiamond", "#00755e", "#3ec7a4"),
    "dev": Look("dev", "needed for development only", "dotted", "vee", "#7a4fb5", "#bf9bf2"),
    "build": Look("build", "needed to build only", "dashed", "obox", "#7a5c1e", "#cfae62"),
    "lazy": Look("lazy", "imported inside a function", "dashed", "vee", "#59636e", "#9aa4b0"),
    "type-checking": Look("type checking", "imported for type checking only", "dotted", "odot", "#7a4fb5", "#bf9bf2"),
    "test": Look("test", "imported by tests only", "dotted", "dot", "#7a5c1e", "#cfae62"),
}

#: Binding cycles: a red that also differs in lightness from every other edge, drawn thick and marked with a number.
CYCLE_LIGHT = "#c9190b"
CYCLE_DARK = "#ff7a6b"

#: Stands before the number of a cycle.
CYCLE_SIGN = "↻"
CYCLE_SIGN_ASCII = "cycle "
