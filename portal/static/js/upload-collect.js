/** Files out of drops, pastes and choosers, whole folders included. */

const NEVER_WANTED = /^(\.|Thumbs\.db$|desktop\.ini$)/i;

/** All files of a drop, those in dropped folders marked by `fromFolder`. Entries must be asked for at once. */
export async function filesOfDrop(transfer) {
  const entries = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = [];
  for (const entry of entries) {
    if (entry instanceof File) found.push({ file: entry, fromFolder: false });
    else if (entry) await collect(entry, false, found);
  }
  return found;
}

export function filesOfList(list, fromFolder = false) {
  return [...list].filter((file) => !fromFolder || wanted(file.name)).map((file) => ({ file, fromFolder }));
}

async function collect(entry, fromFolder, found) {
  if (entry.isDirectory) {
    for (const child of await children(entry)) await collect(child, true, found);
  } else if (!fromFolder || wanted(entry.name)) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    if (file) found.push({ file, fromFolder });
  }
}

/** A reader hands out a folder's entries a hundred at a time, and an empty list at the end. */
async function children(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return all;
    all.push(...some);
  }
}

const wanted = (name) => !NEVER_WANTED.test(name);
