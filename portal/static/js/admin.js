// What the administration's pages do beyond their theme: uncover a flagged picture, light up a label's boxes, and let
// the keyboard open what the theme opens by click alone.

function reveal(button) {
  const shown = button.closest("td, th, .image-page__picture");
  for (const covered of shown.querySelectorAll(".is-flagged")) {
    covered.classList.remove("is-flagged");
  }
  (button.closest(".note") || button).remove();
}

/** The row under the mouse counts, else the one that has the focus: a mouse that merely moves takes nothing from the keyboard. */
function light(event) {
  const leaves = event.type === "mouseout" || event.type === "focusout";
  const under = leaves ? null : event.target.closest?.("tr[data-group]");
  const focused = event.type === "focusout" ? null : document.activeElement?.closest("tr[data-group]");
  const group = (under ?? focused)?.dataset.group;
  for (const box of document.querySelectorAll(".picture rect")) {
    box.classList.toggle("is-lit", group !== undefined && box.dataset.group === group);
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
