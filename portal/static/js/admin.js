// What the administration's pages do beyond their theme: uncover a flagged picture, light up a label's boxes, and let
// the keyboard open what the theme opens by click alone.

function reveal(button) {
  const shown = button.closest("td, th, .image-page__picture");
  for (const covered of shown.querySelectorAll(".is-flagged")) {
    covered.classList.remove("is-flagged");
  }
  (button.closest(".note") || button).remove();
}

function light(event) {
  const row = event.target.closest?.("tr[data-group]");
  const group = row && event.type !== "focusout" && event.type !== "mouseout" ? row.dataset.group : null;
  for (const box of document.querySelectorAll(".picture rect")) {
    box.classList.toggle("is-lit", box.dataset.group === group);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reveal]");
  if (button) {
    reveal(button);
  }
});
for (const name of ["mouseover", "mouseout", "focusin", "focusout"]) {
  document.addEventListener(name, light);
}

const CLICK_ONLY = ":is(a:not([href]), div.cursor-pointer, h2.cursor-pointer)[x-on\\:click]";

document.addEventListener("DOMContentLoaded", () => {
  for (const element of document.querySelectorAll(CLICK_ONLY)) {
    element.tabIndex = 0;
    element.setAttribute("role", "button");
  }
});
document.addEventListener("keydown", (event) => {
  if (["Enter", " "].includes(event.key) && event.target.matches?.(CLICK_ONLY)) {
    event.preventDefault();
    event.target.click();
  }
});
