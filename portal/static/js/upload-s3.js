/**
 * What S3 says when it does not take a file, in words for people.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */

const CHANGED = "The file changed on its way to us. Please upload it again.";

const REASONS = {
  BadDigest: { code: "content_changed", message: CHANGED },
  XAmzContentChecksumMismatch: { code: "content_changed", message: CHANGED },
  EntityTooLarge: { code: "size_mismatch", message: "The file that arrived is larger than the one announced." },
  EntityTooSmall: { code: "size_mismatch", message: "The file that arrived is smaller than the one announced." },
  IncompleteBody: { code: "interrupted", passes: true },
  RequestTimeout: { code: "interrupted", passes: true },
  SlowDown: { code: "interrupted", passes: true },
  // The credentials that signed the form are renewed every few hours.
  ExpiredToken: { code: "form_expired", message: "This upload took too long to begin." },
};

/** An error in the portal's form, `passes` set where trying again is worth it; undefined when `text` is none of S3's. */
export function refusalOf(text) {
  // Of what is no XML the parser would make a page about its error, styled inline, which our policy forbids.
  if (!text.trimStart().startsWith("<?xml")) return undefined;
  const xml = new DOMParser().parseFromString(text, "application/xml");
  const code = xml.querySelector("Error > Code")?.textContent;
  if (!code) return undefined;
  const said = xml.querySelector("Error > Message")?.textContent ?? "";
  if (code === "AccessDenied" && said.includes("expired")) return REASONS.ExpiredToken;
  return REASONS[code] ?? { code: "refused_by_storage", message: `The storage did not take this file (${code}).` };
}
