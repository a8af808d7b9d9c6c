/** Rows and boxes of one key light up together; one of them can be kept lit. */

const keyed = (target) => target.closest?.("[data-key]");

export function setUpBoxes(root) {
  const overlay = root.querySelector("[data-overlay]");
  if (!overlay) return;
  let pinned = null;

  const light = (element) => {
    const key = element?.dataset.key ?? pinned;
    const box = element?.matches(".box") ? element : null;
    for (const each of root.querySelectorAll("[data-key]")) {
      const other = box && each.matches(".box") && each !== box;
      each.classList.toggle("is-lit", each.dataset.key === key && !other);
    }
    overlay.classList.toggle("overlay--lit", Boolean(overlay.querySelector(".box.is-lit:not([hidden])")));
  };

  const pin = (key) => {
    pinned = pinned === key ? null : key;
    for (const button of root.querySelectorAll("[data-mark]")) {
      button.setAttribute("aria-pressed", String(keyed(button).dataset.key === pinned));
    }
    light(null);
  };

  // Where the pointer rests on nothing, what has the keyboard's focus stays lit.
  const focused = () => (root.contains(document.activeElement) ? keyed(document.activeElement) : null);
  root.addEventListener("pointerover", (event) => light(keyed(event.target) ?? focused()));
  root.addEventListener("pointerleave", () => light(focused()));
  root.addEventListener("focusin", (event) => light(keyed(event.target)));
  root.addEventListener("focusout", () => light(null));
  root.addEventListener("click", (event) => {
    const marked = event.target.closest("[data-mark], .box");
    if (!marked) return;
    const key = keyed(marked).dataset.key;
    pin(key);
    if (pinned && marked.matches(".box")) showRow(root, key);
  });
  overlay.addEventListener("keydown", (event) => moveAmongBoxes(overlay, event));
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && pinned) pin(pinned);
  });
  setUpHiding(root, overlay);
  offerOneTabStop(overlay);
}

/** The overlay is a single stop of the Tab key, at its first visible box; arrows go on from there. */
export function offerOneTabStop(overlay) {
  const boxes = [...overlay.querySelectorAll(".box")];
  const first = boxes.find((box) => !box.hasAttribute("hidden"));
  for (const box of boxes) box.setAttribute("tabindex", box === first ? "0" : "-1");
}

function moveAmongBoxes(overlay, event) {
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    event.target.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const boxes = [...overlay.querySelectorAll(".box:not([hidden])")];
  const next = boxes[(boxes.indexOf(event.target) + step + boxes.length) % boxes.length];
  next?.focus();
}

function showRow(root, key) {
  const row = [...root.querySelectorAll("[data-finding]")].find((each) => each.dataset.key === key);
  row?.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

function setUpHiding(root, overlay) {
  const button = root.querySelector("[data-hide-boxes]");
  button?.addEventListener("click", () => {
    const off = overlay.classList.toggle("overlay--off");
    button.setAttribute("aria-pressed", String(off));
  });
}
