/** The grid: many boxes of one label, judged in one go. */

import { Batches } from "./grid-batches.js";
import { Crops } from "./grid-crops.js";
import { Selection } from "./grid-selection.js";
import { Keys, explain } from "./review-keys.js";
import { Lines, reporter } from "./review-lines.js";
import { Outbox } from "./review-outbox.js";
import { get } from "./review-requests.js";
import { Words } from "./review-words.js";

const root = document.getElementById("grid");
const part = (name) => root.querySelector(`[data-${name}]`);
const list = part("crops");

const lines = new Lines(part("trouble"), part("said"));
const outbox = new Outbox(reporter(lines, root.dataset.login, () => outbox.again(), () => outbox.unsent));
const words = new Words(part("words"), root.dataset.vocabulary);
const selection = new Selection(list, show);
const batches = new Batches({ root, outbox, lines, list, changed: show });
const crops = new Crops(root, list, {
  grew: show,
  trouble: (trouble, again) => lines.show("loading", trouble.message, [{ title: "Try again", run: again }]),
});

function show() {
  selection.offerStop();
  const count = selection.selected.length;
  part("count").textContent = count ? `${count} selected` : `${list.children.length} shown`;
  for (const button of root.querySelectorAll("[data-needs]")) {
    button.disabled = button.dataset.needs === "one" ? count !== 1 : count === 0;
  }
  part("unveil").hidden = !list.querySelector(".crop--veiled") || list.matches(".crops--unveiled");
  part("none").hidden = list.children.length > 0 || !crops.atEnd || !part("filters").elements.label.value;
}

/** The focus goes to where the first judged crop was. */
function judge(verb, label = null) {
  const chosen = selection.selected;
  if (!chosen.length) return;
  const at = selection.items.indexOf(chosen[0]);
  batches.decide(verb, chosen, label);
  const next = selection.items[at] ?? selection.items.at(-1);
  next?.focus({ preventScroll: true });
  crops.load();
}

async function relabel() {
  const count = selection.selected.length;
  if (!count) return;
  const label = await words.ask(count === 1 ? "What is it?" : `What are these ${count}?`);
  if (label) judge("relabel", label);
}

function openInReview() {
  const [item, ...others] = selection.selected;
  if (item && !others.length) open(`${root.dataset.review}?image=${item.dataset.image}`, "_blank", "noopener");
}

function unveil() {
  list.classList.add("crops--unveiled");
  part("unveil").hidden = true;
}

const commands = [
  { name: "approve", keys: ["a"], title: "Approve the selected", run: () => judge("approve"), group: "selected" },
  { name: "reject", keys: ["x", "r"], title: "Reject the selected", run: () => judge("reject"), group: "selected" },
  { name: "relabel", keys: ["l"], title: "Give the selected another label", run: relabel, group: "selected" },
  { name: "open", keys: ["o"], title: "Open the one selected in the review", run: openInReview, group: "selected" },
  { name: "undo", keys: ["u", "Ctrl+z"], title: "Undo the last decision, all of it", run: () => batches.undo(), group: "page" },
  { name: "all", keys: ["Ctrl+a"], title: "Select all that are shown", run: () => selection.all(), group: "page" },
  { name: "clear", keys: ["Escape"], title: "Select none", run: () => selection.clear(), group: "page" },
  { name: "more", keys: ["m"], title: "Load more", run: () => crops.load(), group: "page" },
  { name: "unveil", keys: ["v"], title: "Show photos that may not be for everybody", run: unveil, group: "page" },
  { name: "help", keys: ["?"], title: "This list", run: () => part("help").showModal(), group: "page" },
];

/** Offer the vocabulary's words for the label to look at. */
async function offerLabels(event) {
  const { words: found } = await get(`${root.dataset.vocabulary}?q=${encodeURIComponent(event.target.value)}`);
  part("labels").replaceChildren(...found.map(({ title }) => new Option(title, title)));
}

new Keys(commands, () => null);
explain(commands, part("help"), root);
part("help").addEventListener("click", (event) => {
  if (event.target.closest("[data-answer]")) part("help").close();
});
part("filters").elements.label.addEventListener("input", (event) => offerLabels(event).catch(() => {}));
crops.show(JSON.parse(document.getElementById("grid-page").textContent));
