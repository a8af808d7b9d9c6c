// The page of a change of the vocabulary: how far the images are, asked for until all have followed.

const WAIT_MS = 1000;
const WAIT_AFTER_ERROR_MS = 5000;

const section = document.querySelector("[data-following]");
const bar = section?.querySelector("progress");
const state = section?.querySelector("[role=status]");

function show({ done, percent, finished }) {
  const images = done.toLocaleString();
  bar.value = percent;
  bar.textContent = `${percent} %`;
  state.textContent = finished
    ? `All images have followed: ${images}.`
    : `The images follow: ${percent} %, ${images} so far.`;
}

async function ask(address) {
  let wait = WAIT_MS;
  try {
    const response = await fetch(address, { headers: { Accept: "application/json" } });
    if (!response.ok) {
      throw new Error(String(response.status));
    }
    const progress = await response.json();
    show(progress);
    if (progress.finished) {
      return;
    }
  } catch {
    wait = WAIT_AFTER_ERROR_MS;
  }
  setTimeout(() => ask(address), wait);
}

if (bar && section.dataset.following !== "done") {
  ask(section.dataset.following);
}
