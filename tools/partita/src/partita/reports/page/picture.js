/** The picture: lanes, cards and lines as elements, moving among them, and what of it stands in front. */

import { count, html, keepFocus, svg } from "./dom.js";
import { createLine } from "./lines.js";

const ZOOM = { least: 0.1, readable: 0.75, most: 2, step: 1.25 };
const DRAGGED = 4; // pixels: less is a click
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * A picture inside `root`. `on` is told what happens: `card(item)`, `lane(lane)`, `edges(edges)`, `nothing()`.
 * `show(scene)` draws a scene; `emphasise(keys, edges)` brings cards and the lines of edges to the front, null for
 * nothing in particular; `choose(key, focus)` marks one card and brings it into sight.
 */
export function createPicture(root, on) {
  const [back, front] = [svg("g", { class: "back" }), svg("g", { class: "front" })];
  const lines = svg("svg", { "aria-hidden": "true" }, back, front);
  const lanes = html("div", { className: "lanes" });
  const cards = html("div", { className: "cards", role: "group", "aria-label": "Cards; arrow keys move between them" });
  const sheet = html("div", { className: "sheet" }, lanes, lines, cards);
  const room = html("div", { className: "room" }, sheet);
  const view = html("div", { className: "view", tabIndex: -1 }, room);
  const percent = html("output", { "aria-label": "Zoom" });
  const drawn = new WeakMap(); // element -> the line it draws
  let scene = null;
  let zoom = 1;
  let current = null; // the cell whose card is on the way of the Tab key

  root.append(view, createZoom());
  dragWith(view, on.nothing);
  view.addEventListener("wheel", zoomWithWheel, { passive: false });
  lines.addEventListener("pointerover", explainLine);
  lines.addEventListener("click", chooseLine);

  function createZoom() {
    const button = (words, onclick, given = {}) => html("button", { type: "button", onclick, ...given }, words);
    return html("div", { className: "zoom", role: "group", "aria-label": "Zoom" },
      button("−", () => zoomBy(1 / ZOOM.step), { "aria-label": "Smaller" }), percent,
      button("+", () => zoomBy(ZOOM.step), { "aria-label": "Larger" }),
      button("Fit", () => fit(), { title: "All in sight" }));
  }

  function show(next) {
    scene = next;
    const { layout } = scene;
    const kept = keepFocus(sheet, () => {
      lanes.replaceChildren(...layout.lanes.map(createLane));
      cards.replaceChildren(...layout.cards.map(createCard));
    });
    keep(layout.cards.find((cell) => cell.key === current?.key) ?? layout.cards[0] ?? null);
    if (!kept) current?.element.focus({ preventScroll: true });
    root.classList.toggle("many", scene.many);
    back.replaceChildren(...layout.lines.filter((line) => line.red || !scene.sparse).map(createGroup));
    front.replaceChildren();
    lines.setAttribute("width", layout.width);
    lines.setAttribute("height", layout.height);
    fit(ZOOM.readable);
  }

  function createLane(lane) {
    const title = `${lane.folded ? "Expand" : "Collapse"} ${lane.name}`;
    const header = html("button", {
      type: "button", className: "lane-header", title, onclick: () => on.lane(lane),
      "aria-expanded": String(!lane.folded), "data-keep": `lane ${lane.tier}`,
    },
    html("span", { className: "fold", "aria-hidden": "true" }, lane.folded ? "▸" : "▾"),
    html("span", { className: "name" }, lane.name),
    html("span", { className: "count" }, ` ${lane.nodes.length}`));
    const element = html("div", { className: "lane" }, header);
    Object.assign(element.style, { left: px(lane.left), width: px(lane.width) });
    return element;
  }

  function createCard(cell) {
    const item = scene.items.get(cell.key);
    cell.element = html("button", {
      type: "button", className: `card ${item.kind}`, tabIndex: -1, title: item.title,
      onclick: () => on.card(item), onfocus: () => keep(cell), "aria-pressed": "false", "data-keep": cell.key,
    },
    html("span", { className: "name" }, item.label),
    item.mark ? html("span", { className: `mark${item.red ? " red" : ""}` }, item.mark) : "",
    ...item.hubs.map((name) => html("span", { className: "hub" }, name)));
    cell.element.classList.toggle("red", item.red);
    const top = cell.y - cell.height / 2;
    const place = { left: px(cell.left), top: px(top), width: px(cell.width), height: px(cell.height) };
    Object.assign(cell.element.style, place);
    return cell.element;
  }

  function createGroup(line) {
    const group = createLine(line, scene.looks[line.style]);
    if (scene.weighted) group.style.setProperty("--weight", px(1.4 + Math.log2(line.edges.length) / 2.5));
    drawn.set(group, line);
    return group;
  }

  function emphasise(keys, edges) {
    root.classList.toggle("some", keys !== null);
    for (const { element, key } of scene.layout.cards) element.classList.toggle("on", keys?.has(key) ?? false);
    const chosen = edges ? scene.layout.lines.filter((line) => line.edges.some((edge) => edges.has(edge))) : [];
    front.replaceChildren(...chosen.map(createGroup));
  }

  function choose(key, focus) {
    for (const { element, key: other } of scene.layout.cards) {
      element.setAttribute("aria-pressed", String(other === key));
    }
    const cell = scene.layout.cards.find((card) => card.key === key);
    if (!cell) return;
    keep(cell);
    if (focus) cell.element.focus({ preventScroll: true });
    reveal(cell);
  }

  /** Makes this card the only one on the way of the Tab key; arrows lead to the others. */
  function keep(cell) {
    if (current?.element) current.element.tabIndex = -1;
    current = cell;
    if (cell) cell.element.tabIndex = 0;
  }

  function reveal(cell) {
    cell.element.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Moves the keyboard to the nearest card in the direction of an arrow key. Gives false for any other key. */
  function move(key) {
    if (!STEPS[key] || !current) return false;
    const [across, down] = STEPS[key];
    const isAhead = (cell) => (across
      ? Math.sign(cell.column - current.column) === across
      : cell.column === current.column && Math.sign(cell.y - current.y) === down);
    const distance = (cell) => [Math.abs(cell.column - current.column), Math.abs(cell.y - current.y)];
    const [next] = scene.layout.cards.filter(isAhead).map((cell) => ({ cell, far: distance(cell) }))
      .sort((one, other) => one.far[0] - other.far[0] || one.far[1] - other.far[1]);
    if (next) {
      next.cell.element.focus({ preventScroll: true });
      reveal(next.cell);
    }
    return true;
  }

  function explainLine(event) {
    const group = event.target.parentNode;
    const line = drawn.get(group);
    if (line && !group.querySelector("title")) group.prepend(svg("title", {}, describe(line)));
  }

  function describe(line) {
    const { meaning } = scene.looks[line.style];
    const [edge] = line.edges;
    if (line.edges.length === 1) return `${edge.source.name} → ${edge.target.name}: ${meaning}`;
    const target = scene.items.get(scene.keyOf(edge.target)).label;
    return `${count(line.edges.length, "dependency")} on ${target}: ${meaning}`;
  }

  function chooseLine(event) {
    const under = document.elementsFromPoint(event.clientX, event.clientY)
      .map((element) => drawn.get(element.parentNode)).filter(Boolean);
    const edges = new Set(under.flatMap((line) => line.edges));
    if (!edges.size) return;
    event.stopPropagation();
    on.edges([...edges]);
  }

  /** The sheet is as high as the view at least: lanes reach the ground, what is in them stands in the middle. */
  function setZoom(next) {
    zoom = Math.min(Math.max(next, ZOOM.least), ZOOM.most);
    const { width, height } = scene.layout;
    const whole = Math.max(height, view.clientHeight / zoom);
    for (const layer of [cards, lines]) layer.style.top = px((whole - height) / 2);
    Object.assign(sheet.style, { transform: `scale(${zoom})`, width: px(width), height: px(whole) });
    Object.assign(room.style, { width: px(width * zoom), height: px(whole * zoom) });
    percent.value = `${Math.round(zoom * 100)} %`;
  }

  function zoomBy(factor) {
    const { clientWidth, clientHeight } = view;
    const x = (view.scrollLeft + clientWidth / 2) / zoom;
    const y = (view.scrollTop + clientHeight / 2) / zoom;
    setZoom(zoom * factor);
    view.scrollTo(x * zoom - clientWidth / 2, y * zoom - clientHeight / 2);
  }

  function zoomWithWheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomBy(event.deltaY < 0 ? 1.1 : 1 / 1.1);
  }

  /** As large as fits, but not smaller than `least`: then it scrolls. */
  function fit(least = ZOOM.least) {
    const { width, height } = scene.layout;
    setZoom(Math.max(least, Math.min(1, view.clientWidth / width, view.clientHeight / height)));
    view.scrollTo(0, 0);
  }

  return {
    show, emphasise, choose, move, fit,
    zoomIn: () => zoomBy(ZOOM.step),
    zoomOut: () => zoomBy(1 / ZOOM.step),
    focus: () => current?.element.focus(),
    currentItem: () => scene.items.get(current?.key),
    hasFocus: () => root.contains(document.activeElement),
  };
}

/** Scrolls `view` as its background is dragged; a click that is no drag is `nothing`. */
function dragWith(view, nothing) {
  let held = null;
  view.addEventListener("pointerdown", (event) => {
    if (event.button || event.target.closest("button")) return;
    held = { x: event.clientX, y: event.clientY, left: view.scrollLeft, top: view.scrollTop, moved: false };
  });
  view.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [x, y] = [event.clientX - held.x, event.clientY - held.y];
    held.moved ||= Math.hypot(x, y) > DRAGGED;
    if (held.moved) view.scrollTo(held.left - x, held.top - y);
  });
  view.addEventListener("pointerleave", () => { held = null; });
  view.addEventListener("click", (event) => {
    const moved = held?.moved;
    held = null;
    if (!moved && !event.target.closest("button")) nothing();
  });
}

function px(number) {
  return `${number}px`;
}
