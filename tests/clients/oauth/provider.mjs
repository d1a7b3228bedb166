// A provider that others wrote (`oidc-provider`) as an authorization server for Concord, with a few lists of Pax8 behind
// its access tokens. It prints one line of JSON with its addresses when it is ready, and ends when its input is closed.
//
//   node provider.mjs --redirect-uri http://127.0.0.1:8080/oauth/callback/pax8 [--redirect-uri ...]
//     [--access-token-seconds 3] [--refresh-token-seconds 3600] [--code-seconds 60] [--port 0]
//     [--client-id ...] [--client-secret ...]
//
// Refresh tokens rotate, and one that comes twice ends its grant. Nobody has to log in: the interaction decides by
// itself, as the control address was told or as the cookie `choice` says. The control address, on another port:
//
//   GET  /counts                                     requests for tokens by kind, and calls of the lists
//   POST /deny     {"deny": true}                    what people decide from now on
//   POST /revoke                                     ends every grant, as if people had withdrawn the access
//   POST /browse   {"url": ..., "choice": "accept"}  goes the way of a browser; {"location"} or {"status", "body"}
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { Provider } from "oidc-provider";
import { browse } from "./browser.mjs";
import { read } from "./lists.mjs";

const text = (name) => ({ type: "string", default: name });
const { values: options } = parseArgs({
  options: {
    "redirect-uri": { type: "string", multiple: true, default: [] },
    "access-token-seconds": text("3"),
    "refresh-token-seconds": text("3600"),
    "code-seconds": text("60"),
    port: text("0"),
    "client-id": text("independent-client"),
    "client-secret": text("independent-client-secret"),
  },
});
const redirectUris = options["redirect-uri"];
if (!redirectUris.length) {
  console.error("give at least one --redirect-uri");
  process.exit(2);
}
const clientId = options["client-id"];
const clientSecret = options["client-secret"];
const scope = "Manage:Pax8Data offline_access";
const account = "partner";

const counts = {
  token: { authorization_code: 0, refresh_token: 0, other: 0 },
  refused: 0,
  reuse_detected: 0,
  revocation: 0,
  lists: {},
};
const grants = new Set();
let denies = false;

const bodyOf = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
};

function answer(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

const listening = (server, port) =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(`http://127.0.0.1:${server.address().port}`));
  });

// The provider has to know its own address, which is known once the server listens.
let serve;
const server = createServer((request, response) => {
  serve(request, response).catch((error) => {
    console.error(error);
    if (!response.headersSent) answer(response, 500, { error: "server_error" });
  });
});
const origin = await listening(server, Number(options.port));

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const provider = new Provider(origin, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: redirectUris,
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_post",
    },
  ],
  scopes: ["openid", "profile", "email", ...scope.split(" ")],
  // As Auth0 does, it takes a parameter that is no standard's.
  extraParams: ["audience"],
  rotateRefreshToken: true,
  pkce: { required: () => true },
  clockTolerance: 0,
  ttl: {
    AccessToken: Number(options["access-token-seconds"]),
    RefreshToken: Number(options["refresh-token-seconds"]),
    AuthorizationCode: Number(options["code-seconds"]),
    Grant: 14 * 24 * 60 * 60,
    IdToken: 3600,
    Interaction: 600,
    Session: 3600,
  },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  cookies: { keys: ["not a secret: nothing behind this provider is real"] },
  jwks: { keys: [privateKey.export({ format: "jwk" })] },
  renderError: (context, error) => {
    context.type = "json";
    context.body = error;
  },
});

provider.use(async (context, next) => {
  await next();
  const { route, body, params } = context.oidc ?? {};
  if (route === "token") {
    const kind = params?.grant_type ?? body?.grant_type;
    counts.token[kind in counts.token ? kind : "other"] += 1;
    if (context.status !== 200) counts.refused += 1;
  }
  if (route === "revocation") counts.revocation += 1;
});
provider.on("grant.error", (_context, error) => {
  if (/already (used|consumed)/.test(error.error_detail ?? "")) counts.reuse_detected += 1;
});
provider.on("server_error", (_context, error) => console.error(error));

async function decide(request, response) {
  const { prompt, params } = await provider.interactionDetails(request, response);
  const choice = /(?:^|; )choice=(\w+)/.exec(request.headers.cookie ?? "")?.[1] ?? (denies ? "deny" : "accept");
  let result;
  if (choice === "deny") {
    result = { error: "access_denied", error_description: "the user denied the access" };
  } else if (prompt.name === "login") {
    result = { login: { accountId: account } };
  } else {
    const grant = new provider.Grant({ accountId: account, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    const grantId = await grant.save();
    grants.add(grantId);
    result = { consent: { grantId } };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function lists(request, response, url) {
  const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? [];
  const found = token && (await provider.AccessToken.find(token));
  const refuse = (status, type, message) =>
    [status, { type, message, instance: `/public${url.pathname}`, status, details: [] }];
  let outcome;
  if (!found?.isValid) {
    outcome = refuse(401, "UNAUTHORIZED", "Unauthorized");
  } else if (!found.scopes.has("Manage:Pax8Data")) {
    outcome = refuse(403, "FORBIDDEN", "Insufficient scope");
  } else {
    const body = read(url.pathname, url.searchParams);
    outcome = body === undefined ? refuse(404, "NOT_FOUND", "Resource not found") : [200, body];
  }
  const calls = (counts.lists[url.pathname] ??= {});
  calls[outcome[0]] = (calls[outcome[0]] ?? 0) + 1;
  answer(response, ...outcome);
}

const standard = provider.callback();
serve = async (request, response) => {
  const url = new URL(request.url, origin);
  if (url.pathname.startsWith("/interaction/")) return decide(request, response);
  if (url.pathname.startsWith("/v1/")) return lists(request, response, url);
  // OpenID Connect gives lasting access only to who asks for the consent page; Auth0 shows it without being asked.
  const isLasting = url.searchParams.get("scope")?.split(" ").includes("offline_access");
  if (url.pathname === "/auth" && isLasting && !url.searchParams.has("prompt")) {
    url.searchParams.append("prompt", "consent");
    request.url = url.pathname + url.search;
  }
  return standard(request, response);
};

const control = createServer(async (request, response) => {
  try {
    const route = `${request.method} ${request.url}`;
    const body = request.method === "POST" ? JSON.parse((await bodyOf(request)) || "{}") : {};
    if (route === "GET /counts") return answer(response, 200, counts);
    if (route === "POST /deny") {
      denies = body.deny === true;
      return answer(response, 200, { deny: denies });
    }
    if (route === "POST /revoke") {
      const { AccessToken, RefreshToken, AuthorizationCode, Grant } = provider;
      for (const grantId of grants) {
        for (const model of [AccessToken, RefreshToken, AuthorizationCode]) await model.revokeByGrantId(grantId);
        await (await Grant.find(grantId))?.destroy();
      }
      const revoked = grants.size;
      grants.clear();
      return answer(response, 200, { revoked });
    }
    if (route === "POST /browse") return answer(response, 200, await browse(body.url, body.choice));
    return answer(response, 404, { message: `there is no ${route}` });
  } catch (error) {
    return answer(response, 400, { message: String(error) });
  }
});

const ready = {
  issuer: origin,
  authorize_url: `${origin}/auth`,
  token_url: `${origin}/token`,
  revocation_url: `${origin}/token/revocation`,
  introspection_url: `${origin}/token/introspection`,
  base_url: `${origin}/v1`,
  control_url: await listening(control, 0),
  client_id: clientId,
  client_secret: clientSecret,
  redirect_uris: redirectUris,
  scope,
};
console.log(JSON.stringify(ready));

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
