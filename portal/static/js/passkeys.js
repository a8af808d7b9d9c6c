/** Says in words why a passkey did not work; allauth's script announces it as an event. */

const SENTENCES = {
  NotAllowedError: "No passkey was used: the request was cancelled, or it took too long.",
  InvalidStateError: "This device already holds a passkey for your account.",
  SecurityError: "Passkeys do not work at this address.",
  NotSupportedError: "This device cannot make the kind of passkey that is needed.",
};

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const place = document.getElementById("passkey-error");
  if (!place) return;
  const fallback = window.PublicKeyCredential
    ? "The passkey could not be used. Try again in a moment."
    : "This browser does not know passkeys, or not at this address.";
  place.textContent = SENTENCES[event.detail.exception?.name] ?? fallback;
  place.hidden = false;
});
