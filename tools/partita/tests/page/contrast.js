/** Every text in sight that stands out from its ground by less than 4.5 to 1, and how many texts were looked at. */
() => {
  const parse = (colour) => {
    const [red, green, blue, alpha = 1] = colour.match(/[\d.]+/g).map(Number);
    return { red, green, blue, alpha };
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
  const weak = [];
  let count = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement: element } = walker.currentNode;
    const skipped = element.closest(":disabled, script, svg") || !element.checkVisibility({ visibilityProperty: true });
    if (skipped || !data.trim()) continue;
    const { color } = getComputedStyle(element);
    const below = ground(element);
    const [darker, lighter] = [light(over(parse(color), below)), light(below)].sort((one, other) => one - other);
    count += 1;
    if ((lighter + 0.05) / (darker + 0.05) < 4.5) weak.push(`${data}: ${color}`);
  }
  return [weak, count];
}
