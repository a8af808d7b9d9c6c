/** “It should be …”: offers labels while somebody types, and puts the cursor where the typing begins. */

const PAUSE_MS = 150;

export function setUpWords(root) {
  const list = root.querySelector("#words");
  if (!list) return;
  let timer = 0;
  root.addEventListener("input", (event) => {
    const { words } = event.target.dataset;
    if (!words) return;
    clearTimeout(timer);
    timer = setTimeout(() => offer(list, event.target, words), PAUSE_MS);
  });
  // `toggle` does not bubble.
  root.addEventListener("toggle", (event) => {
    if (event.target.matches(".suggest__instead[open]")) event.target.querySelector("[data-words]").focus();
  }, true);
}

async function offer(list, field, address) {
  const typed = field.value;
  const response = await fetch(`${address}?${new URLSearchParams({ q: typed })}`);
  // Somebody types faster than the portal answers: only the last answer counts.
  if (!response.ok || response.redirected || field.value !== typed) return;
  const { words } = await response.json();
  list.replaceChildren(...words.map((word) => new Option("", word)));
}
