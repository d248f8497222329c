// Passkeys (WebAuthn Level 3), and times in the reader's own zone. Every page works without this file; only
// passkeys need it. Nothing is fetched: options come with the page, answers go back by the page's own form.

const form = document.querySelector("form[data-passkey]");

/** Fills the form with a credential and sends it. */
function answer(form, credential) {
  form.elements.credential.value = JSON.stringify(credential);
  form.submit();
}

/** Asks the authenticator, by the form's kind: `get` to sign in, `create` to add. */
async function ask(form, extra = {}) {
  const options = JSON.parse(form.dataset.options);
  if (form.dataset.passkey === "create") {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return navigator.credentials.create({ publicKey, ...extra });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials.get({ publicKey, ...extra });
}

/** Offers passkeys in the user-name field until the button is pressed. */
async function offer(form, signal) {
  const can = await PublicKeyCredential.isConditionalMediationAvailable?.();
  if (!can || form.dataset.passkey !== "get") return;
  try {
    answer(form, await ask(form, { mediation: "conditional", signal }));
  } catch {
    // Nothing was chosen in the field; the button and the password are still there.
  }
}

function prepare(form) {
  const button = form.querySelector("button[type=submit]");
  const offered = new AbortController();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    offered.abort();
    button.disabled = true;
    try {
      answer(form, await ask(form));
    } catch (error) {
      button.disabled = false;
      button.focus();
    }
  });
  offer(form, offered.signal);
}

if (form) {
  const able = "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;
  if (able) prepare(form);
  else document.body.classList.add("no-passkey");
}

const exact = new Intl.DateTimeFormat(document.documentElement.lang, {
  dateStyle: "long", timeStyle: "long",
});
for (const time of document.querySelectorAll("time[datetime][title]")) {
  const at = new Date(time.dateTime);
  if (!Number.isNaN(at.getTime())) time.title = exact.format(at);
}
