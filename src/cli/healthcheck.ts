import { environment } from "./environment.ts";

/** 0 if the server at HOST:PORT says that it is healthy, 1 if not. */
export async function healthcheck(): Promise<number> {
	const { host, port } = environment();
	const url = `${reachableUrl(`http://localhost:${port}`, host)}/healthz`;
	// A container may be given HTTP_PROXY; the proxy has no way back to this machine's loopback.
	process.env.NO_PROXY = "*";
	try {
		const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
		if (response.ok) return 0;
		console.error(`orchestrator: ${url} answered ${response.status}.`);
	} catch {
		console.error(`orchestrator: ${url} does not answer.`);
	}
	return 1;
}

const reachableOf: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };

/** The URL at which a server that listens on this host can be reached from here; without a slash at its end. */
export function reachableUrl(url: string, host: string): string {
	const reachable = new URL(url);
	reachable.hostname = reachableOf[host] ?? (host.includes(":") ? `[${host}]` : host);
	return reachable.origin;
}
