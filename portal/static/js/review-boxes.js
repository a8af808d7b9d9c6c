/** Boxes in fractions of the upright photo: {left, top, width, height}. All functions give new ones. */

export const SMALLEST = 0.002;

const between = (value, low, high) => Math.min(Math.max(value, low), high);

export function centred(size = 0.3) {
  return { left: (1 - size) / 2, top: (1 - size) / 2, width: size, height: size };
}

/** The box between two points, cut at the photo's edges. */
export function spanned(from, to) {
  const xs = [from.x, to.x].map((x) => between(x, 0, 1)).sort((a, b) => a - b);
  const ys = [from.y, to.y].map((y) => between(y, 0, 1)).sort((a, b) => a - b);
  return { left: xs[0], top: ys[0], width: xs[1] - xs[0], height: ys[1] - ys[0] };
}

/** Elsewhere, as large as before, and inside the photo. */
export function moved(box, dx, dy) {
  return { ...box, left: between(box.left + dx, 0, 1 - box.width), top: between(box.top + dy, 0, 1 - box.height) };
}

/** Its right and lower edges moved. */
export function grown(box, dx, dy) {
  return {
    ...box,
    width: between(box.width + dx, SMALLEST, 1 - box.left),
    height: between(box.height + dy, SMALLEST, 1 - box.top),
  };
}

/** The eight places to take hold of a box, as [x, y] in fractions of it. */
export const HANDLES = [[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1], [0.5, 1], [0, 1], [0, 0.5]];

/** One handle dragged to a point: its edges follow, the opposite ones stay. */
export function dragged(box, [hx, hy], to) {
  const along = (start, size, handle, value) => {
    if (handle === 0.5) return [start, start + size];
    return [handle ? start : start + size, value];
  };
  const [x0, x1] = along(box.left, box.width, hx, to.x);
  const [y0, y1] = along(box.top, box.height, hy, to.y);
  return atLeast(spanned({ x: x0, y: y0 }, { x: x1, y: y1 }));
}

function atLeast(box) {
  const width = Math.max(box.width, SMALLEST);
  const height = Math.max(box.height, SMALLEST);
  return { left: Math.min(box.left, 1 - width), top: Math.min(box.top, 1 - height), width, height };
}

export function holds(box, { x, y }) {
  return x >= box.left && x <= box.left + box.width && y >= box.top && y <= box.top + box.height;
}

export const area = (box) => box.width * box.height;

export function same(one, other) {
  if (!one || !other) return one === other;
  return ["left", "top", "width", "height"].every((side) => Math.abs(one[side] - other[side]) < 1e-4);
}
