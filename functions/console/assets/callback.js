// Where the identity provider sends the browser back to. It hands what stands in the address to the console's window
// and keeps nothing. The code is of no use to others: what redeems it never left that window's memory (RFC 7636).

const MEMBERS = ["code", "state", "iss", "error", "error_description"];

const given = new URLSearchParams(location.search);
history.replaceState(null, "", location.pathname);

const answer = {};
for (const name of MEMBERS) {
  const values = given.getAll(name);
  if (values.length === 1) answer[name] = values[0]; // a parameter sent twice counts as none (RFC 6749 section 3.1)
}

const channel = new BroadcastChannel("postern-sign-in");
if (answer.state === undefined) {
  document.getElementById("told").textContent =
    "Nothing was handed over: sign in from the console, which opens this page by itself.";
} else {
  channel.addEventListener("message", (event) => {
    if (event.data?.taken === answer.state) window.close();
  });
  channel.postMessage({ answer });
}
