import type { Host } from "./carrier.js";

/** An address of the gateway beside the application's own, for HTTP. */
export const address = (url: string, path: string): URL => new URL("/.keepwire/" + path, url.replace(/^ws/, "http"));

export interface Diagnosis {
  ok: boolean;
  transports?: string[];
}

/** What the gateway says of itself; or the status of whoever answers instead; or nothing, if nobody does. */
export const diagnose = async ({ _sleep, _cancel, _url }: Host): Promise<Diagnosis | number | undefined> => {
  const abort = new AbortController();
  // Browsers call their timers illegal if these are called as methods.
  const timer = _sleep(() => abort.abort(), 5000);
  try {
    const answer = await fetch(address(_url(), "diagnose"), { cache: "no-store", signal: abort.signal });
    return answer.ok ? await answer.json() : answer.status;
  } catch {
    return;
  } finally {
    _cancel(timer);
  }
};
