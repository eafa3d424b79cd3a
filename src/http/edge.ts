import type { Server } from "bun";
import { type Log, loggable } from "../log.ts";
import { type Call, callOf, clientAddress, registerCall, requestIdOf } from "./call.ts";
import { baseHeaders, defect, errorBody, errorHeaders, statusOf } from "./envelope.ts";

export interface EdgeDeps {
	/** Answers a request; GET stands for HEAD. */
	readonly handle: (request: Request) => Response | Promise<Response>;
	readonly log: Log;
	readonly trustProxy: number;
	/** Hears of every answered request. */
	readonly observe?:
		| ((method: string, path: string, status: number, milliseconds: number) => void)
		| undefined;
}

/** The outermost layer: what every request gets, whatever becomes of it further in. */
export interface Edge {
	fetch(request: Request, server: Server<undefined>): Promise<Response>;
	/** Resolves when no request is under way, or after `milliseconds`; false in that case. */
	idle(milliseconds: number): Promise<boolean>;
}

export function edge({ handle, log, trustProxy, observe }: EdgeDeps): Edge {
	let underWay = 0;
	let whenIdle: (() => void) | undefined;

	function failed(error: unknown, { requestId }: Call): Response {
		log.error({ err: loggable(error), request_id: requestId }, "A request failed outside its route.");
		const headers = { ...baseHeaders, ...errorHeaders(defect), "x-request-id": requestId };
		return new Response(errorBody(defect, requestId), { status: statusOf.internal, headers });
	}

	function finished(request: Request, call: Call, startedAt: number, response: Response): Response {
		const { method } = request;
		const path = pathOf(request.url);
		const { status } = response;
		const milliseconds = performance.now() - startedAt;
		observe?.(method, path, status, milliseconds);
		log.request({
			requestId: call.requestId,
			method,
			path,
			status,
			milliseconds,
			client: call.address,
			principal: call.principal,
		});
		underWay--;
		if (underWay === 0) whenIdle?.();
		return response;
	}

	return {
		async fetch(received, server) {
			const startedAt = performance.now();
			underWay++;
			const request = addressed(received);
			const socket = server.requestIP(received)?.address ?? "unknown";
			const requestId = requestIdOf(request.headers);
			const call: Call = {
				requestId,
				address: clientAddress(socket, request.headers, trustProxy),
				keepOpen: () => server.timeout(received, 0),
			};
			registerCall(request, call);
			try {
				const response = await (request.method === "HEAD" ? head(request, handle) : handle(request));
				return finished(request, call, startedAt, response);
			} catch (error) {
				return finished(request, call, startedAt, failed(error, call));
			}
		},

		async idle(milliseconds) {
			if (underWay === 0) return true;
			const { promise, resolve } = Promise.withResolvers<boolean>();
			whenIdle = () => resolve(true);
			const timer = setTimeout(() => resolve(false), milliseconds);
			try {
				return await promise;
			} finally {
				clearTimeout(timer);
			}
		},
	};
}

/** Where `Host` is missing, as HTTP/1.0 allows, Bun gives a bare path instead of a URL. */
function addressed(request: Request): Request {
	return request.url.startsWith("/") ? new Request(`http://localhost${request.url}`, request) : request;
}

/** `HEAD` answers as `GET` does, without the body (RFC 9110 §9.3.2). */
async function head(request: Request, handle: EdgeDeps["handle"]): Promise<Response> {
	const { headers: asked, signal, url } = request;
	// Not under its own URL: a `Host` that is none would make that one that cannot be read.
	const get = new Request(`http://localhost${url.slice(url.indexOf("/", "http://".length))}`, {
		headers: asked,
		signal,
	});
	registerCall(get, callOf(request));
	const { body, headers, status } = await handle(get);
	if (headers.get("content-type")?.startsWith("text/event-stream")) await body?.cancel();
	else if (body !== null) headers.set("content-length", String((await new Response(body).bytes()).length));
	return new Response(null, { status, headers });
}

/** The path of an absolute URL, without its query. */
function pathOf(url: string): string {
	const start = url.indexOf("/", url.indexOf("//") + 2);
	const end = url.indexOf("?", start);
	return end === -1 ? url.slice(start) : url.slice(start, end);
}
