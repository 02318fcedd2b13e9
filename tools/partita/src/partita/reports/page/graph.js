/** The graph as this page asks it: what a node uses, what lies around it, how one reaches another. Pure. */

/** The embedded data, with every index replaced by what it stands for. */
export function readGraph(data) {
  const nodes = data.nodes.map(([name, place, member, tier, version, rank, cycle], id) =>
    ({ id, name, place, member, tier, version, rank, cycle, uses: [], users: [] }));
  const edges = data.edges.map(([source, target, style, cycle, places], id) => ({
    id, source: nodes[source], target: nodes[target], style, cycle,
    places: places.map(([kind, file, line]) => ({ kind, file: data.files[file], line })),
  }));
  for (const edge of edges) {
    edge.source.uses.push(edge);
    edge.target.users.push(edge);
  }
  const cycles = data.cycles.map(([binding, members], place) =>
    ({ number: place + 1, binding, nodes: members.map((id) => nodes[id]) }));
  const byName = new Map(nodes.map((node) => [node.name, node]));
  return { ...data, nodes, edges, cycles, byName };
}

/** Whether a cycle number stands for a cycle that is a fault. */
export function isBinding(graph, cycle) {
  return cycle > 0 && graph.cycles[cycle - 1].binding;
}

/** The nodes within `depth` steps below and above `node`, itself included. */
export function neighbourhood(node, depth, allowed) {
  const below = distances(node, "uses", "target", allowed, depth);
  const above = distances(node, "users", "source", allowed, depth);
  return new Set([...below.keys(), ...above.keys()]);
}

/**
 * Every shortest path between two nodes, as steps of edges; from a node to itself, the shortest cycles through it.
 * `number` counts the paths, 0 when there is none.
 */
export function shortestPaths(from, to, allowed) {
  const toTarget = distances(to, "users", "source", allowed);
  const starts = from.uses.filter((edge) => allowed(edge) && toTarget.has(edge.target));
  if (!starts.length) return { number: 0, length: 0, steps: [] };
  const length = Math.min(...starts.map((edge) => toTarget.get(edge.target) + 1));
  const steps = [];
  let ways = new Map([[from, 1]]);
  for (let step = 1; step <= length; step += 1) {
    const taken = [...ways.keys()].flatMap((node) => node.uses)
      .filter((edge) => allowed(edge) && toTarget.get(edge.target) === length - step);
    const after = new Map();
    for (const edge of taken) after.set(edge.target, (after.get(edge.target) ?? 0) + ways.get(edge.source));
    steps.push(taken.sort((one, other) => one.id - other.id));
    ways = after;
  }
  return { number: ways.get(to), length, steps };
}

function distances(start, edges, end, allowed, limit = Infinity) {
  const found = new Map([[start, 0]]);
  let frontier = [start];
  for (let step = 1; frontier.length && step <= limit; step += 1) {
    const next = [];
    for (const edge of frontier.flatMap((node) => node[edges])) {
      const node = edge[end];
      if (!allowed(edge) || found.has(node)) continue;
      found.set(node, step);
      next.push(node);
    }
    frontier = next;
  }
  return found;
}
