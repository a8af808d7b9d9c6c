/** The pages of API tokens: copy the new one, and ask for a day only where somebody wants to choose it. */

const button = document.querySelector("[data-copy]");
if (button) {
  const field = document.getElementById(button.dataset.copy);
  const said = document.getElementById("token-copied");
  field.select();
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      said.textContent = "Copied.";
    } catch {
      // Without TLS browsers hand out no clipboard: what is selected can be copied by hand.
      said.textContent = "It is selected: copy it with Ctrl+C, or ⌘C.";
    }
  });
}

const expires = document.getElementById("id_expires");
const lastDay = document.getElementById("last-day");
if (expires && lastDay) {
  const update = () => {
    lastDay.hidden = expires.value !== "custom";
  };
  expires.addEventListener("change", update);
  update();
}
