/** The page of a model version: how far its training is, and how it learns, drawn as it goes. */

import { draw } from "./training-curve.js";

const EVERY_MS = 2000;
const page = document.querySelector("[data-version]");

function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} seconds`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  return `${(seconds / 3600).toFixed(1)} hours`;
}

function words({ steps_done: done, steps_total: total, seconds_left: left, is_stopping: stopping }) {
  const parts = [];
  if (total) parts.push(`Step ${done.toLocaleString()} of ${total.toLocaleString()}.`);
  if (left !== null && !stopping) parts.push(`About ${duration(left)} left of this part.`);
  parts.push("You may leave this page.");
  return parts.join(" ");
}

function show(progress) {
  const bar = page.querySelector("[data-progress-url] progress");
  if (bar) {
    bar.value = progress.percent;
    page.querySelector("[data-progress-url] [data-words]").textContent = words(progress);
    const title = page.querySelector("[data-title]");
    if (title.textContent !== progress.title) title.textContent = progress.title;
    // Read out when it changes: what follows changes with every step, and would be heard all the time.
    const phase = page.querySelector("[data-phase]");
    const said = progress.is_stopping ? "It stops soon." : `${progress.phase}.`;
    if (phase.textContent !== said) phase.textContent = said;
  }
  draw(page.querySelector("[data-curve]"), progress.curve);
}

async function ask(panel) {
  const token = panel.querySelector("[name=csrfmiddlewaretoken]").value;
  const answer = await fetch(panel.dataset.progressUrl, {
    method: "POST",
    headers: { "X-CSRFToken": token },
    credentials: "same-origin",
  });
  if (!answer.ok) return;
  const progress = await answer.json();
  if (progress.state === "queued" || progress.state === "training") show(progress);
  else location.reload();
}

async function keepAsking(panel) {
  try {
    if (!document.hidden) await ask(panel);
  } catch {
    // The network may be away for a while.
  }
  setTimeout(keepAsking, EVERY_MS, panel);
}

if (page) {
  show(JSON.parse(document.getElementById("version-data").textContent));
  const panel = page.querySelector("[data-progress-url]");
  if (panel) setTimeout(keepAsking, EVERY_MS, panel);
}
