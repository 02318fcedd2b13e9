/** A point on the line with this tooltip where no other line runs and no card lies above it, or null. */
(told) => {
  const reaches = [...document.querySelectorAll(".back .reach")];
  for (const path of reaches) {
    path.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    if (!path.parentNode.querySelector("title").textContent.startsWith(told)) continue;
    for (let part = 0.05; part < 1; part += 0.05) {
      const { x, y } = path.getPointAtLength(path.getTotalLength() * part).matrixTransform(path.getScreenCTM());
      const under = document.elementsFromPoint(x, y);
      if (under[0] === path && under.filter((element) => reaches.includes(element)).length === 1) return [x, y];
    }
  }
  return null;
}
