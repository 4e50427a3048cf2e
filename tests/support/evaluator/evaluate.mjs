// Evaluates a table of requests with @cloud-copilot/iam-simulate: one process for all of them.
//
//   node evaluate.mjs <folder with node_modules> < {documents, requests} > [{allowed, ignored, error}]
//
// A request names its documents by their place in `documents`. `ignored` lists the condition keys of the request
// that AWS's Service Authorization Reference does not have for its action: what AWS may never send.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const packages = join(process.argv[2], "node_modules", "@cloud-copilot");
const load = (name) => import(pathToFileURL(join(packages, name, "dist", "esm", "index.js")));
const { isConditionKeyArray, runSimulation, runUnsafeSimulation, typeForContextKey } = await load("iam-simulate");
const policies = await load("iam-policy");

const VALIDATE = {
  identity: policies.validateIdentityPolicy,
  session: policies.validateSessionPolicy,
  resource: policies.validateResourcePolicy,
  key: policies.validateResourcePolicy,
  trust: policies.validateTrustPolicy,
};

const { documents, requests } = JSON.parse(readFileSync(0, "utf8"));

// A document is validated once for each thing that it can be.
const validated = new Map();
function policy(at, kind) {
  const key = `${kind} ${at}`;
  if (!validated.has(key)) {
    validated.set(key, policies.createValidatedPolicy(documents[at], VALIDATE[kind], { name: key }));
  }
  return validated.get(key);
}

function simulationOf(request, context) {
  return {
    request: {
      principal: request.principal,
      action: request.action,
      resource: { resource: request.resource, accountId: request.account },
      contextVariables: context,
    },
    identityPolicies: request.identity.map((at) => ({ name: String(at), policy: policy(at, "identity") })),
    sessionPolicy: request.session === null ? undefined : policy(request.session, "session"),
    resourcePolicy: request.resourcePolicy === null ? undefined : policy(request.resourcePolicy, request.kind),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  };
}

// Whether there is such an action on such a resource, and which keys the reference has for it: looked up once for
// each action, resource and set of keys, which takes longer than to decide.
const looked = new Map();
async function lookUp(request) {
  const key = [request.action, request.resource, ...Object.keys(request.context).sort()].join(" ");
  if (!looked.has(key)) {
    const found = await runSimulation({ ...simulationOf(request, request.context), identityPolicies: [] }, STRICT);
    const isError = found.resultType === "error";
    looked.set(key, isError ? { error: JSON.stringify(found.errors) } : { ignored: found.result.ignoredContextKeys });
  }
  return looked.get(key);
}

const STRICT = { simulationMode: "Strict" };

async function contextOf(request, ignored) {
  const kept = Object.entries(request.context).filter(([key]) => !ignored.includes(key));
  const typed = kept.map(async ([key, values]) => [key, isConditionKeyArray(await typeForContextKey(key)) ? values : values[0]]);
  return Object.fromEntries(await Promise.all(typed));
}

async function evaluate(request) {
  const { error, ignored } = await lookUp(request);
  if (error && !request.explained) {
    return { allowed: false, ignored: [], error };
  }
  const simulation = simulationOf(request, await contextOf(request, request.explained ? [] : ignored));
  const result =
    request.session === null
      ? runUnsafeSimulation(simulation)
      : (await runSimulation(simulation, STRICT)).overallResult;
  return { allowed: result === "Allowed", ignored: ignored ?? [], error: null };
}

const answers = [];
for (const request of requests) {
  answers.push(await evaluate(request));
}
const invalid = [...validated.entries()].filter(([, one]) => one.errors.length > 0);
if (invalid.length > 0) {
  process.stderr.write(JSON.stringify(invalid.map(([key, one]) => [key, one.errors, one.policyDocument])));
  process.exit(1);
}
process.stdout.write(JSON.stringify(answers));
