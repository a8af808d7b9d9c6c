/** Loss and mAP50 by step, as two charts with axes, and the second as a table for those who read it. */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 300;
const HEIGHT = 140;
const TICKS = 4;

function element(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function chart(title, points, end, top, shown) {
  const last = points.at(-1);
  const x = (step) => ((step / end) * WIDTH).toFixed(1);
  const y = (value) => ((1 - Math.min(value, top) / top) * HEIGHT).toFixed(1);
  const box = `-44 -20 ${WIDTH + 64} ${HEIGHT + 44}`;
  const label = `${title}: ${shown(last[1])} at step ${last[0]}`;
  const svg = element("svg", { viewBox: box, class: "field", role: "img", "aria-label": label });
  for (let tick = 0; tick <= TICKS; tick += 1) {
    const value = (top * tick) / TICKS;
    svg.append(element("path", { class: "field__grid", d: `M0 ${y(value)}H${WIDTH}` }));
    svg.append(element("text", { x: -6, y: Number(y(value)) + 3, "text-anchor": "end" }, shown(value)));
  }
  svg.append(element("path", { class: "field__axes", d: `M0 0V${HEIGHT}H${WIDTH}` }));
  svg.append(element("text", { x: 0, y: HEIGHT + 16, "text-anchor": "middle" }, "0"));
  svg.append(element("text", { x: WIDTH, y: HEIGHT + 16, "text-anchor": "end" }, `step ${end.toLocaleString()}`));
  svg.append(element("text", { x: 0, y: -8 }, `${title}: ${shown(last[1])}`));
  svg.append(element("polyline", { class: "line", points: points.map(([step, value]) => `${x(step)},${y(value)}`).join(" ") }));
  return svg;
}

/** `curve` is {"loss": [[step, value], …], "map50": [[step, share], …]}; either may be missing or empty. */
export function draw(panel, curve) {
  const { loss = [], map50 = [] } = curve;
  panel.hidden = loss.length + map50.length === 0;
  const charts = [];
  const end = Math.max(1, ...[loss, map50].map((points) => points.at(-1)?.[0] ?? 0));
  if (loss.length) {
    const highest = Math.max(...loss.map(([, value]) => value));
    charts.push(chart("Loss", loss, end, highest || 1, (value) => value.toFixed(highest < 1 ? 2 : 1)));
  }
  if (map50.length) charts.push(chart("mAP50 on validation photos", map50, end, 1, (value) => `${Math.round(100 * value)} %`));
  panel.querySelector("[data-curves]").replaceChildren(...charts);
  const rows = map50.map(([step, share]) => {
    const row = document.createElement("tr");
    for (const text of [step.toLocaleString(), `${(100 * share).toFixed(1)} %`]) {
      row.insertCell().textContent = text;
    }
    return row;
  });
  panel.querySelector("[data-numbers] tbody").replaceChildren(...rows);
}
