/** Copying, the dialog before deleting, lifting the veil, and the arrow keys to the neighbouring images. */

const COPIED_MS = 1500;

export function setUpActions(root) {
  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("openDialog" in button.dataset) document.getElementById(button.dataset.openDialog).showModal();
    if ("closeDialog" in button.dataset) button.closest("dialog").close();
    if ("copy" in button.dataset) copy(button.dataset.copy, button.querySelector("[data-copy-words]"));
    if ("copyText" in button.dataset) copy(visibleLines(root), button);
    if ("showAnyway" in button.dataset) liftVeil(root, event);
  });
}

function visibleLines(root) {
  const lines = root.querySelectorAll("[data-finding]:not([hidden]) [data-line]");
  return [...lines].map((line) => line.textContent).join("\n");
}

function liftVeil(root, event) {
  event.preventDefault();
  const photo = root.querySelector("[data-photo]");
  // Nothing of it was loaded as long as nobody wanted to see it.
  const picture = photo.querySelector("img[data-src]");
  picture.src = picture.dataset.src;
  photo.classList.remove("photo--veiled");
  root.querySelector("[data-veil]").remove();
  root.querySelector("[data-hide-boxes]")?.removeAttribute("hidden");
}

async function copy(text, place) {
  const before = place.textContent;
  if (place.dataset.busy) return;
  place.dataset.busy = "yes";
  place.textContent = await write(text);
  document.getElementById("photo-status").textContent = place.textContent;
  setTimeout(() => {
    place.textContent = before;
    delete place.dataset.busy;
  }, COPIED_MS);
}

async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied";
  } catch {
    return "Copying is not allowed here";
  }
}

/** Left and right lead to the neighbours, unless the key is meant for something on the page. */
export function setUpArrowKeys() {
  document.addEventListener("keydown", (event) => {
    const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
    if (!rel || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("input, select, textarea, dialog, pre, [contenteditable]")) return;
    document.querySelector(`#photo a[rel="${rel}"]`)?.click();
  });
}
