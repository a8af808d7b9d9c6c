// Shows how far a comparison of two models, or the repetition of the history, is: `data-follow` is where to ask,
// `data-while` the state in which it goes on. The page is loaded again when that ends.

const EVERY_MS = 2000;
const AFTER_ERROR_MS = 5000;

async function ask(place) {
  const response = await fetch(place.dataset.follow, {
    method: "POST",
    headers: { "X-CSRFToken": place.querySelector("[name=csrfmiddlewaretoken]").value, Accept: "application/json" },
    credentials: "same-origin",
  });
  if (!response.ok) {
    throw new Error(String(response.status));
  }
  return response.json();
}

function show(place, { percent, words }) {
  const bar = place.querySelector("progress");
  bar.value = percent;
  bar.textContent = `${percent} %`;
  place.querySelector("[data-how-far]").textContent = words;
}

async function follow(place) {
  let wait = EVERY_MS;
  try {
    const answer = await ask(place);
    if (answer.state !== place.dataset.while) {
      location.reload();
      return;
    }
    show(place, answer);
  } catch {
    // The network may be away for a while.
    wait = AFTER_ERROR_MS;
  }
  setTimeout(() => follow(place), wait);
}

for (const place of document.querySelectorAll("[data-follow]")) {
  setTimeout(() => follow(place), EVERY_MS);
}
