// Shows how far the building of a dataset is, and the finished page when it is done.

const EVERY_MS = 2000;

const dataset = document.querySelector("[data-progress-url]");

async function ask() {
    const token = dataset.querySelector("[name=csrfmiddlewaretoken]").value;
    const answer = await fetch(dataset.dataset.progressUrl, {
        method: "POST",
        headers: { "X-CSRFToken": token },
        credentials: "same-origin",
    });
    if (!answer.ok) return;
    const { state, percent } = await answer.json();
    if (state !== "building") {
        location.reload();
        return;
    }
    dataset.querySelector("progress").value = percent;
    dataset.querySelector("[data-words]").textContent = `${percent} % done. You may leave this page.`;
}

async function keepAsking() {
    try {
        await ask();
    } catch {
        // The network may be away for a while.
    }
    setTimeout(keepAsking, EVERY_MS);
}

if (dataset) setTimeout(keepAsking, EVERY_MS);
