import { environment } from "./environment.ts";

/** 0 if the server at HOST:PORT says that it is healthy, 1 if not. */
export async function healthcheck(): Promise<number> {
	const { host, port } = environment();
	const url = `http://${reachable(host)}:${port}/healthz`;
	try {
		const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
		if (response.ok) return 0;
		console.error(`orchestrator: ${url} answered ${response.status}.`);
	} catch {
		console.error(`orchestrator: ${url} does not answer.`);
	}
	return 1;
}

/** Where a server that listens on this host can be reached from here. */
export function reachable(host: string): string {
	if (host === "0.0.0.0") return "127.0.0.1";
	if (host === "::") return "[::1]";
	return host.includes(":") ? `[${host}]` : host;
}
