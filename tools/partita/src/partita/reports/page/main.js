/** The page: one value says what is shown, everything is drawn from it, and every act replaces it. */

import { describeScope, readAddress, writeAddress } from "./address.js";
import { createBar } from "./bar.js";
import { html, keepFocus } from "./dom.js";
import { readGraph } from "./graph.js";
import { createLegend, cycleDetails, edgeDetails, edgeList, nodeDetails, overview, traceDetails } from "./panel.js";
import { createPicture } from "./picture.js";
import { createScene, trace } from "./scene.js";
import { createSearch } from "./search.js";

const FOLDED_FROM = 150; // nodes: of more than that an overview starts with its tiers collapsed

const byId = (id) => document.getElementById(id);
const graph = readGraph(JSON.parse(byId("graph").textContent));
const content = html("div", { id: "details" });
const hidden = new Set(); // styles whose lines are not wanted
const allowed = (edge) => !hidden.has(edge.style);
const measure = createMeasure();
let drawAll = false;

/** `scope`: what is in the picture; `chosen`: what the panel tells; `folded`: collapsed tiers, null as is usual. */
let state = { ...readAddress(location.hash, graph), folded: null };
let scene = null;
let sceneOf = "";

const picture = createPicture(byId("picture"), {
  card: (item) => (item.node ? go({ node: item.node }) : toggleTier(item.tier)),
  lane: (lane) => toggleTier(lane.tier),
  edges: (edges) => go(edges.length === 1 ? { edge: edges[0] } : { edges }),
  nothing: () => go({}),
});
byId("panel").append(content, createLegend(graph, showStyle, showAllLines));
createSearch(byId("search"), graph.nodes, (node) => {
  go({ node });
  picture.choose(scene.keyOf(node), true);
});
createSearch(byId("trace-from"), graph.nodes, () => byId("trace-to").focus());
createSearch(byId("trace-to"), graph.nodes, () => byId("trace").requestSubmit());
listen();
render();

/**
 * Shows something else: {node}, {edge}, {edges} or {cycle} are chosen, {} is nothing; {focus, depth}, {from, to} and
 * {all} change what is in the picture at all. {ask} begins a trace at a node.
 */
function go(change) {
  if (change.ask) {
    askTrace(change.ask);
    return;
  }
  const { node = change.focus ?? null, edge = null, edges = null, cycle = null } = change;
  const chosen = { node, edge, edges, cycle };
  const scope = wantedScope(change) ?? reach(state.scope, chosen);
  state = { scope, chosen, folded: scope === state.scope ? state.folded : null };
  history.pushState(null, "", writeAddress(scope, chosen));
  render();
}

function wantedScope({ focus, depth = 1, from, to, all }) {
  if (focus) return { focus, depth };
  if (from) return { from, to };
  return all ? {} : null;
}

/** The scope as it is when what was chosen is in sight, else one that holds it. */
function reach(scope, { node, edge, cycle }) {
  const wanted = [node, edge?.source, edge?.target, ...(cycle?.nodes ?? [])].filter(Boolean);
  const folded = foldedTiers();
  if (wanted.every((one) => scene.nodes.has(one) && !folded.has(one.tier))) return scope;
  return cycle ? { cycle } : { focus: node ?? edge.source, depth: 1 };
}

function foldedTiers() {
  const isOverview = !Object.keys(state.scope).length;
  return state.folded ?? new Set(isOverview && graph.nodes.length > FOLDED_FROM ? graph.tiers.keys() : []);
}

function render() {
  renderPicture();
  renderPanel();
  renderBar();
}

/** Lays out anew only what changed: choosing something moves nothing. */
function renderPicture() {
  const folded = foldedTiers();
  const wanted = JSON.stringify([describeScope(state.scope), [...folded], [...hidden], drawAll]);
  if (wanted !== sceneOf) {
    scene = createScene(graph, state.scope, folded, allowed, measure);
    scene.sparse = scene.many && !drawAll;
    sceneOf = wanted;
    picture.show(scene);
    byId("draw-all").hidden = !scene.many;
    byId("fold").textContent = folded.size ? "Expand all" : "Collapse all";
  }
  const { node, cycle } = state.chosen;
  const edges = chosenEdges();
  const nodes = [node, ...(cycle?.nodes ?? []), ...(edges ?? []).flatMap((edge) => [edge.source, edge.target])];
  const keys = nodes.filter((one) => one && scene.nodes.has(one)).map(scene.keyOf);
  picture.emphasise(edges && new Set(keys), edges && new Set(edges));
  picture.choose(node && scene.keyOf(node), false);
}

/** The edges around what was chosen, null when nothing was. */
function chosenEdges() {
  const { node, edge, edges, cycle } = state.chosen;
  if (node) return [...node.uses, ...node.users].filter(allowed);
  if (edge) return [edge];
  return edges ?? (cycle ? graph.edges.filter((one) => one.cycle === cycle.number) : null);
}

function renderPanel() {
  const held = content.contains(document.activeElement);
  content.replaceChildren(...describeChosen().filter(Boolean));
  content.parentElement.scrollTop = 0;
  const heading = content.querySelector("h2");
  heading.tabIndex = -1;
  if (held) heading.focus();
  const { node } = state.chosen;
  byId("status").textContent = heading.textContent
    + (node ? `: uses ${node.uses.length}, used by ${node.users.length}` : "");
}

function describeChosen() {
  const { node, edge, edges, cycle } = state.chosen;
  if (node) return nodeDetails(graph, node, go);
  if (edge) return edgeDetails(graph, edge, go);
  if (edges) return edgeList(graph, edges, go);
  if (cycle) return cycleDetails(graph, cycle, go);
  return state.scope.from ? traceDetails(graph, trace(state.scope, allowed), go) : overview(graph, go);
}

function renderBar() {
  const { scope, chosen } = state;
  const parts = createBar(graph, scope, chosen, scene.nodes.size, go);
  byId("bar").hidden = !parts.length;
  if (!keepFocus(byId("bar"), () => byId("bar").replaceChildren(...parts))) picture.focus();
  if (scope.from) [byId("trace-from").value, byId("trace-to").value] = [scope.from.name, scope.to.name];
}

function toggleTier(tier) {
  const folded = new Set(foldedTiers());
  if (!folded.delete(tier)) folded.add(tier);
  fold(folded);
}

function fold(tiers) {
  state = { ...state, folded: new Set(tiers) };
  render();
}

function showStyle(style, wanted) {
  if (wanted) hidden.delete(style);
  else hidden.add(style);
  render();
}

function showAllLines(wanted) {
  drawAll = wanted;
  render();
}

function askTrace(node) {
  byId("trace-from").value = node.name;
  byId("trace-to").value = "";
  byId("trace-to").focus();
}

function submitTrace(event) {
  event.preventDefault();
  const fields = [byId("trace-from"), byId("trace-to")];
  const [from, to] = fields.map((field) => {
    const node = graph.byName.get(field.value.trim());
    field.setCustomValidity(node ? "" : `no ${graph.what} has this name`);
    return node;
  });
  if (from && to) go({ from, to });
  else fields.find((field) => !field.validity.valid).reportValidity();
}

function stepBack() {
  if (Object.values(state.chosen).some(Boolean)) go({});
  else if (Object.keys(state.scope).length) go({ all: true });
}

function showList() {
  const listed = document.documentElement.classList.toggle("listed");
  byId("as-list").setAttribute("aria-pressed", String(listed));
  if (!listed) picture.fit();
}

/** In the list, a name leads to its row, and is chosen as a card would be. */
function followLink(event) {
  const link = event.target.closest("a[href^='#n']");
  if (!link) return;
  event.preventDefault();
  byId(link.hash.slice(1)).scrollIntoView({ block: "center" });
  go({ node: graph.nodes[Number(link.hash.slice(2))] });
}

function listen() {
  window.addEventListener("popstate", () => {
    state = { ...readAddress(location.hash, graph), folded: null };
    render();
  });
  document.addEventListener("keydown", pressKey);
  byId("trace").addEventListener("submit", submitTrace);
  for (const id of ["trace-from", "trace-to"]) {
    byId(id).addEventListener("input", () => byId(id).setCustomValidity(""));
  }
  byId("fold").addEventListener("click", () => fold(foldedTiers().size ? [] : graph.tiers.keys()));
  byId("as-list").addEventListener("click", showList);
  byId("list").addEventListener("click", followLink);
  byId("ask-help").addEventListener("click", () => byId("help").showModal());
}

function pressKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || byId("help").open) return;
  if (event.key === "Escape") stepBack();
  else if (event.target.closest("input")) return;
  else if (event.key === "/") byId("search").select();
  else if (!picture.hasFocus() || !pressPictureKey(event.key)) return;
  event.preventDefault();
}

/** Gives false when the picture has no use for this key. */
function pressPictureKey(key) {
  const { node } = picture.currentItem() ?? {};
  const acts = { "+": picture.zoomIn, "-": picture.zoomOut, 0: () => picture.fit() };
  if (node) Object.assign(acts, { f: () => go({ focus: node }), t: () => askTrace(node) });
  const act = acts[key.toLowerCase()];
  act?.();
  return act !== undefined || picture.move(key);
}

/** How wide a label will be, in pixels; long ones are cut short with an ellipsis. */
function createMeasure() {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `500 13px ${getComputedStyle(document.body).fontFamily}`;
  return (label) => Math.min(Math.ceil(pen.measureText(label).width), 300);
}
