/** What would keep someone from using the page: no name, too small to hit, dead references, headings out of order. */
() => {
  const faults = [];
  const visible = (selector) => [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility());
  for (const element of visible("button, input, summary, [role=option]")) {
    const name = element.ariaLabel || element.labels?.[0]?.textContent || element.textContent;
    if (!name.trim()) faults.push(`no name: ${element.outerHTML}`);
    const { width, height } = (element.closest("label") ?? element).getBoundingClientRect();
    if (Math.min(width, height) < 24) faults.push(`${width} x ${height}: ${element.outerHTML}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  if (new Set(ids).size !== ids.length) faults.push("an id stands twice");
  for (const name of ["aria-controls", "aria-labelledby", "for"]) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      if (!ids.includes(element.getAttribute(name))) faults.push(`dead ${name}: ${element.outerHTML}`);
    }
  }
  const levels = visible("h1, h2, h3").map((heading) => Number(heading.tagName[1]));
  const jumps = levels.some((level, place) => level > (levels[place - 1] ?? 0) + 1);
  if (jumps || levels.filter((level) => level === 1).length !== 1) faults.push(`headings: ${levels}`);
  return faults;
}
