/** The log of deliveries asks for itself again, unless somebody is reading in it or has the keyboard there. */

document.addEventListener("htmx:beforeRequest", (event) => {
  const log = event.target;
  if (log.id !== "deliveries") return;
  if (log.querySelector("details[open]") || log.contains(document.activeElement)) event.preventDefault();
});
