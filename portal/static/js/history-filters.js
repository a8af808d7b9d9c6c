/** The filters' panel: the slider's number, and a label field that offers what is in the person's images, with counts. */

const OFFERED = 50;

const form = document.getElementById("filters");
const input = document.getElementById("label-input");
const list = document.getElementById("label-list");
const slider = document.getElementById("confidence");
const detectors = document.getElementById("detector");

let options = null;
let optionsFor = null;
let active = -1;

/** What can be filtered by at the shown confidence; asked for when it is needed, and kept. */
async function loadOptions() {
  if (optionsFor === slider.value) return;
  const wanted = slider.value;
  const response = await fetch(`${form.dataset.options}?part=options&confidence=${wanted}`);
  if (!response.ok || response.redirected) return;
  options = await response.json();
  optionsFor = wanted;
  offerDetectors();
}

function offerDetectors() {
  const known = new Set([...detectors.options].map((option) => option.value));
  for (const { name, title } of options.detectors) {
    if (!known.has(name)) detectors.append(new Option(title, name));
  }
}

function matches() {
  const typed = input.value.trim().toLowerCase();
  const taken = new Set([...form.elements].filter((field) => field.name === "label").map((field) => field.value));
  const found = (options?.labels ?? []).filter(({ name }) => !taken.has(name) && name.toLowerCase().includes(typed));
  // Commonest first, as they came; but what begins with what was typed goes before what only contains it.
  const begins = ({ name }) => name.toLowerCase().startsWith(typed);
  return [...found.filter(begins), ...found.filter((label) => !begins(label))].slice(0, OFFERED);
}

function option({ name, images }, index) {
  const item = document.createElement("li");
  item.className = "combobox__option";
  item.id = `label-option-${index}`;
  item.role = "option";
  item.dataset.name = name;
  item.ariaSelected = "false";
  const count = document.createElement("span");
  count.className = "combobox__count";
  count.textContent = images.toLocaleString("en");
  item.append(name, " ", count);
  return item;
}

function nothing() {
  const item = document.createElement("li");
  item.className = "combobox__nothing";
  item.textContent = options?.labels.length ? "No such label in your images" : "No labels yet";
  return item;
}

async function open() {
  await loadOptions();
  if (document.activeElement !== input) return;
  const found = matches();
  list.replaceChildren(...(found.length ? found.map(option) : [nothing()]));
  list.hidden = false;
  input.ariaExpanded = "true";
  // What was begun to be typed is one Enter away from its best match.
  activate(input.value.trim() ? 0 : -1);
}

function close() {
  list.hidden = true;
  input.ariaExpanded = "false";
  input.removeAttribute("aria-activedescendant");
  active = -1;
}

function activate(index) {
  const items = [...list.querySelectorAll("[role=option]")];
  active = items.length ? Math.max(-1, Math.min(index, items.length - 1)) : -1;
  items.forEach((item, at) => { item.ariaSelected = String(at === active); });
  if (active < 0) {
    input.removeAttribute("aria-activedescendant");
    return;
  }
  input.setAttribute("aria-activedescendant", items[active].id);
  items[active].scrollIntoView({ block: "nearest" });
}

function pick(name) {
  if (!name) return;
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = "label";
  field.value = name;
  // It goes when the results come, which bring a field of their own for it.
  field.dataset.pending = "";
  form.append(field);
  input.value = "";
  close();
  form.requestSubmit();
}

function onKey(event) {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (list.hidden) open();
    else activate(active + (event.key === "ArrowDown" ? 1 : -1));
  } else if (event.key === "Enter") {
    event.preventDefault();
    pick(list.querySelector("[aria-selected=true]")?.dataset.name ?? input.value.trim());
  } else if (event.key === "Escape" && !list.hidden) {
    event.stopPropagation();
    close();
  }
}

function start() {
  // Without scripts the field itself is sent; with them only what was picked.
  input.removeAttribute("name");
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  input.ariaExpanded = "false";
  input.addEventListener("focus", open);
  input.addEventListener("input", open);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", onKey);
  // Half a word is no filter yet.
  input.addEventListener("change", (event) => event.stopPropagation());
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => pick(event.target.closest("[role=option]")?.dataset.name));
  slider.addEventListener("input", () => { document.getElementById("confidence-value").value = slider.value; });
  form.querySelector("details").addEventListener("toggle", loadOptions);
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "results") form.querySelectorAll("[data-pending]").forEach((field) => field.remove());
  });
}

if (form) start();
