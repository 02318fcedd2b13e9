/** What of the graph is in the picture: the nodes of a scope, tiers collapsed to one card, the lines between. */

import { count } from "./dom.js";
import { isBinding, neighbourhood, shortestPaths } from "./graph.js";
import { arrange } from "./layout.js";

const MANY_LINES = 600; // of more than that only those of what was chosen are drawn unasked
const HUBS = 5;
const ROW_HEIGHT = 17; // of a collapsed tier

/** The paths of a traced scope, and where there are none, those of the way back. */
export function trace({ from, to }, allowed) {
  const paths = shortestPaths(from, to, allowed);
  return { from, to, paths, back: paths.number ? paths : shortestPaths(to, from, allowed) };
}

/**
 * The scene of a scope ({}, {focus, depth}, {from, to} or {cycle}). `folded` holds the tiers that are collapsed,
 * `allowed` tells which edges take part, `measure` how wide a label is.
 */
export function createScene(graph, scope, folded, allowed, measure) {
  const { nodes, edges } = select(graph, scope, allowed);
  const keyOf = (node) => (folded.has(node.tier) ? `t${node.tier}` : `n${node.id}`);
  const membersOf = (tier) => graph.nodes.filter((node) => node.tier === tier && nodes.has(node));
  const lanes = graph.tiers.map((name, tier) => ({ tier, name, folded: folded.has(tier), nodes: membersOf(tier) }))
    .filter((lane) => lane.nodes.length)
    .map((lane) => ({ ...lane, items: createItems(graph, lane, measure) }));
  const links = gather(graph, edges, keyOf);
  return {
    nodes, keyOf,
    items: new Map(lanes.flatMap((lane) => lane.items).map((item) => [item.key, item])),
    layout: arrange(lanes, links),
    looks: { ...graph.looks, mixed: { meaning: "several kinds", line: "solid", head: "normal" } },
    weighted: folded.size > 0,
    many: links.length > MANY_LINES,
  };
}

function select(graph, scope, allowed) {
  if (scope.from) {
    const edges = trace(scope, allowed).paths.steps.flat();
    return { nodes: new Set([scope.from, scope.to, ...edges.flatMap((edge) => [edge.source, edge.target])]), edges };
  }
  const nodes = scope.focus
    ? neighbourhood(scope.focus, scope.depth, allowed)
    : new Set(scope.cycle?.nodes ?? graph.nodes);
  const isInside = (edge) => allowed(edge) && nodes.has(edge.source) && nodes.has(edge.target);
  return { nodes, edges: graph.edges.filter(isInside) };
}

/** The cards of a lane, at least as wide as its header. */
function createItems(graph, lane, measure) {
  const items = lane.folded
    ? [foldedItem(graph, lane, measure)]
    : lane.nodes.map((node) => nodeItem(graph, node, measure));
  const header = measure(`${lane.name} ${lane.nodes.length}`) + 40;
  return items.map((item) => ({ ...item, width: Math.max(item.width, header) }));
}

function nodeItem(graph, node, measure) {
  const mark = node.cycle ? `↻${node.cycle}` : "";
  return {
    key: `n${node.id}`, kind: "node", node, rank: node.rank, label: node.name, mark, hubs: [],
    red: isBinding(graph, node.cycle), title: `${node.name}\n${node.place}`,
    width: measure(node.name) + (mark ? measure(` ${mark}`) + 6 : 0) + 26,
  };
}

/** A whole tier as one card: how many, how many of them in cycles, and the names that are used most. */
function foldedItem(graph, { tier, name, nodes }, measure) {
  const cyclic = nodes.filter((node) => isBinding(graph, node.cycle)).length;
  const label = count(nodes.length, graph.what);
  const mark = cyclic ? `↻ ${cyclic} in cycles` : "";
  const hubs = nodes.filter((node) => node.users.length)
    .sort((one, other) => other.users.length - one.users.length || one.id - other.id)
    .slice(0, HUBS).map((node) => node.name);
  return {
    key: `t${tier}`, kind: "folded", tier, rank: 0, label, mark, hubs,
    red: cyclic > 0, title: `Expand ${name}`,
    width: Math.max(...[label, mark, ...hubs].map(measure)) + 30,
    height: 2 * ROW_HEIGHT + ROW_HEIGHT * (hubs.length + (mark ? 1 : 0)),
  };
}

/** One link for each edge; to and from a collapsed tier one for each pair of cards, mixed where its edges differ. */
function gather(graph, edges, keyOf) {
  const links = new Map();
  for (const edge of edges) {
    const [source, target] = [keyOf(edge.source), keyOf(edge.target)];
    if (source === target) continue;
    const merged = source.startsWith("t") || target.startsWith("t");
    const key = merged ? `${source} ${target}` : edge.id;
    const link = links.get(key) ?? { source, target, style: edge.style, red: false, edges: [] };
    link.edges.push(edge);
    link.red ||= isBinding(graph, edge.cycle);
    if (link.style !== edge.style) link.style = "mixed";
    links.set(key, link);
  }
  return [...links.values()];
}
