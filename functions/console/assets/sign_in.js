// Signing in with an OpenID provider: authorization code with PKCE (RFC 7636) in a window of its own, so that neither
// the verifier nor a token ever has to be stored. The answer comes over a channel that only pages of this origin hear.

const HERE = new URL(".", import.meta.url);
const REDIRECT = new URL("callback", HERE).href;
const CHANNEL = "postern-sign-in";
const LOOPBACK = new Set(["127.0.0.1", "[::1]", "localhost"]);

/** Raised where signing in did not come to a token; the message says what to do. */
export class SignInFailed extends Error {}

/** The issuers that people may sign in with. */
export async function fetchIssuers() {
  const answer = await fetch(new URL("config.json", HERE), { cache: "no-store", credentials: "omit" });
  if (!answer.ok)
    throw new SignInFailed(
      `config.json: expected the issuers to sign in with, got status ${answer.status}. Load the page again.`,
    );
  return (await answer.json()).issuers;
}

/**
 * One attempt, made ready before anybody presses a button: a browser opens a window only at once.
 * `open` opens the provider's page and gives the token in the end; an attempt is good for one time.
 */
export async function prepare(issuer) {
  const provider = await discover(issuer.issuer);
  const verifier = random();
  const attempt = { issuer, provider, verifier, state: random(), nonce: random() };
  const address = await authorizationAddress(attempt);
  return {
    open: (signal) => {
      const answered = answerTo(attempt, signal);
      const opened = window.open(address, "_blank", "popup,width=520,height=720");
      if (opened === null)
        return Promise.reject(
          new SignInFailed(
            "The browser did not open the window to sign in. Allow windows of this page, then try again.",
          ),
        );
      return answered.then((answer) => redeem(attempt, answer));
    },
  };
}

/** The provider's own document of where its endpoints are (OpenID Connect Discovery 1.0, section 4.3). */
async function discover(issuer) {
  const document = await read(
    `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`,
    {},
    `${issuer}: its discovery document`,
  );
  if (document.issuer !== issuer)
    throw new SignInFailed(`discovery document: expected issuer ${issuer}, got another one`);
  for (const name of ["authorization_endpoint", "token_endpoint"]) {
    if (!isSafe(document[name]))
      throw new SignInFailed(`discovery document: ${name}: expected an https address, got another`);
  }
  return document;
}

/** https, or plain http on this machine alone. Anything else, `javascript:` too, is nowhere to go. */
function isSafe(address) {
  if (typeof address !== "string" || !URL.canParse(address)) return false;
  const url = new URL(address);
  return url.protocol === "https:" || (url.protocol === "http:" && LOOPBACK.has(url.hostname));
}

async function authorizationAddress({ issuer, provider, verifier, state, nonce }) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const address = new URL(provider.authorization_endpoint);
  const asked = {
    response_type: "code",
    client_id: issuer.client_id,
    redirect_uri: REDIRECT,
    scope: issuer.scopes.filter((scope) => scope !== "offline_access").join(" "), // a page that keeps nothing wants no refresh token
    ...issuer.parameters,
    state,
    nonce,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
  return address.href;
}

/** What the provider sent the other window back with, for this attempt and no other. */
function answerTo({ state }, signal) {
  return new Promise((resolve, reject) => {
    const channel = new BroadcastChannel(CHANNEL);
    const stop = (settle, value) => {
      channel.close();
      settle(value);
    };
    signal.addEventListener("abort", () => stop(reject, new SignInFailed("Signing in was given up.")), { once: true });
    channel.addEventListener("message", (event) => {
      const answer = event.data?.answer;
      if (answer?.state !== state) return; // another attempt's, or nobody's
      channel.postMessage({ taken: state });
      stop(resolve, answer);
    });
  });
}

/** The token for the code. Checked in this order: refusal, who answers (RFC 9207), the code, the token's nonce. */
async function redeem({ issuer, provider, verifier, nonce }, answer) {
  if (answer.error !== undefined)
    throw new SignInFailed(`${issuer.name} refused: ${answer.error_description ?? answer.error}`);
  const mustNameItself = provider.authorization_response_iss_parameter_supported === true;
  if ((mustNameItself || answer.iss !== undefined) && answer.iss !== issuer.issuer) {
    throw new SignInFailed(
      `answer: expected it from ${issuer.issuer}, got it from another issuer. Do not go on; tell an operator.`,
    );
  }
  if (answer.code === undefined) throw new SignInFailed("answer: expected a code, got none. Try again.");
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    code: answer.code,
    redirect_uri: REDIRECT,
    client_id: issuer.client_id,
    code_verifier: verifier,
  });
  const tokens = await read(provider.token_endpoint, { method: "POST", body }, `${issuer.name}: its token endpoint`);
  if (tokens.id_token !== undefined) checkIdToken(tokens.id_token, issuer, nonce);
  if (issuer.token === "id_token" && tokens.id_token === undefined)
    throw new SignInFailed("token endpoint: expected an ID token, got none. Ask for the scope openid.");
  const token = tokens[issuer.token];
  if (typeof token !== "string" || token === "")
    throw new SignInFailed(`token endpoint: expected ${issuer.token}, got none`);
  return token;
}

/** OpenID Connect Core 1.0 section 3.1.3.7: it came from the issuer itself, so its signature is the API's to verify. */
function checkIdToken(idToken, issuer, nonce) {
  const claims = claimsOf(idToken);
  const audiences = [claims.aud].flat();
  if (claims.iss !== issuer.issuer || !audiences.includes(issuer.client_id))
    throw new SignInFailed(
      "ID token: expected one of this issuer for this console, got another. Do not go on; tell an operator.",
    );
  if (claims.nonce !== nonce)
    throw new SignInFailed(
      "ID token: expected the one that was asked for, got another. Do not go on; tell an operator.",
    );
}

function claimsOf(token) {
  try {
    const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (sign) => sign.charCodeAt(0))));
  } catch {
    throw new SignInFailed("ID token: expected a JWT, got something else");
  }
}

async function read(address, options, what) {
  let answer;
  try {
    answer = await fetch(address, {
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
      ...options,
    });
  } catch {
    throw new SignInFailed(
      `${what}: expected an answer that this page may read, got none. The provider must allow the origin ${location.origin} (CORS).`,
    );
  }
  const said = await answer.json().catch(() => null);
  if (!answer.ok || said === null || typeof said !== "object") {
    const reason = said?.error_description ?? said?.error ?? `status ${answer.status}`;
    throw new SignInFailed(`${what}: expected JSON, got: ${reason}`);
  }
  return said;
}

/** 256 random bits. */
function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
