/** Everything a moderator can do on the review page, with its keys and its words. */

const VERDICTS = { allow: "allowed", hide: "hidden", remove: "removed" };

/** `page` does it; what needs an image does nothing without one. */
export function commandsOf(page) {
  const withImage = (run) => (event) => {
    if (page.desk.item && !page.busy) run(event);
  };
  const finding = (name, keys, title, run, more = {}) => ({ name, keys, title, run: withImage(run), group: "finding", ...more });
  const image = (name, keys, title, run) => ({ name, keys, title, run: withImage(run), group: "image" });
  const flag = (name, key) => image(name, [`Shift+${key}`], `Flagged photo: ${name} it`, () => page.judge(VERDICTS[name]));
  return [
    finding("next-finding", ["j", "ArrowDown", "ArrowRight"], "Next finding (Tab in the list)", () => page.step(1), { repeats: true }),
    finding("previous-finding", ["k", "ArrowUp", "ArrowLeft"], "Previous finding", () => page.step(-1), { repeats: true }),
    finding("approve", ["a"], "Approve", () => page.judgeFinding("approve")),
    finding("reject", ["x", "r"], "Reject", () => page.judgeFinding("reject")),
    finding("relabel", ["l"], "Give it another label", () => page.relabel()),
    finding("move", ["m"], "Move or resize its box", () => page.draft.move()),
    finding("unsure", ["o"], "Show what detectors are less sure of", () => page.desk.toggleUnsure()),
    image("draw", ["d"], "Draw a box that is missing", (event) => page.draft.begin(!event.detail)),
    image("image-label", ["i"], "Add a label to the whole image", () => page.addLabel(null)),
    image("complete", ["c", "Enter"], "Nothing else here: complete it, go on", () => page.complete()),
    image("reopen", ["Shift+c"], "Open a completed image again", () => page.reopen()),
    image("skip", ["s"], "Skip it for a while, go on", () => page.skip()),
    image("next", ["n"], "Go on without deciding", () => page.pass()),
    image("unveil", ["v"], "Show a veiled photo", () => page.unveil()),
    flag("allow", "a"), flag("hide", "h"), flag("remove", "r"),
    { name: "undo", keys: ["u", "Ctrl+z"], title: "Undo", run: () => page.decisions.undo(), group: "page" },
    { name: "mode", keys: ["1", "2", "3", "4", "5", "6", "7", "8"], title: "Which images come: by their place in the list", run: (event) => page.modeAt(Number(event.key) - 1), group: "page" },
    { name: "help", keys: ["?"], title: "This list", run: () => page.help(), group: "page" },
  ];
}
