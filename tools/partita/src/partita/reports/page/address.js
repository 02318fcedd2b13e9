/** What is shown as a part of the address, so that it can be kept, sent and gone back to. Pure. */

/** The farthest that a focus reaches, in steps. */
export const FARTHEST = 9;

/** The address of a scope ({}, {focus, depth}, {from, to} or {cycle}) and of what is chosen in it. */
export function writeAddress(scope, { node, edge, cycle }) {
  const chosen = { node: node?.name, source: edge?.source.name, target: edge?.target.name, cycle: cycle?.number };
  const told = { ...describeScope(scope), ...chosen };
  return `#${new URLSearchParams(Object.entries(told).filter(([, value]) => value !== undefined))}`;
}

/** A scope as plain values. */
export function describeScope({ focus, depth, from, to, cycle }) {
  return { focus: focus?.name, depth: focus && depth, from: from?.name, to: to?.name, only: cycle?.number };
}

/** The scope and the choice that an address tells; what it names and this graph does not have is left out. */
export function readAddress(address, graph) {
  const told = new URLSearchParams(address.slice(1));
  const node = (key) => graph.byName.get(told.get(key)) ?? null;
  const cycle = (key) => graph.cycles[Number(told.get(key)) - 1] ?? null;
  const [source, target] = [node("source"), node("target")];
  const edge = source?.uses.find((one) => one.target === target) ?? null;
  const chosen = { node: node("node"), edge, edges: null, cycle: cycle("cycle") };
  return { scope: readScope(told, node, cycle), chosen };
}

function readScope(told, node, cycle) {
  const [focus, from, to, only] = [node("focus"), node("from"), node("to"), cycle("only")];
  const depth = Math.min(Math.max(Math.trunc(Number(told.get("depth"))) || 1, 1), FARTHEST);
  if (focus) return { focus, depth };
  if (from && to) return { from, to };
  return only ? { cycle: only } : {};
}
