/** The bar above the picture: which part of the graph it shows, and the way back to all of it. */

import { FARTHEST } from "./address.js";
import { count, html } from "./dom.js";

/** What stands in the bar of this scope, nothing when everything is shown. `nodes` is how many the picture holds. */
export function createBar(graph, scope, chosen, nodes, go) {
  if (!Object.keys(scope).length) return [];
  const number = `${count(nodes, graph.what)} of ${graph.nodes.length.toLocaleString("en")}`;
  return [
    ...(scope.focus ? focused(scope, go) : scope.from ? traced(scope, chosen, go) : cyclic(scope)),
    html("span", { className: "count" }, number),
    button("Show everything", () => go({ all: true, node: chosen.node })),
  ];
}

function focused({ focus, depth }, go) {
  const step = (label, name, next) =>
    button(label, () => go({ focus, depth: next }), { disabled: next < 1 || next > FARTHEST, "aria-label": name });
  return [
    html("span", {}, "Around ", strong(focus.name)),
    step("−", "One step less", depth - 1),
    html("output", {}, count(depth, "step")),
    step("+", "One step more", depth + 1),
  ];
}

function traced({ from, to }, chosen, go) {
  const told = html("span", {}, "Shortest paths from ", strong(from.name), " to ", strong(to.name));
  return Object.values(chosen).some(Boolean) ? [told, button("All steps", () => go({ from, to }))] : [told];
}

function cyclic({ cycle }) {
  return [html("span", {}, "Only cycle ", strong(`↻${cycle.number}`))];
}

function strong(words) {
  return html("strong", {}, words);
}

function button(label, onclick, given = {}) {
  return html("button", { type: "button", onclick, "data-keep": label, ...given }, label);
}
