// The lists of a small Pax8 account, from the fixtures of the tests, as text so that no digit of a number is touched.
import { readFileSync } from "node:fs";

const folder = new URL("../../fixtures/tiny/pax8/", import.meta.url);

function lines(name) {
  try {
    return readFileSync(new URL(name, folder), "utf8").split("\n").filter((line) => line.trim());
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

const of = (rows, name, id) => rows.filter((row) => JSON.parse(row)[name] === id);

function page(rows, query) {
  const number = Number(query.get("page") ?? 0);
  const size = Number(query.get("size") ?? 10);
  const shown = rows.slice(number * size, (number + 1) * size);
  // A list without rows has no `content` at all.
  const content = shown.length ? `"content":[${shown.join(",")}],` : "";
  const counters = { size, totalElements: rows.length, totalPages: Math.ceil(rows.length / size), number };
  return `{${content}"page":${JSON.stringify(counters)}}`;
}

const whole = (rows) => `{"content":[${rows.join(",")}]}`;

/** The answer to a read of `/v1/...`; `undefined` where there is nothing. */
export function read(path, query) {
  const [list, id, part] = path.replace(/^\/v1\//, "").split("/");
  switch (part ? `${list}/ID/${part}` : list) {
    case "companies":
    case "products":
    case "subscriptions":
    case "invoices": {
      if (list === "invoices" && id === "draftItems") return page([], query);
      const rows = lines(`${list}.jsonl`);
      return id ? of(rows, "id", id)[0] : page(rows, query);
    }
    case "orders":
      return id ? undefined : page([], query);
    case "companies/ID/contacts":
      return page([], query);
    case "products/ID/pricing":
      return of(lines("pricing.jsonl"), "productId", id)[0] ?? whole([]);
    case "subscriptions/ID/history":
      return whole(of(lines("subscription_history.jsonl"), "id", id).reverse());
    case "subscriptions/ID/usage-summaries":
      return page(of(lines("usage_summaries.jsonl"), "subscriptionId", id), query);
    case "usage-summaries/ID/usage-lines":
      return page(of(lines("usage_lines.jsonl"), "usageSummaryId", id), query);
    case "invoices/ID/items":
      return page(lines(`invoice_items/${id}.jsonl`), query);
    default:
      return undefined;
  }
}
