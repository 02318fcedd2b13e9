/** The details beside the picture: what was chosen, told in words, with the places in the sources. */

import { count, html } from "./dom.js";
import { isBinding } from "./graph.js";
import { createSample } from "./lines.js";

const HUBS = 8;

/** Nothing chosen: where to start. */
export function overview(graph, go) {
  const used = graph.nodes.filter((node) => node.users.length)
    .sort((one, other) => other.users.length - one.users.length || one.id - other.id).slice(0, HUBS);
  return [
    heading("Overview"),
    text(`Choose a ${graph.what} or a line in the picture, or search for a name. Arrows point at what is depended on.`),
    ...(graph.cycles.length
      ? [subheading("Cycles"), list(graph.cycles.map((cycle) => cycleButton(graph, cycle, go)))]
      : [html("p", { className: "fine" }, "✓ No cycle.")]),
    used.length ? subheading("Most used") : null,
    list(used.map((node) => button(node.name, `used by ${node.users.length}`, () => go({ node })))),
  ];
}

/** One package or module: its facts, what it uses, who uses it. */
export function nodeDetails(graph, node, go) {
  const facts = [
    [graph.level === "modules" ? "File" : "Folder", node.place],
    graph.level === "modules" ? ["Package", node.member] : ["Version", node.version],
    [graph.ordered ? "Tier" : "Level", graph.tiers[node.tier]],
  ].filter(([, value]) => value).flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]);
  const act = (label, change) => html("button", { type: "button", onclick: () => go(change) }, label);
  return [
    heading(node.name),
    html("dl", { className: "facts" }, ...facts),
    node.cycle ? cycleButton(graph, graph.cycles[node.cycle - 1], go) : null,
    html("p", { className: "acts" }, act("Focus", { focus: node }), act("Trace from here", { ask: node })),
    subheading(`Uses ${node.uses.length}`),
    list(node.uses.map((edge) => edgeButton(graph, edge, edge.target.name, go))),
    subheading(`Used by ${node.users.length}`),
    list(node.users.map((edge) => edgeButton(graph, edge, edge.source.name, go))),
  ];
}

/** One dependency: what it rests on, line by line. */
export function edgeDetails(graph, edge, go) {
  const kinds = [...new Set(edge.places.map((place) => place.kind))];
  const look = graph.looks[edge.style];
  return [
    heading(nodeButton(edge.source, go), " → ", nodeButton(edge.target, go)),
    html("p", { className: "look" }, createSample(edge.style, look, isBinding(graph, edge.cycle)), ` ${look.meaning}`),
    edge.cycle ? cycleButton(graph, graph.cycles[edge.cycle - 1], go) : null,
    ...kinds.flatMap((kind) => {
      const places = edge.places.filter((place) => place.kind === kind);
      const items = places.map((place) => html("li", {}, code(place)));
      return [subheading(`${kind} (${count(places.length, "place")})`), html("ol", { className: "places" }, ...items)];
    }),
  ];
}

/** Several dependencies that were chosen together, because their lines run together. */
export function edgeList(graph, edges, go) {
  return [
    heading(count(edges.length, "dependency")),
    list(edges.map((edge) => edgeButton(graph, edge, ends(edge), go))),
  ];
}

/** One cycle: its members and the edges between them. */
export function cycleDetails(graph, cycle, go) {
  const edges = graph.edges.filter((edge) => edge.cycle === cycle.number);
  return [
    heading(`Cycle ↻${cycle.number}`),
    text(cycle.binding
      ? `Each of these ${graph.what}s needs all the others at run time.`
      : "Only extras, development, build, test or type-checking needs close this one: common and legal."),
    subheading(count(cycle.nodes.length, graph.what)),
    list(cycle.nodes.map((node) => button(node.name, "", () => go({ node })))),
    subheading(count(edges.length, "dependency")),
    list(edges.map((edge) => edgeWithPlace(graph, edge, go))),
  ];
}

/** The shortest paths between two nodes, step by step. */
export function traceDetails(graph, { from, to, paths, back }, go) {
  const title = heading(nodeButton(from, go), " ⇢ ", nodeButton(to, go));
  if (!paths.number) {
    const label = `Trace from ${to.name}`;
    const turn = html("button", { type: "button", onclick: () => go({ from: to, to: from }) }, label);
    return [
      title,
      text(`${from.name} does not depend on ${to.name}, not even through others.`),
      back.number ? html("p", {}, "The other way round it does: ", turn) : null,
    ];
  }
  return [
    title,
    text(`${count(paths.number, "shortest path")} of ${count(paths.length, "step")}.`),
    ...paths.steps.flatMap((edges, step) => [
      subheading(`Step ${step + 1}`),
      list(edges.map((edge) => edgeWithPlace(graph, edge, go))),
    ]),
  ];
}

/**
 * What lines mean, as boxes to tick: `show(style, wanted)` is called when one changes. The last box, `drawAll(wanted)`,
 * is only for pictures of more lines than are drawn unasked.
 */
export function createLegend(graph, show, drawAll) {
  const rows = Object.entries(graph.looks).map(([style, look]) => {
    const number = graph.edges.filter((edge) => edge.style === style).length.toLocaleString("en");
    const sample = createSample(style, look, false);
    const words = [sample, ` ${look.meaning} `, html("span", { className: "count" }, number)];
    return box(true, (wanted) => show(style, wanted), ...words);
  });
  const binding = graph.edges.find((edge) => isBinding(graph, edge.cycle));
  if (binding) {
    const sample = createSample(binding.style, graph.looks[binding.style], true);
    rows.push(html("p", { className: "key" }, sample, " thick and red, marked ↻: in a cycle"));
  }
  const all = box(false, drawAll, " draw all lines, thin and plain, not only those of what is chosen");
  Object.assign(all, { id: "draw-all", hidden: true });
  return html("details", { open: true, className: "legend" }, html("summary", {}, "Lines"), ...rows, all);
}

function heading(...children) {
  return html("h2", {}, ...children);
}

function subheading(words) {
  return html("h3", {}, words);
}

function text(words) {
  return html("p", {}, words);
}

function list(items) {
  if (!items.length) return html("p", { className: "none" }, "none");
  return html("ul", { className: "rows" }, ...items.map((item) => html("li", {}, ...[item].flat())));
}

function box(checked, change, ...words) {
  const input = html("input", { type: "checkbox", checked, onchange: () => change(input.checked) });
  return html("label", {}, input, ...words);
}

function button(name, words, onclick, { sample = null, classes = "" } = {}) {
  return html("button", { type: "button", className: `row${classes}`, onclick },
    sample, html("span", { className: "name" }, name), html("span", { className: "words" }, words));
}

function cycleButton(graph, cycle, go) {
  const names = cycle.nodes.slice(0, 3).map((node) => node.name).join(", ") + (cycle.nodes.length > 3 ? ", …" : "");
  const words = count(cycle.nodes.length, graph.what) + (cycle.binding ? "" : ", legal");
  const classes = cycle.binding ? " cycle red" : " cycle";
  return button(`↻${cycle.number} ${names}`, words, () => go({ cycle }), { classes });
}

function edgeButton(graph, edge, name, go) {
  const look = graph.looks[edge.style];
  const red = isBinding(graph, edge.cycle);
  const words = [look.words, edge.cycle ? `↻${edge.cycle}` : ""].filter(Boolean).join(" ");
  const sample = createSample(edge.style, look, red);
  return button(name, words, () => go({ edge }), { sample, classes: red ? " red" : "" });
}

/** An edge with both its ends and the first place it rests on. */
function edgeWithPlace(graph, edge, go) {
  const [first, ...others] = edge.places;
  const more = others.length ? html("small", {}, ` and ${others.length} more`) : "";
  return [edgeButton(graph, edge, ends(edge), go), html("div", { className: "first-place" }, code(first), more)];
}

function ends(edge) {
  return `${edge.source.name} → ${edge.target.name}`;
}

function nodeButton(node, go) {
  return html("button", { type: "button", className: "link", onclick: () => go({ node }) }, node.name);
}

/** A place as `file:line`, which may be broken behind each slash. */
function code({ file, line }) {
  const parts = (line ? `${file}:${line}` : file).split("/");
  return html("code", {}, ...parts.flatMap((part, number) => (number ? ["/", html("wbr"), part] : [part])));
}
