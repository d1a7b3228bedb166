// The page of the GraphQL editor. Runs with a nonce; everything it needs to know is in #settings.
"use strict";
(() => {
  const settings = JSON.parse(document.getElementById("settings").textContent);
  const endpoint = new URL(settings.endpoint, location.href).href;
  const PLACEHOLDER = "Bearer PASTE_YOUR_TOKEN_HERE";
  const element = (id) => document.getElementById(id);

  // A token behind the # never reaches the server; it is taken out of the address so that it is not shared with it.
  const fragment = new URLSearchParams(location.hash.slice(1));
  let isFreshToken = false;
  if (fragment.has("token")) {
    remember("concord.token", fragment.get("token"));
    isFreshToken = true;
    history.replaceState(null, "", location.pathname + location.search);
  }

  function remember(key, value) {
    try { sessionStorage.setItem(key, value); } catch { window[key] = value; }
  }
  function recall(key) {
    try { return sessionStorage.getItem(key) ?? window[key] ?? ""; } catch { return window[key] ?? ""; }
  }

  element("example").textContent =
    `curl ${endpoint} -H 'Authorization: Bearer TOKEN' -H 'Content-Type: application/json' -d '{"query": "{ __typename }"}'`;

  function explainFailure() {
    element("loading").hidden = true;
    element("failed").hidden = false;
  }

  // What the editor keeps stays in this tab of the browser, and begins anew with a new token or new operations.
  function storage() {
    const prefix = "concord.graphiql:";
    const edition = JSON.stringify(settings.operations);
    const keys = () => Object.keys(sessionStorage).filter((key) => key.startsWith(prefix));
    try {
      if (isFreshToken || sessionStorage.getItem("concord.edition") !== edition) {
        keys().forEach((key) => sessionStorage.removeItem(key));
        sessionStorage.setItem("concord.edition", edition);
      }
    } catch {
      const kept = new Map();
      return {
        get length() { return kept.size; },
        getItem: (key) => kept.get(key) ?? null,
        setItem: (key, value) => { kept.set(key, value); },
        removeItem: (key) => { kept.delete(key); },
        clear: () => kept.clear(),
      };
    }
    return {
      get length() { return keys().length; },
      getItem: (key) => sessionStorage.getItem(prefix + key),
      setItem: (key, value) => sessionStorage.setItem(prefix + key, value),
      removeItem: (key) => sessionStorage.removeItem(prefix + key),
      clear: () => keys().forEach((key) => sessionStorage.removeItem(key)),
    };
  }

  // The headers of the tab win; its placeholder, or none at all, means the token of the page.
  function headersOf(options) {
    const headers = { ...(options?.headers ?? {}) };
    const name = Object.keys(headers).find((key) => key.toLowerCase() === "authorization");
    if (name === undefined || headers[name] === PLACEHOLDER) {
      if (name !== undefined) delete headers[name];
      const token = recall("concord.token");
      if (token !== "") headers.Authorization = `Bearer ${token}`;
    }
    return headers;
  }

  function isSubscription(parameters, options) {
    const operations = (options?.documentAST?.definitions ?? []).filter((one) => one.kind === "OperationDefinition");
    const chosen = operations.find((one) => one.name?.value === parameters.operationName) ?? operations[0];
    return chosen?.operation === "subscription";
  }

  async function send(parameters, options, accept, signal) {
    return fetch(endpoint, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headersOf(options), Accept: accept },
      body: JSON.stringify(parameters),
      signal,
      credentials: "omit",
    });
  }

  // Events of a `graphql-sse` stream, as results.
  async function* follow(parameters, options) {
    const stop = new AbortController();
    try {
      const response = await send(parameters, options, "text/event-stream", stop.signal);
      if (!(response.headers.get("content-type") ?? "").startsWith("text/event-stream")) {
        yield await response.json();
        return;
      }
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        text += value;
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const lines = text.slice(0, end).split("\n");
          text = text.slice(end + 2);
          const field = (name) => lines.filter((line) => line.startsWith(`${name}:`))
            .map((line) => line.slice(name.length + 1).trimStart()).join("\n");
          if (field("event") === "complete") return;
          if (field("event") === "next") yield JSON.parse(field("data"));
        }
      }
    } finally {
      stop.abort();
    }
  }

  function fetcher(parameters, options) {
    if (isSubscription(parameters, options)) return follow(parameters, options);
    return send(parameters, options, "application/graphql-response+json, application/json")
      .then((response) => response.json());
  }

  function showToken() {
    const form = element("token-form");
    form.hidden = false;
    element("token-state").textContent = recall("concord.token") === "" ? "No token yet." : "A token is set.";
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      remember("concord.token", element("token").value.trim());
      location.reload();
    });
  }

  function start() {
    if (!window.React || !window.ReactDOM || !window.GraphiQL) {
      explainFailure();
      return;
    }
    element("notice").hidden = true;
    showToken();
    const token = recall("concord.token");
    const headers = JSON.stringify({ Authorization: token === "" ? PLACEHOLDER : `Bearer ${token}` }, null, 2);
    const tabs = settings.operations.map((one) => {
      // The editor names a tab after its operation; one without a name shows its title as a comment.
      const isNamed = /^\s*(query|mutation|subscription)\s+[_A-Za-z]/m.test(one.document);
      return { query: isNamed ? one.document : `# ${one.title}\n${one.document}`, variables: one.variables, headers };
    });
    const kept = storage();
    // The editor forgets the variables of the first of the given tabs unless they are already kept.
    if (kept.length === 0 && tabs.length > 0) kept.setItem("graphiql:variables", tabs[0].variables);
    const properties = {
      fetcher,
      storage: kept,
      defaultHeaders: headers,
      defaultEditorToolsVisibility: "variables",
      isHeadersEditorEnabled: true,
      shouldPersistHeaders: false,
    };
    if (tabs.length > 0) properties.defaultTabs = tabs;
    ReactDOM.createRoot(element("editor")).render(React.createElement(GraphiQL, properties));
  }

  // Deferred scripts have run or failed by then. A network that swallows packets takes longer than a person waits.
  const patience = setTimeout(explainFailure, 8000);
  document.addEventListener("DOMContentLoaded", () => { clearTimeout(patience); start(); });
})();
