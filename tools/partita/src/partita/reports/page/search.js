/** A field that finds names as one types: arrows walk the results, Enter takes one, Escape closes. */

import { html } from "./dom.js";

const MOST = 12;

/** Turns `input` into such a field over `nodes`; `take(node)` is called with what was chosen. */
export function createSearch(input, nodes, take) {
  const id = `${input.id}-results`;
  const list = html("ul", { id, className: "results", role: "listbox", hidden: true, "aria-label": "Results" });
  input.after(list);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
  })) input.setAttribute(name, value);
  let found = [];
  let active = 0;

  function open() {
    found = find(nodes, input.value);
    active = 0;
    list.replaceChildren(...found.map((node, place) => html("li", {
      id: `${list.id}-${place}`, role: "option", title: node.name,
      onpointerdown: (event) => { event.preventDefault(); choose(node); },
    }, html("span", { className: "name" }, node.name), html("span", { className: "place" }, node.place))));
    if (!found.length) list.append(html("li", { className: "none" }, "nothing is named like that"));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark();
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark() {
    [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === active)));
    if (!found.length) return;
    input.setAttribute("aria-activedescendant", list.children[active].id);
    list.children[active].scrollIntoView({ block: "nearest" });
  }

  function choose(node) {
    input.value = node.name;
    close();
    take(node);
  }

  input.addEventListener("input", () => (input.value.trim() ? open() : close()));
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (list.hidden) return open();
      active = (active + step + found.length) % Math.max(found.length, 1);
      mark();
    } else if (event.key === "Enter" && !list.hidden && found.length) {
      event.preventDefault();
      choose(found[active]);
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
    }
    return undefined;
  });
}

/** Names that are, start with, hold as a word, or hold anywhere what was typed, in this order, shorter ones first. */
function find(nodes, typed) {
  const wanted = typed.trim().toLowerCase();
  const rated = [];
  for (const node of nodes) {
    const name = node.name.toLowerCase();
    const place = name.indexOf(wanted);
    if (place < 0) continue;
    const whole = place === 0 || /[^a-z0-9]/.test(name[place - 1]);
    rated.push({ node, rate: [name === wanted ? 0 : place === 0 ? 1 : whole ? 2 : 3, name.length] });
  }
  rated.sort((one, other) => one.rate[0] - other.rate[0] || one.rate[1] - other.rate[1]
    || one.node.name.localeCompare(other.node.name));
  return rated.slice(0, MOST).map(({ node }) => node);
}
