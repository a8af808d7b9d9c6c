/** The boxes over the photo, on a canvas as sharp as the screen. */

import { HANDLES, area, holds } from "./review-boxes.js";

/** Room around the photo for the handles of boxes at its edge, in CSS pixels. */
const MARGIN = 12;
const HANDLE = 5;
const TAG = { height: 20, padding: 6, font: "600 12px system-ui, sans-serif" };

const LINES = {
  predicted: { color: "--box-open", width: 2 },
  approved: { color: "--box-yes", width: 2 },
  corrected: { color: "--box-yes", width: 2 },
  added: { color: "--box-yes", width: 2 },
  rejected: { color: "--box-no", width: 1.5, dash: [3, 4] },
};

export class Canvas {
  hovered = null;
  #frame = 0;
  #photo = { left: 0, top: 0, width: 1, height: 1 };

  constructor(stage, desk) {
    this.stage = stage;
    this.desk = desk;
    this.element = stage.querySelector("canvas");
    this.place = stage.querySelector("[data-picture]");
    new ResizeObserver(() => this.fit()).observe(stage);
    this.#followZoom();
    desk.addEventListener("open", () => this.#hang());
    desk.addEventListener("change", () => this.draw());
  }

  /** A window on another screen, or at another zoom, has other pixels. */
  #followZoom() {
    const now = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    now.addEventListener("change", () => {
      this.fit();
      this.#followZoom();
    }, { once: true });
  }

  #hang() {
    this.hovered = null;
    const { picture } = this.desk;
    this.place.replaceChildren(...(picture ? [picture] : []));
    this.fit();
  }

  /** Make the photo as large as there is room, and the canvas as fine as the screen. */
  fit() {
    const { clientWidth, clientHeight } = this.stage;
    const { width = 4, height = 3 } = this.desk.item ?? {};
    const scale = Math.min((clientWidth - 2 * MARGIN) / width, (clientHeight - 2 * MARGIN) / height);
    const shown = { width: Math.round(width * scale), height: Math.round(height * scale) };
    const left = Math.round((clientWidth - shown.width) / 2);
    const top = Math.round((clientHeight - shown.height) / 2);
    this.#photo = { left, top, ...shown };
    for (const [side, value] of Object.entries(this.#photo)) this.place.style.setProperty(side, `${value}px`);
    this.element.width = Math.round(clientWidth * devicePixelRatio);
    this.element.height = Math.round(clientHeight * devicePixelRatio);
    this.draw();
  }

  /** A place of the photo, in fractions, from a pointer's event. */
  point(event) {
    const { left, top } = this.element.getBoundingClientRect();
    const photo = this.#photo;
    return {
      x: (event.clientX - left - photo.left) / photo.width,
      y: (event.clientY - top - photo.top) / photo.height,
    };
  }

  /** The handle of `box` within `reach` CSS pixels of a point, or null. */
  handleAt(box, { x, y }, reach) {
    const { width, height } = this.#photo;
    const distance = ([hx, hy]) =>
      Math.hypot((box.left + hx * box.width - x) * width, (box.top + hy * box.height - y) * height);
    const nearest = HANDLES.reduce((best, one) => (distance(one) < distance(best) ? one : best));
    return distance(nearest) <= reach ? nearest : null;
  }

  /** The findings whose box is at a point, the smallest first. */
  findingsAt(point) {
    const found = this.desk.findings.filter(({ box }) => box && holds(box, point));
    return found.sort((one, other) => area(one.box) - area(other.box));
  }

  hover(slot) {
    if (slot === this.hovered) return;
    this.hovered = slot;
    this.draw();
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    const pen = this.element.getContext("2d");
    const styles = getComputedStyle(this.stage);
    this.color = (name) => styles.getPropertyValue(name).trim();
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.clearRect(0, 0, this.element.width, this.element.height);
    const { desk } = this;
    if (!desk.item || desk.veiled) return;
    const { draft, selected } = desk;
    for (const finding of desk.findings) {
      if (finding.box && finding !== selected) this.#outline(pen, finding);
    }
    if (selected?.box && draft?.slot !== selected.slot) this.#selected(pen, selected, draft === null);
    if (draft?.box) this.#draft(pen, draft);
  }

  /** A box in CSS pixels on whole device pixels, so that its lines are not blurred. */
  #rectangle(box) {
    const snap = (value) => Math.round(value * devicePixelRatio) / devicePixelRatio;
    const { left, top, width, height } = this.#photo;
    const x = snap(left + box.left * width);
    const y = snap(top + box.top * height);
    return [x, y, snap(left + (box.left + box.width) * width) - x, snap(top + (box.top + box.height) * height) - y];
  }

  /** A line with a dark edge, to be seen on any photo. */
  #line(pen, box, color, width, dash = []) {
    const rectangle = this.#rectangle(box);
    pen.lineWidth = width + 2;
    pen.strokeStyle = this.color("--box-edge");
    pen.strokeRect(...rectangle);
    pen.setLineDash(dash);
    pen.lineWidth = width;
    pen.strokeStyle = color;
    pen.strokeRect(...rectangle);
    pen.setLineDash([]);
  }

  #outline(pen, finding) {
    const { color, width, dash } = LINES[finding.state];
    pen.globalAlpha = finding.state === "rejected" ? 0.6 : 1;
    this.#line(pen, finding.box, this.color(color), width, dash);
    pen.globalAlpha = 1;
    if (finding.slot === this.hovered) this.#tag(pen, finding.box, finding.label, this.color(color));
  }

  #selected(pen, finding, withHandles) {
    const color = this.color("--box-chosen");
    this.#line(pen, finding.box, color, 3, LINES[finding.state].dash);
    if (withHandles) this.#handles(pen, finding.box, color);
    this.#tag(pen, finding.box, finding.label, color);
  }

  #draft(pen, { box }) {
    const color = this.color("--box-draft");
    pen.globalAlpha = 0.18;
    pen.fillStyle = color;
    pen.fillRect(...this.#rectangle(box));
    pen.globalAlpha = 1;
    this.#line(pen, box, color, 2, [6, 4]);
    this.#handles(pen, box, color);
  }

  #handles(pen, box, color) {
    const [x, y, width, height] = this.#rectangle(box);
    for (const [hx, hy] of HANDLES) {
      pen.beginPath();
      pen.arc(x + hx * width, y + hy * height, HANDLE, 0, 2 * Math.PI);
      pen.fillStyle = color;
      pen.fill();
      pen.lineWidth = 1.5;
      pen.strokeStyle = this.color("--box-edge");
      pen.stroke();
    }
  }

  /** The label on a flag above the box, or inside it where there is no room above. */
  #tag(pen, box, text, color) {
    const [x, y] = this.#rectangle(box);
    pen.font = TAG.font;
    const width = Math.min(pen.measureText(text).width, 220) + 2 * TAG.padding;
    const left = Math.max(0, Math.min(x - 2, this.stage.clientWidth - width));
    const top = y - TAG.height - 8 < 0 ? y + 8 : y - TAG.height - 8;
    pen.fillStyle = color;
    pen.beginPath();
    pen.roundRect(left, top, width, TAG.height, 4);
    pen.fill();
    pen.fillStyle = this.color("--box-tag-text");
    pen.textBaseline = "middle";
    pen.fillText(text, left + TAG.padding, top + TAG.height / 2 + 0.5, width - 2 * TAG.padding);
  }
}
