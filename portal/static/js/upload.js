/** The upload page: files come in by drop, paste or choice, and the page tells how each is getting on. */

import { filesOfDrop, filesOfList } from "./upload-collect.js";
import { UploadQueue } from "./upload-queue.js";
import { Rows } from "./upload-rows.js";

const ANNOUNCED_EVERY_MS = 1000;

const page = document.getElementById("uploader");
const part = (name) => page.querySelector(`[data-${name}]`);

const queue = new UploadQueue(
  {
    startUrl: page.dataset.startUrl,
    updatesUrl: page.dataset.updatesUrl,
    maxBytes: Number(page.dataset.maxBytes),
    accepted: JSON.parse(document.getElementById("accepted").textContent),
  },
  () => drawSoon(),
);
const rows = new Rows(part("rows"), document.getElementById("row-template"), {
  onRetry: (item) => queue.retry(item),
  onCancel: (item) => queue.cancel(item),
});

// Drawing ---------------------------------------------------------------------------------------------------------

let drawing = false;
let announcing = null;

function drawSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

function draw() {
  part("queue").hidden = !queue.items.length;
  const { folded, more } = rows.show(queue.items);
  tell("folded", folded && `${folded.toLocaleString("en")} finished ones are not listed here.`);
  tell("more", more && `and ${more.toLocaleString("en")} more`);
  tell("left-out", queue.leftOut && `${plural(queue.leftOut, "other file")} in the folders ${queue.leftOut === 1 ? "is" : "are"} not a photo and ${queue.leftOut === 1 ? "was" : "were"} left out.`);
  drawStop();
  part("cancel-all").hidden = !queue.count("waiting", "checking", "uploading");
  part("resume").hidden = !queue.stopped;
  part("retry-all").hidden = !queue.items.some((item) => item.state === "failed" && item.canRetry);
  part("overall").value = queue.items.length ? queue.items.reduce((sum, item) => sum + share(item), 0) / queue.items.length : 0;
  // A screen reader reads every change of the summary: not more than one a second.
  announcing ??= setTimeout(() => {
    announcing = null;
    tell("summary", summary());
  }, ANNOUNCED_EVERY_MS);
}

function drawStop() {
  const place = part("stopped");
  // What was left when the page was opened is used up by now.
  if (queue.stopped && !queue.stopped.signedOut) part("allowance").hidden = true;
  if (!queue.stopped?.signedOut || place.hidden) tell("stopped", queue.stopped?.message);
  if (!queue.stopped?.signedOut || place.querySelector("a")) return;
  const link = document.createElement("a");
  link.href = page.dataset.loginUrl;
  link.target = "_blank";
  link.textContent = "Open the sign-in page in a new tab";
  place.append(" ", link, ", then go on here.");
}

function tell(name, words) {
  const element = part(name);
  element.hidden = !words;
  if (words && element.textContent !== words) element.textContent = words;
}

/** How much of its way a file has behind it: the bytes count half, the recognition the other half. */
function share(item) {
  if (["waiting", "checking", "uploading"].includes(item.state)) return item.progress / 2;
  return ["awaiting_upload", "queued", "processing"].includes(item.state) ? 0.5 : 1;
}

function summary() {
  const cancelled = queue.count("cancelled");
  const failed = queue.count("failed");
  const done = queue.count("recognized", "gone");
  const words = [`${done.toLocaleString("en")} of ${plural(queue.items.length - cancelled, "file")} done`];
  if (failed) words.push(`${failed.toLocaleString("en")} failed`);
  if (cancelled) words.push(`${cancelled.toLocaleString("en")} cancelled`);
  return words.join(", ");
}

function plural(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

// Files coming in -------------------------------------------------------------------------------------------------

for (const button of page.querySelectorAll("[data-choose]")) {
  const input = document.getElementById(button.dataset.choose);
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    queue.add(filesOfList(input.files, input.id === "folder"));
    input.value = "";
  });
}

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
let inside = 0;

function showTarget(depth) {
  inside = depth;
  document.body.classList.toggle("is-dropping", inside > 0);
}

document.addEventListener("dragenter", (event) => carriesFiles(event) && showTarget(inside + 1));
document.addEventListener("dragleave", (event) => carriesFiles(event) && showTarget(Math.max(inside - 1, 0)));
document.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
document.addEventListener("drop", async (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  showTarget(0);
  queue.add(await filesOfDrop(event.dataTransfer));
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData?.files.length) queue.add(filesOfList(event.clipboardData.files));
});

part("resume").addEventListener("click", () => queue.resume());
part("cancel-all").addEventListener("click", () => queue.cancelWaiting());
part("retry-all").addEventListener("click", () => {
  for (const item of queue.items) if (item.state === "failed" && item.canRetry) queue.retry(item);
});
addEventListener("beforeunload", (event) => {
  if (queue.isBusy) event.preventDefault();
});
