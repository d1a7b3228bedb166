// A browser without eyes: keeps cookies, and follows redirects as long as they stay at the provider.

/**
 * Goes from an authorization address to where the provider sends the person in the end: `location`, or the page that it
 * stays on. The person decides as `choice` says, `accept` or `deny`; without it, as the provider was told.
 */
export async function browse(address, choice) {
  const { origin } = new URL(address);
  const jar = new Map(choice ? [["choice", choice]] : []);
  let next = address;
  for (let hops = 0; hops < 20; hops += 1) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(next, { headers: { cookie }, redirect: "manual" });
    for (const header of answer.headers.getSetCookie()) {
      const [pair] = header.split(";");
      const name = pair.slice(0, pair.indexOf("="));
      const value = pair.slice(name.length + 1);
      if (value) jar.set(name, value);
      else jar.delete(name);
    }
    const location = answer.headers.get("location");
    if (!location) return { status: answer.status, body: await answer.text() };
    await answer.arrayBuffer();
    const target = new URL(location, next);
    if (target.origin !== origin) return { location };
    next = target.href;
  }
  throw new Error(`${address} leads in circles`);
}
