/** Elements without markup: text stays text, whatever it contains. */

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. What is given is set as properties, names with a dash and `role` as attributes. */
export function html(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

/** An SVG element with attributes. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** "1 package", "2 packages", "1,000 dependencies". */
export function count(number, what) {
  const plural = what.endsWith("y") ? `${what.slice(0, -1)}ies` : `${what}s`;
  return `${number.toLocaleString("en")} ${number === 1 ? what : plural}`;
}

/**
 * Rebuilds what is in `root` without losing the keyboard: what had it is found again by its `data-keep`. Gives false
 * when the keyboard was here and its element is gone.
 */
export function keepFocus(root, rebuild) {
  const held = root.contains(document.activeElement) ? document.activeElement.dataset.keep : undefined;
  rebuild();
  if (held === undefined) return true;
  const again = [...root.querySelectorAll("[data-keep]")]
    .find((element) => element.dataset.keep === held && !element.disabled);
  again?.focus({ preventScroll: true });
  return again !== undefined;
}
