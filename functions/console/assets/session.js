// Who is signed in. The token is a variable of this module: it is in no storage, no cookie, no address and on no
// element, and is gone with the page.

let token = null;
let principal = null;

const watchers = new Set();

export const session = {
  get principal() {
    return principal;
  },
  get isOpen() {
    return token !== null;
  },
  /** Seconds until the token ends; none where nobody is signed in. */
  secondsLeft(nowMs = Date.now()) {
    return principal === null ? null : principal.token_expires_at_s - nowMs / 1000;
  },
  begin(newToken) {
    token = newToken;
  },
  /** What the API says of who holds the token. */
  name(newPrincipal) {
    principal = newPrincipal;
    tell();
  },
  end() {
    token = null;
    principal = null;
    tell();
  },
  headers() {
    return token === null ? {} : { Authorization: `Bearer ${token}` };
  },
  /** Databases where the one who is signed in may do this. */
  may(action) {
    return principal?.may?.[action] ?? [];
  },
  watch(watcher) {
    watchers.add(watcher);
  },
};

function tell() {
  for (const watcher of watchers) watcher();
}
