// Runs every audit of `graphql-http` against CONCORD_URL with CONCORD_TOKEN, and fails unless all pass.
import { auditServer } from "graphql-http";

const { CONCORD_URL: url, CONCORD_TOKEN: token } = process.env;
const fetchWithToken = (target, options = {}) => {
  const headers = new Headers(options.headers);
  headers.set("authorization", `Bearer ${token}`);
  return fetch(target, { ...options, headers });
};

const results = await auditServer({ url, fetchFn: fetchWithToken });
const figures = new Map();
for (const { name, status, reason } of results) {
  const level = name.split(" ")[0];
  const figure = figures.get(level) ?? { passed: 0, all: 0 };
  figure.all += 1;
  if (status === "ok") figure.passed += 1;
  else console.error(`${status}: ${name}: ${reason}`);
  figures.set(level, figure);
}
const passed = results.filter(({ status }) => status === "ok").length;
const levels = [...figures].map(([level, figure]) => `${level} ${figure.passed}/${figure.all}`).join(", ");
console.log(`graphql-http: ${passed} of ${results.length} audits pass (${levels})`);
process.exit(passed === results.length ? 0 : 1);
