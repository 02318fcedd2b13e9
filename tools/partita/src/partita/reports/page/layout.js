/**
 * Where everything stands: cards in columns by tier, lines between the columns. Pure: numbers in, numbers out.
 *
 * A line that passes a column runs through a gap between its cards. Lines of one look to one card share that gap, so
 * a card that everybody uses has one line that gathers, not fifty that cross.
 */

const CARD_HEIGHT = 32;
const CARD_GAP = 10;
const LINE_GAP = 7;
const ROWS = 26;
const MARGIN = 16;
const HEADER = 40;
const LANE_PADDING = 14;
const ARROW = 10;
const MOST_PASSAGES = 1500;
const SWEEPS = 12;

/**
 * `lanes` are [{items: [{key, width, height, rank}]}] from left to right; `links` are [{source, target, style, red,
 * edges}] between keys. Gives the size of the whole, the lanes and cards with their places, and the lines: each what
 * is drawn from one column to another, for one edge or for many.
 */
export function arrange(lanes, links) {
  const columns = lanes.flatMap((lane, place) => split(lane.items).map((items) => createColumn(items, place)));
  columns.forEach((column, place) => column.cells.forEach((cell) => { cell.column = place; }));
  const cards = columns.flatMap((column) => column.cells);
  const cells = new Map(cards.map((cell) => [cell.key, cell]));
  const gathered = countPassages(links, cells) <= MOST_PASSAGES;
  const segments = gathered ? connect(links, cells, columns) : links.map((link) => straight(link, cells));
  columns.forEach((column) => stack(column.cells));
  if (gathered) settle(columns);
  const size = spread(columns, lanes, gathered ? segments : []);
  return { ...size, cards, lines: draw(segments) };
}

/** The items of each column of a tier: what uses others of it further left, long columns broken into even ones. */
function split(items) {
  const ranks = [...new Set(items.map((item) => item.rank))].sort((one, other) => other - one);
  return ranks.flatMap((rank) => {
    const column = items.filter((item) => item.rank === rank);
    const parts = Math.ceil(column.length / ROWS);
    const rows = Math.ceil(column.length / parts);
    return Array.from({ length: parts }, (_, part) => column.slice(part * rows, (part + 1) * rows));
  });
}

function createColumn(items, lane) {
  const width = Math.max(...items.map((item) => item.width));
  const cells = items.map(({ key, height = CARD_HEIGHT }) => ({ key, card: true, width, height, sides: [] }));
  return { lane, width, cells };
}

function gathering(link) {
  return `${link.target} ${link.style} ${link.red}`;
}

function countPassages(links, cells) {
  const found = new Set();
  for (const link of links) {
    const ends = [cells.get(link.source).column, cells.get(link.target).column];
    for (let column = Math.min(...ends) + 1; column < Math.max(...ends); column += 1) {
      found.add(`${gathering(link)} ${column}`);
      if (found.size > MOST_PASSAGES) return Infinity;
    }
  }
  return found.size;
}

/** Segments from column to column, with a cell wherever a line passes a column. */
function connect(links, cells, columns) {
  const passages = new Map();
  const segments = new Map();
  for (const link of links) {
    const target = cells.get(link.target);
    let cell = cells.get(link.source);
    const step = Math.sign(target.column - cell.column);
    do {
      const column = cell.column + step;
      const key = `${gathering(link)} ${step} ${column}`;
      if (column !== target.column && !passages.has(key)) {
        passages.set(key, { key, column, card: false, height: 2, sides: [] });
        columns[column].cells.push(passages.get(key));
      }
      const next = column === target.column ? target : passages.get(key);
      join(segments, cell, next, step, link);
      cell = next;
    } while (cell !== target);
  }
  return [...segments.values()];
}

function join(segments, from, to, step, link) {
  const key = `${from.key} > ${to.key} ${link.style} ${link.red}`;
  if (!segments.has(key)) {
    segments.set(key, { from, to, step, style: link.style, red: link.red, edges: [] });
    from.sides.push(to);
    to.sides.push(from);
  }
  segments.get(key).edges.push(...link.edges);
}

function straight(link, cells) {
  const [from, to] = [cells.get(link.source), cells.get(link.target)];
  return { ...link, from, to, step: Math.sign(to.column - from.column) };
}

/** Brings cells next to what they are connected with: sweeps to and fro, then evens out without changing any order. */
function settle(columns) {
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forward = sweep % 2 === 0;
    const evening = sweep >= SWEEPS - 4;
    for (const column of forward ? columns : [...columns].reverse()) {
      for (const cell of column.cells) {
        const sides = cell.sides.filter((side) => side.column !== cell.column
          && (evening || side.column < cell.column === forward));
        cell.wish = sides.length ? sides.reduce((sum, side) => sum + side.y, 0) / sides.length : cell.y;
      }
      if (!evening) column.cells.sort((one, other) => one.wish - other.wish);
      place(column.cells);
    }
  }
}

/** Cells one below the other, the column around 0. */
function stack(cells) {
  cells.forEach((cell) => { cell.wish = 0; });
  place(cells);
}

/**
 * Gives each cell, from top to bottom, the `y` nearest to its wish that keeps order and distances (least squares:
 * neighbours that would overlap are pooled, and a pool stands at the mean of its wishes).
 */
function place(cells) {
  const pools = [];
  let offset = 0;
  cells.forEach((cell, number) => {
    offset += number ? distance(cells[number - 1], cell) : 0;
    cell.offset = offset;
    let pool = { sum: cell.wish - offset, size: 1 };
    while (pools.length && pools.at(-1).sum / pools.at(-1).size > pool.sum / pool.size) {
      const above = pools.pop();
      pool = { sum: above.sum + pool.sum, size: above.size + pool.size };
    }
    pools.push(pool);
  });
  let number = 0;
  for (const pool of pools) {
    for (const end = number + pool.size; number < end; number += 1) {
      cells[number].y = pool.sum / pool.size + cells[number].offset;
    }
  }
}

function distance(above, below) {
  return (above.height + below.height) / 2 + (above.card && below.card ? CARD_GAP : LINE_GAP);
}

/** Columns from left to right, everything shifted below the headers; the wider the gap, the more lines cross it. */
function spread(columns, lanes, segments) {
  const crossing = columns.map(() => 0);
  for (const { from, to } of segments) crossing[Math.min(from.column, to.column)] += 1;
  const all = columns.flatMap((column) => column.cells);
  const top = Math.min(0, ...all.map((cell) => cell.y - cell.height / 2));
  const shift = HEADER + MARGIN - top;
  let x = MARGIN;
  const placed = lanes.map((lane) => ({ ...lane, left: 0, width: 0 }));
  columns.forEach((column, number) => {
    const lane = placed[column.lane];
    if (columns[number - 1]?.lane !== column.lane) {
      lane.left = x;
      x += LANE_PADDING;
    }
    for (const cell of column.cells) {
      Object.assign(cell, { left: x, right: x + column.width, y: cell.y + shift });
    }
    x += column.width;
    const gap = 30 + Math.min(56, 2 * crossing[number]);
    if (columns[number + 1]?.lane === column.lane) {
      x += gap;
    } else {
      x += LANE_PADDING;
      lane.width = x - lane.left;
      x += Math.max(0, gap - 2 * LANE_PADDING) + 12;
    }
  });
  const bottom = Math.max(...all.map((cell) => cell.y + cell.height / 2), HEADER);
  return { lanes: placed, width: x + MARGIN, height: bottom + MARGIN };
}

/** Segments as curves that leave and arrive level; where one ends at a card it has a head. */
function draw(segments) {
  const ports = findPorts(segments);
  return segments.map((segment) => {
    const { from, to, step } = segment;
    const y = to.y + (ports.get(segment) ?? 0);
    const [enter, leave] = step < 0 ? [from.right, from.left] : [from.left, from.right];
    const heading = step || -1; // within one column a line leaves to the right and comes back
    const end = step > 0 ? to.left : to.right;
    const stop = to.card ? end - heading * ARROW : end;
    const bend = step ? Math.min(Math.max(Math.abs(stop - leave) / 2, 16), 220) : 26 + Math.abs(y - from.y) / 8;
    const start = from.card ? `M${leave} ${from.y}` : `M${enter} ${from.y}H${leave}`;
    const path = `${start}C${leave + (step || 1) * bend} ${from.y} ${stop - heading * bend} ${y} ${stop} ${y}`;
    return { ...segment, path, head: to.card ? { x: end, y, flipped: step <= 0 } : null };
  });
}

/** How far from its middle a card takes each arriving line, so that heads do not cover each other. */
function findPorts(segments) {
  const arriving = new Map();
  for (const segment of segments.filter(({ to }) => to.card)) {
    const side = `${segment.to.key} ${segment.step > 0}`;
    arriving.set(side, [...(arriving.get(side) ?? []), segment]);
  }
  const ports = new Map();
  for (const group of arriving.values()) {
    group.sort((one, other) => one.from.y - other.from.y);
    const apart = Math.min(6, 20 / group.length);
    group.forEach((segment, number) => ports.set(segment, (number - (group.length - 1) / 2) * apart));
  }
  return ports;
}
