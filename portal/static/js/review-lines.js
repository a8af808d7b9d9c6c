/** The lines above the photo that tell of trouble, each with what can be done about it, and the quiet voice of what was done. */

export class Lines {
  #shown = new Map();

  constructor(place, voice) {
    this.place = place;
    this.voice = voice;
  }

  /** `actions` are {title, run} or {title, href}; choosing one takes the line away. A line of the same key is replaced. */
  show(key, text, actions = []) {
    if (this.#shown.get(key)?.dataset.text === text) return;
    const line = document.createElement("p");
    line.className = "trouble";
    line.dataset.text = text;
    line.append(text, ...actions.map((action) => this.#action(key, action)));
    this.#shown.get(key)?.remove();
    this.#shown.set(key, line);
    this.place.append(line);
  }

  clear(key) {
    this.#shown.get(key)?.remove();
    this.#shown.delete(key);
  }

  /** What was done: read out, and shown in small. */
  say(text) {
    this.voice.textContent = text;
  }

  #action(key, { title, run, href }) {
    const element = document.createElement(href ? "a" : "button");
    element.textContent = title;
    element.className = "plain-button";
    if (href) {
      element.href = href;
      element.target = "_blank";
      return element;
    }
    element.type = "button";
    element.addEventListener("click", () => {
      this.clear(key);
      run();
    });
    return element;
  }
}

/** What stands in the way of sending: nothing that was decided is lost meanwhile. */
export function reporter(lines, loginAddress, again, left) {
  return (trouble) => {
    if (trouble === null) {
      lines.clear("sending");
    } else if (trouble.kind === "signed-out") {
      lines.show("sending", "You are signed out. What you decided is kept here: sign in, then send it.", [
        { title: "Sign in", href: loginAddress },
        { title: "Send it now", run: again },
      ]);
    } else {
      const waits = left() === 1 ? "1 decision waits" : `${left()} decisions wait`;
      lines.show("sending", `${trouble.message} ${waits} here and will be sent again shortly.`, [
        { title: "Try now", run: again },
      ]);
    }
  };
}
