// Subscribes with the clients of `graphql-ws` and `graphql-sse`, against the small schema of the tests.
import assert from "node:assert/strict";
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import WebSocket from "ws";

const { CONCORD_URL: url, CONCORD_TOKEN: token } = process.env;
const Authorization = `Bearer ${token}`;

async function collect(client, query) {
  const results = [];
  for await (const result of client.iterate({ query })) results.push(result);
  return results;
}

function socketClient(connectionParams) {
  const socketUrl = url.replace(/^http/, "ws");
  return createSocketClient({ url: socketUrl, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 });
}

const expected = [1, 2, 3].map((count) => ({ data: { count } }));
for (const [name, client] of [
  ["graphql-ws", socketClient({ Authorization })],
  ["graphql-sse", createSseClient({ url, headers: { Authorization }, retryAttempts: 0 })],
]) {
  assert.deepEqual(await collect(client, "subscription { count(to: 3) }"), expected, name);
  assert.deepEqual(await collect(client, "{ hello }"), [{ data: { hello: "world" } }], name);
  const [failing] = await collect(client, "{ hello failing }");
  assert.deepEqual(failing.data, { hello: "world", failing: null }, name);
  // Leaving a loop completes the operation; the client is still usable.
  for await (const result of client.iterate({ query: "subscription { flood(bytes: 100) }" })) {
    assert.equal(result.data.flood.length, 100, name);
    break;
  }
  assert.deepEqual(await collect(client, "{ hello }"), [{ data: { hello: "world" } }], name);
  console.log(`${name}: subscription, query, partial failure and early end as expected`);
}

await assert.rejects(collect(socketClient({ Authorization }), "{ nothing }"), (errors) => {
  assert.equal(errors[0].extensions.code, "BAD_USER_INPUT");
  return true;
});
await assert.rejects(collect(socketClient({ token: "expired" }), "{ hello }"), (event) => {
  assert.equal(event.code, 4403);
  assert.match(event.reason, /expired/);
  return true;
});
const [invalid] = await collect(createSseClient({ url, headers: { Authorization } }), "{ nothing }");
assert.equal(invalid.errors[0].extensions.code, "BAD_USER_INPUT");
await assert.rejects(collect(createSseClient({ url, retryAttempts: 0 }), "{ hello }"));
console.log("graphql-ws and graphql-sse: refusals as expected");
process.exit(0);
