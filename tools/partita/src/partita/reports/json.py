"""The graph as JSON that other programs may rely on: `docs/reference/graph.schema.json`. One item a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from partita.findings import Finding
    from partita.graph import Graph
    from partita.modules import ModuleGraph
    from partita.workspace import Workspace

SCHEMA = 1


def render_packages(workspace: Workspace, graph: Graph, problems: Iterable[Finding] = ()) -> str:
    """Members and the edges between them."""
    members = [
        {
            "name": member.name,
            "folder": member.folder,
            "imports": member.imports,
            "tier": member.tier,
            "version": member.version,
        }
        for member in workspace.members
    ]
    edges = [
        {
            "from": edge.source,
            "to": edge.target,
            "kinds": edge.kinds,
            "evidence": [{"file": file, "line": line} for file, line in sorted({item[1:] for item in edge.evidence})],
        }
        for edge in graph.edges
    ]
    duplicates = [{"name": name, "folder": folder} for name, folder in workspace.duplicates]
    found = sorted({*workspace.problems, *problems})
    return render_document({"members": members, "edges": edges, "duplicates": duplicates, "problems": _plain(found)})


def render_modules(modules: ModuleGraph, graph: Graph, problems: Iterable[Finding]) -> str:
    """Modules and the edges between them; `line` is the first import statement of the strongest kind."""
    listed = [{"name": name, "member": member, "file": file} for name, member, file in modules.modules]
    edges = [
        {"from": edge.source, "to": edge.target, "kinds": edge.kinds, "line": min(e.line for e in edge.evidence)}
        for edge in graph.edges
    ]
    return render_document({"modules": listed, "edges": edges, "problems": _plain(sorted({*problems}))})


def render_document(lists: Mapping[str, Sequence[Mapping[str, object]]]) -> str:
    """A document of lists: compact items, one a line, so that it is read fast and compared by eye."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    parts = []
    for key, items in lists.items():
        body = ",\n".join(map(encode, items))
        parts.append(f'"{key}":[\n{body}\n]' if items else f'"{key}":[]')
    return f'{{"schema":{SCHEMA},\n' + ",\n".join(parts) + "\n}\n"


def _plain(findings: Iterable[Finding]) -> list[dict[str, object]]:
    return [{"code": f.code, "file": f.file, "line": f.line, "message": f.message} for f in findings]
