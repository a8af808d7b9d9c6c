/** The keyboard: which key does what, the same for its buttons, and the list of all that `?` shows. */

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** What a person presses, in words: `e.key` says "A" for Shift+A and, with Caps Lock, for A alone. */
export function pressed(event) {
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shift = event.shiftKey && /^([a-z]|Arrow.*|Tab|Enter)$/.test(name);
  return [event.ctrlKey || event.metaKey ? "Ctrl+" : "", event.altKey ? "Alt+" : "", shift ? "Shift+" : "", name].join("");
}

/** Whether a key is meant for what has the focus. */
function isForElsewhere(event) {
  if (document.querySelector("dialog[open]")) return true;
  const { target } = event;
  if (target.closest?.("input, select, textarea, [contenteditable], #nav-sidebar, [x-data] [role=button]")) return true;
  return ["Enter", " "].includes(event.key) && Boolean(target.closest?.("a, button:not([data-slot]), summary"));
}

/** `commands` are {name, keys, title, run, group}; `drafting()` is what takes arrows and Enter while a box is drawn, or null. */
export class Keys {
  constructor(commands, drafting) {
    this.commands = commands;
    this.drafting = drafting;
    document.addEventListener("keydown", (event) => this.#down(event));
  }

  #down(event) {
    if (event.isComposing || isForElsewhere(event)) return;
    const drafting = this.drafting();
    if (drafting ? this.#draft(drafting, event) : this.#command(event)) event.preventDefault();
  }

  #command(event) {
    const key = pressed(event);
    const command = this.commands.find(({ keys }) => keys.includes(key));
    if (!command || event.repeat && !command.repeats) return false;
    command.run(event);
    return true;
  }

  #draft(draft, event) {
    const arrow = ARROWS[event.key];
    if (arrow) draft.shift(arrow, { resize: event.shiftKey, fine: event.ctrlKey || event.altKey });
    else if (event.key === "Enter") draft.keep();
    else if (event.key === "Escape") draft.drop();
    else return event.key === "?" && this.#command(event);
    return true;
  }
}

const SHOWN = {
  ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", Enter: "Enter", "Ctrl+z": "Ctrl+Z",
};

export const shown = (key) => SHOWN[key] ?? key.replace(/(?<=^|\+)[a-z]$/, (letter) => letter.toUpperCase());

const WHILE_DRAWING = [
  { keys: ["↑", "↓", "←", "→"], title: "Move the box" },
  { keys: ["Shift+arrow"], title: "Make it larger or smaller" },
  { keys: ["Ctrl", "Alt"], title: "With an arrow: in small steps" },
  { keys: ["Enter"], title: "Keep it" },
  { keys: ["Escape"], title: "Drop it" },
];

/** Write every key into the dialog's lists, and onto the buttons that do the same. */
export function explain(commands, dialog, root) {
  for (const list of dialog.querySelectorAll("[data-keys]")) {
    const drawing = list.dataset.keys === "drawing";
    const rows = drawing ? WHILE_DRAWING : commands.filter(({ group }) => group === list.dataset.keys);
    list.replaceChildren(...rows.flatMap(({ keys, title }) => row(drawing ? keys : keys.map(shown), title)));
  }
  for (const button of root.querySelectorAll("[data-command]")) {
    const command = commands.find(({ name }) => name === button.dataset.command);
    const place = button.querySelector("kbd");
    if (place) place.textContent = shown(command.keys[0]);
    button.setAttribute("aria-keyshortcuts", command.keys.map(ariaName).join(" "));
    button.title ||= command.title;
    button.addEventListener("click", (event) => command.run(event));
  }
}

const ariaName = (key) => key.replace("Ctrl+", "Control+");

function row(keys, title) {
  const term = document.createElement("dt");
  for (const key of keys) {
    const cap = document.createElement("kbd");
    cap.textContent = key;
    term.append(cap, " ");
  }
  const words = document.createElement("dd");
  words.textContent = title;
  return [term, words];
}
