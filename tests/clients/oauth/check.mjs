// Shows that the provider itself behaves, so that a fault in the stand-in is not taken for one of Concord.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { browse } from "./browser.mjs";

const redirectUri = "http://127.0.0.1:9/oauth/callback/pax8";
const script = fileURLToPath(new URL("provider.mjs", import.meta.url));

/** A provider whose tokens and codes are good for so many seconds, and what an application does with it. */
async function start({ access, refresh: lasting, code: waiting }) {
  const seconds = ["--access-token-seconds", access, "--refresh-token-seconds", lasting, "--code-seconds", waiting];
  const child = spawn(process.execPath, [script, "--redirect-uri", redirectUri, ...seconds.map(String)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const at = await Promise.race([
    new Promise((resolve) => createInterface(child.stdout).once("line", (line) => resolve(JSON.parse(line)))),
    ended.then((code) => assert.fail(`the provider ended with ${code}`)),
  ]);

  const control = async (path, body) => {
    const init = body && { method: "POST", body: JSON.stringify(body) };
    return (await fetch(`${at.control_url}/${path}`, init)).json();
  };
  function request(changes = {}) {
    const verifier = randomBytes(32).toString("base64url");
    const parameters = {
      response_type: "code",
      client_id: at.client_id,
      redirect_uri: redirectUri,
      scope: at.scope,
      state: "as it came",
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
      audience: "https://api.pax8.com",
      ...changes,
    };
    const present = Object.entries(parameters).filter(([, value]) => value !== undefined);
    return { verifier, url: `${at.authorize_url}?${new URLSearchParams(present)}` };
  }
  async function code() {
    const { verifier, url } = request();
    const answer = told(await browse(url));
    assert.deepEqual([answer.state, answer.iss], ["as it came", at.issuer]);
    return { verifier, code: answer.code };
  }
  async function post(url, form) {
    const body = new URLSearchParams({ client_id: at.client_id, client_secret: at.client_secret, ...form });
    const answer = await fetch(url, { method: "POST", body });
    const text = await answer.text();
    return { status: answer.status, ...(text && JSON.parse(text)) };
  }
  const exchange = ({ code, verifier }, changes = {}) =>
    post(at.token_url, {
      grant_type: "authorization_code",
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
      ...changes,
    });
  const refresh = ({ refresh_token }) => post(at.token_url, { grant_type: "refresh_token", refresh_token });
  async function tokens() {
    const given = await exchange(await code());
    assert.equal(given.status, 200, JSON.stringify(given));
    return given;
  }
  const list = async ({ access_token }, path = "companies") => {
    const answer = await fetch(`${at.base_url}/${path}`, { headers: { authorization: `Bearer ${access_token}` } });
    return { status: answer.status, body: await answer.json() };
  };
  async function end() {
    child.stdin.end();
    assert.equal(await ended, 0, "the provider ends when its input is closed");
  }
  return { at, control, request, code, post, exchange, refresh, tokens, list, end };
}

const told = ({ location }) => {
  assert.ok(location?.startsWith(`${redirectUri}?`), `sent to ${location}`);
  return Object.fromEntries(new URL(location).searchParams);
};
const isGone = (answer) => assert.deepEqual([answer.status, answer.error], [400, "invalid_grant"]);

// Everything here lasts long enough for a slow machine: what is refused is refused for its reason, not for its age.
const provider = await start({ access: 600, refresh: 3600, code: 60 });
const { at, control, request, code, post, exchange, refresh, tokens, list } = provider;
assert.deepEqual(at.redirect_uris, [redirectUri]);

// The way of somebody who accepts.
const first = await tokens();
assert.deepEqual([first.token_type, first.expires_in, first.scope], ["Bearer", 600, at.scope]);
const { status, body } = await list(first, "companies?size=2");
assert.deepEqual([status, body.content.length, body.page.totalPages], [200, 2, 2]);
for (const path of ["products", "subscriptions", "invoices", "invoices/10000000-0000-4000-8000-000000000001/items"]) {
  const { status, body } = await list(first, path);
  assert.ok(status === 200 && body.content.length > 0, path);
}
assert.equal((await list({ access_token: "made up" })).status, 401);
assert.equal((await list(first, "nothing")).status, 404);
console.log("provider: consent, exchange and lists as expected");

// Rotation, and the end of a family.
const other = await tokens();
const second = await refresh(await tokens());
assert.equal(second.status, 200);
const third = await refresh(second);
assert.ok(third.status === 200 && third.refresh_token !== second.refresh_token);
assert.equal((await list(third)).status, 200);
isGone(await refresh(second));
assert.equal((await list(third)).status, 401, "reuse ends the access tokens as well");
isGone(await refresh(third));
assert.equal((await refresh(other)).status, 200, "another grant is untouched");
assert.equal((await control("counts")).reuse_detected, 1);
console.log("provider: refresh tokens rotate, and reuse ends the family");

// Codes.
const once = await code();
const given = await exchange(once);
assert.equal(given.status, 200);
isGone(await exchange(once));
assert.equal((await list(given)).status, 401, "a code that comes twice ends what it gave");
const mismatched = await code();
isGone(await exchange(mismatched, { code_verifier: randomBytes(32).toString("base64url") }));
isGone(await exchange(await code(), { redirect_uri: "http://127.0.0.1:8/oauth/callback/pax8" }));
const stranger = await exchange(await code(), { client_secret: "wrong" });
assert.deepEqual([stranger.status, stranger.error], [401, "invalid_client"]);
console.log("provider: codes are good once, and for their own request");

// Requests that are refused.
const withoutChallenge = request({ code_challenge: undefined, code_challenge_method: undefined });
assert.equal(told(await browse(withoutChallenge.url)).error, "invalid_request");
assert.equal(told(await browse(request({ code_challenge_method: "plain" }).url)).error, "invalid_request");
for (const changes of [{ redirect_uri: `${redirectUri}/more` }, { client_id: "another" }]) {
  const page = await browse(request(changes).url);
  assert.deepEqual([page.status, page.location], [400, undefined]);
}
assert.equal(told(await browse(request().url, "deny")).error, "access_denied");
await control("deny", { deny: true });
assert.deepEqual(told(await control("browse", { url: request().url })).error, "access_denied");
await control("deny", { deny: false });
assert.ok(told(await control("browse", { url: request().url })).code);
console.log("provider: PKCE is required, addresses are exact, and people may deny");

// Revocation, by the application and by the provider.
const revoked = await tokens();
assert.equal((await post(at.revocation_url, { token: revoked.refresh_token })).status, 200);
assert.equal((await list(revoked)).status, 401);
isGone(await refresh(revoked));
const withdrawn = await tokens();
assert.equal((await post(at.introspection_url, { token: withdrawn.access_token })).active, true);
assert.ok((await control("revoke", {})).revoked > 0);
assert.equal((await list(withdrawn)).status, 401);
isGone(await refresh(withdrawn));
console.log("provider: revocation ends grants");

const counts = await control("counts");
assert.deepEqual([counts.revocation, counts.reuse_detected], [1, 2]);
assert.deepEqual(counts.token, { authorization_code: 10, refresh_token: 7, other: 0 });
assert.ok(counts.lists["/v1/companies"][200] > 0 && counts.lists["/v1/companies"][401] > 0);
await provider.end();

// Age.
const hasty = await start({ access: 1, refresh: 2, code: 3 });
const [late, aging] = [await hasty.code(), await hasty.tokens()];
await sleep(4_000);
isGone(await hasty.exchange(late));
assert.equal((await hasty.list(aging)).status, 401, "access tokens expire");
isGone(await hasty.refresh(aging));
await hasty.end();
console.log("provider: codes and tokens expire");
