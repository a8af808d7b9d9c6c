/** Selecting many photos: ranges with Shift, all at once, Escape to clear; and what is then done with them. */

const boxes = () => [...document.querySelectorAll(".photo__select input")];
const selected = () => boxes().filter((box) => box.checked);
const bar = () => document.getElementById("selection");
const isBox = (element) => element instanceof HTMLInputElement && element.closest(".photo__select") !== null;

let shiftHeld = false;
let anchor = null;
// All that match, also what is further down than this page has loaded.
let everything = false;

function show() {
  const form = bar();
  if (!form) return;
  const count = selected().length;
  const matching = form.dataset.matching;
  const toggle = (name, shown) => {
    form.querySelector(`[data-select="${name}"]`).hidden = !shown;
  };
  const hasMore = document.querySelector(".photos__older") !== null;
  const allHere = count === boxes().length;
  form.querySelector(".selection__count").textContent = everything ? `All ${matching} selected` : `${count} selected`;
  form.querySelector('[data-select="all"]').textContent = `Select all ${matching} that match`;
  toggle("page", !allHere);
  toggle("all", allHere && hasMore && !everything);
}

function selectAll(checked = true) {
  for (const box of boxes()) box.checked = checked;
  anchor = null;
}

function selectRange(from, to, checked) {
  const all = boxes();
  const [first, last] = [all.indexOf(from), all.indexOf(to)].sort((a, b) => a - b);
  for (const box of all.slice(first, last + 1)) box.checked = checked;
}

function clear() {
  everything = false;
  selectAll(false);
  show();
}

for (const type of ["pointerdown", "keydown"]) {
  document.addEventListener(type, (event) => { shiftHeld = event.shiftKey; }, true);
}

document.addEventListener("change", (event) => {
  if (!isBox(event.target)) return;
  everything = false;
  if (shiftHeld && anchor?.isConnected) selectRange(anchor, event.target, event.target.checked);
  anchor = event.target;
  show();
});

document.addEventListener("click", (event) => {
  const wanted = event.target.closest("[data-select]")?.dataset.select;
  if (wanted) {
    everything = wanted === "all";
    selectAll();
    show();
    return;
  }
  // While selecting, a click on a photo selects it as well; the keyboard's Enter still opens it.
  const link = event.target.closest(".photo__link");
  if (!link || !event.detail || event.ctrlKey || event.metaKey || !selected().length) return;
  event.preventDefault();
  link.closest(".photo").querySelector(".photo__select input").click();
});

document.addEventListener("reset", (event) => {
  if (event.target === bar()) clear();
});

document.addEventListener("keydown", (event) => {
  const elsewhere = event.target.matches("input:not([type=checkbox]), select") || document.querySelector("dialog[open]");
  if (event.key === "Escape" && !elsewhere && selected().length) clear();
});

const FLOATING_MS = 8000;
let sinking = 0;

/** News stay in sight for a while; what went wrong stays until the next page. */
function float(messages) {
  messages.classList.add("messages--floating");
  clearTimeout(sinking);
  if (messages.querySelector(".notice--error")) return;
  sinking = setTimeout(() => {
    messages.classList.remove("messages--floating");
    messages.replaceChildren();
  }, FLOATING_MS);
}

/** Cards are swapped while they are selected or hold the focus; neither may get lost. */
let focusLost = "";

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const before = event.detail.target;
  const after = event.detail.fragment.querySelector?.(".photo__select input");
  if (!before.matches(".photo") || !after) return;
  after.checked = before.querySelector(".photo__select input").checked;
  focusLost = before.contains(document.activeElement)
    ? `#${before.id} ${isBox(document.activeElement) ? ".photo__select input" : ".photo__link"}`
    : "";
});

document.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.detail.target.id === "messages") float(event.detail.target);
  if (focusLost) document.querySelector(focusLost)?.focus();
  focusLost = "";
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id === "results") everything = false;
  if (everything) selectAll();
  show();
});

/** One field with all the ids: forms of a thousand fields are refused. */
document.addEventListener("formdata", (event) => {
  if (event.target !== bar()) return;
  const ids = event.formData.getAll("ids");
  event.formData.delete("ids");
  if (everything) event.formData.set("all", "1");
  else event.formData.set("ids", ids.join(","));
});

async function send(values) {
  // Not `.action`: the buttons go by that name.
  await htmx.ajax("POST", bar().getAttribute("action"), { values, swap: "none" });
  if (values.get("action") === "recognize") clear();
  show();
  document.dispatchEvent(new Event("images-queued"));
}

function confirmed() {
  const dialog = document.getElementById("confirm-delete");
  const count = everything ? bar().dataset.matching : selected().length;
  dialog.querySelector("h2").textContent = count === 1 ? "Delete this image?" : `Delete ${count} images?`;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "delete"), { once: true });
  });
}

/** The id of the photo to go on from: the last selected one, or where that is deleted, its nearest neighbour that stays. */
function photoAfter(action) {
  const all = boxes();
  const last = all.findLastIndex((box) => box.checked);
  const stays = (box) => !box.checked;
  const next = action === "delete" ? all.slice(last).find(stays) ?? all.findLast(stays) : all[last];
  return next?.closest(".photo").id;
}

document.addEventListener("submit", async (event) => {
  const action = event.submitter?.value;
  if (event.target !== bar() || action.startsWith("export")) return;
  event.preventDefault();
  const values = new FormData(bar(), event.submitter);
  if (action === "delete") {
    if (!(await confirmed())) return;
    values.set("confirmed", "1");
  }
  const next = photoAfter(action);
  await send(values);
  document.getElementById(next)?.querySelector(".photo__link").focus({ preventScroll: true });
});

show();
