// Passkeys (WebAuthn Level 3), times in the reader's own zone, and pages that show what others decide. Every page works
// without this file; only passkeys need it. Nothing is fetched but a word on whether a page is still as it was: options
// come with the page, answers go back by the page's own form.

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

/** Asks every few seconds whether the page is still as it was, and shows it anew if not; never over what is being typed. */
async function watch(part) {
  const rest = (ms) => new Promise((done) => setTimeout(done, ms));
  for (let wait = 2000; ; wait = Math.min(wait * 1.2, 15000)) {
    await rest(wait);
    const typed = document.querySelector("input#word")?.value;
    if (document.hidden || typed) continue;
    try {
      const answer = await fetch(part.dataset.live, { credentials: "same-origin", cache: "no-store" });
      if (answer.ok && (await answer.text()) !== part.dataset.seen) return location.reload();
    } catch {
      // The next time.
    }
  }
}

const live = document.querySelector("[data-live]");
if (live) watch(live);
