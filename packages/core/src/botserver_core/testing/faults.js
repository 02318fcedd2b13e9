/** What hinders somebody from using this page, one sentence each. Only what is in sight is looked at. */
() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
  const tell = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 100);

  // contrast, as the Web Content Accessibility Guidelines count it
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  const parse = (colour) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = brush.getImageData(0, 0, 1, 1).data;
    return { red, green, blue, alpha: alpha / 255 };
  };
  const mix = (above, below, name) => above[name] * above.alpha + below[name] * (1 - above.alpha);
  const over = (above, below) =>
    ({ red: mix(above, below, "red"), green: mix(above, below, "green"), blue: mix(above, below, "blue"), alpha: 1 });
  const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = ({ red, green, blue }) =>
    0.2126 * channel(red / 255) + 0.7152 * channel(green / 255) + 0.0722 * channel(blue / 255);
  const ground = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(parse(getComputedStyle(one).backgroundColor));
    return layers.reduceRight((below, above) => over(above, below), { red: 255, green: 255, blue: 255, alpha: 1 });
  };
  const ratio = (colour, below) => {
    const [darker, lighter] = [light(over(parse(colour), below)), light(below)].sort((one, other) => one - other);
    return (lighter + 0.05) / (darker + 0.05);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement: element } = walker.currentNode;
    const skipped =
      element.closest(":disabled, script, style, svg, .unseen") ||
      !element.checkVisibility({ visibilityProperty: true });
    if (skipped || !data.trim()) continue;
    const found = ratio(getComputedStyle(element).color, ground(element));
    if (found < 4.5) faults.push(`The text "${data.trim().slice(0, 40)}" has a contrast of ${found.toFixed(2)} to 1.`);
  }

  // names
  const named = (one) =>
    one.getAttribute("aria-label")?.trim() ||
    document.getElementById(one.getAttribute("aria-labelledby"))?.textContent.trim() ||
    [...(one.labels ?? [])].some((label) => label.textContent.trim()) ||
    one.getAttribute("title")?.trim();
  for (const one of all("input:not([type=hidden]), select, textarea, progress, meter")) {
    if (!named(one)) faults.push(`A control has no label: ${tell(one)}`);
  }
  for (const one of all("button, a[href], summary, [role=button]")) {
    const text = one.innerText.trim() || [...one.querySelectorAll("img[alt]")].some((image) => image.alt.trim());
    if (!text && !named(one)) faults.push(`Something to press has no name: ${tell(one)}`);
  }
  for (const one of all("img:not([alt])")) faults.push(`A picture has no alt: ${tell(one)}`);
  for (const one of all("nav, dialog, [role=region]")) {
    if (!named(one)) faults.push(`A part of the page has no name: ${tell(one)}`);
  }

  // structure
  if (!document.documentElement.lang) faults.push("The page does not say its language.");
  if (!document.title.trim()) faults.push("The page has no title.");
  if (all("h1").length !== 1) faults.push(`The page has ${all("h1").length} headings of the first level.`);
  if (all("main").length !== 1) faults.push("The page has not one main part.");
  const levels = all("h1, h2, h3, h4, h5, h6").map((heading) => Number(heading.tagName[1]));
  levels.forEach((level, at) => {
    if (at && level > levels[at - 1] + 1) faults.push(`A heading of level ${level} follows one of ${levels[at - 1]}.`);
  });
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) faults.push(`The id ${id} is there twice.`);
  for (const one of all("[tabindex]")) {
    if (one.tabIndex > 0) faults.push(`The order of the keyboard is changed: ${tell(one)}`);
  }
  for (const one of all("thead th:not([scope]), tbody th:not([scope])")) {
    faults.push(`A head of a table has no scope: ${tell(one)}`);
  }

  // sizes
  for (const one of all("button, input:not([type=hidden]), select, textarea, summary, nav a")) {
    const { width, height } = one.getBoundingClientRect();
    if (width < 24 || height < 24) faults.push(`Too small to hit (${width} × ${height}): ${tell(one)}`);
  }
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) faults.push(`The page is ${scrollWidth - clientWidth} pixels wider than the window.`);
  return faults;
}
