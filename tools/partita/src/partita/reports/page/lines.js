/** How a line looks: its pattern and colour by class, its head by shape. The picture and the panel draw the same. */

import { svg } from "./dom.js";

const HEADS = {
  normal: { shape: "M0 0L-10 -4.5V4.5Z", filled: true },
  empty: { shape: "M0 0L-10 -4.5V4.5Z", filled: false },
  diamond: { shape: "M0 0L-6 -4.5L-12 0L-6 4.5Z", filled: true },
  odiamond: { shape: "M0 0L-6 -4.5L-12 0L-6 4.5Z", filled: false },
  vee: { shape: "M-9 -4.5L0 0L-9 4.5", filled: false },
  obox: { shape: "M0 -4H-8V4H0Z", filled: false },
  odot: { shape: "M0 0A4 4 0 1 0 -8 0A4 4 0 1 0 0 0Z", filled: false },
  dot: { shape: "M0 0A4 4 0 1 0 -8 0A4 4 0 1 0 0 0Z", filled: true },
};

/** A line of the layout, with an unseen wide one below it that the pointer can reach. */
export function createLine(line, look) {
  const group = svg("g", { class: classes(line.style, look, line.red) },
    svg("path", { class: "reach", d: line.path }),
    svg("path", { class: "stroke", d: line.path }));
  if (line.head) {
    const { x, y, flipped } = line.head;
    group.append(createHead(look, `translate(${x} ${y})${flipped ? " scale(-1 1)" : ""}`));
  }
  return group;
}

/** A short level line, to stand beside words. */
export function createSample(style, look, red) {
  const size = { width: 40, height: 12, viewBox: "0 0 40 12" };
  return svg("svg", { class: `sample ${classes(style, look, red)}`, "aria-hidden": "true", ...size },
    svg("path", { class: "stroke", d: "M1 6H29" }),
    createHead(look, "translate(39 6)"));
}

function classes(style, look, red) {
  return `line style-${style} ${look.line}${red ? " red" : ""}`;
}

function createHead(look, transform) {
  const { shape, filled } = HEADS[look.head];
  return svg("path", { class: filled ? "head filled" : "head", d: shape, transform });
}
