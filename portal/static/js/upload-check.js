/** Refusing at once what cannot work, in a sentence. The server decides in the end; this only saves the journey. */

const HEAD_BYTES = 512;

const PHOTO = [
  (text) => text.startsWith("\xff\xd8\xff"),
  (text) => text.startsWith("\x89PNG"),
  (text) => text.startsWith("GIF8"),
  (text) => text.startsWith("RIFF") && text.slice(8, 12) === "WEBP",
  (text) => text.startsWith("II*\0") || text.startsWith("MM\0*"),
  (text) => text.startsWith("BM"),
  (text) => text.slice(4, 8) === "ftyp" && /^(hei|hev|mif[12]|msf1|miaf|avi)/.test(text.slice(8, 12)),
];

const OTHERS = [
  [(text) => firstTag(text) === "svg", "This is an SVG drawing, not a photo. Save it as PNG or JPEG first."],
  [(text) => firstTag(text) !== undefined, "This is a web page, not a photo."],
  [(text) => text.startsWith("PK\x03\x04"), "This is a ZIP archive or a document. Unpack it and upload the photos in it."],
  [(text) => text.startsWith("%PDF"), "This is a PDF document, not a photo. Export its pages as JPEG or PNG first."],
  [isVideo, "This is a video. Only photos can be recognised."],
];

/** Whichever of these comes first says what the markup is: web pages hold drawings, and drawings hold pages. */
function firstTag(text) {
  const markup = text.replace(/^[\xef\xbb\xbf\s]+/, "");
  const tag = markup.startsWith("<") && markup.match(/<(?:!doctype\s+)?(html|head|body|script|svg)\b/i);
  return tag ? tag[1].toLowerCase() : undefined;
}

function isVideo(text) {
  const isAvi = text.startsWith("RIFF") && text.slice(8, 11) === "AVI";
  const isFilm = text.slice(4, 8) === "ftyp" && text.slice(8, 12) !== "crx ";
  return isFilm || isAvi || text.startsWith("\x1a\x45\xdf\xa3");
}

export class Refusal extends Error {}

/** Whether a file's name or declared type is one of a photo. */
export function looksLikePhoto(file, accepted) {
  const name = file.name.toLowerCase();
  return accepted.some((each) => (each.startsWith(".") ? name.endsWith(each) : file.type === each));
}

/** Resolves when the file may be uploaded. Throws Refusal with a sentence for its owner. */
export async function check(file, { maxBytes, accepted }) {
  if (!file.size) throw new Refusal("This file is empty: it has 0 bytes.");
  if (file.size > maxBytes) {
    throw new Refusal(`This file has ${megabytes(file.size)} MB; the limit is ${megabytes(maxBytes)} MB.`);
  }
  const head = await headOf(file);
  if (PHOTO.some((matches) => matches(head))) return;
  const other = OTHERS.find(([matches]) => matches(head));
  if (other) throw new Refusal(other[1]);
  if (!looksLikePhoto(file, accepted)) throw new Refusal("This is not a photo in a format that we can read.");
}

async function headOf(file) {
  try {
    const bytes = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
    return String.fromCharCode(...bytes);
  } catch {
    throw new Refusal("This file could not be read. Was it moved, changed or deleted?");
  }
}

const megabytes = (bytes) => (bytes / 1e6).toLocaleString("en", { maximumFractionDigits: 1 });
