import type { Server } from "bun";
import type { Log } from "../log.ts";
import { type Call, callOf, clientAddress, registerCall, requestIdOf } from "./call.ts";
import { defect, errorBody, errorHeaders, statusOf } from "./envelope.ts";

export interface EdgeDeps {
	/** Answers a request; GET stands for HEAD. */
	readonly handle: (request: Request) => Response | Promise<Response>;
	readonly log: Log;
	readonly trustProxy: number;
}

/** The outermost layer: what every request gets, whatever becomes of it further in. */
export interface Edge {
	fetch(request: Request, server: Server<undefined>): Promise<Response>;
	/** Resolves when no request is under way, or after `milliseconds`; false in that case. */
	idle(milliseconds: number): Promise<boolean>;
}

export function edge({ handle, log, trustProxy }: EdgeDeps): Edge {
	let underWay = 0;
	let whenIdle: (() => void) | undefined;

	async function answer(request: Request, requestId: string): Promise<Response> {
		try {
			return request.method === "HEAD" ? await head(request, handle) : await handle(request);
		} catch (error) {
			log.error({ err: error, request_id: requestId }, "A request failed outside its route.");
			const headers = { ...errorHeaders(defect), "x-request-id": requestId };
			return new Response(errorBody(defect, requestId), { status: statusOf.internal, headers });
		}
	}

	return {
		async fetch(request, server) {
			const startedAt = performance.now();
			underWay++;
			const requestId = requestIdOf(request.headers);
			const socket = server.requestIP(request)?.address ?? "unknown";
			const call: Call = { requestId, address: clientAddress(socket, request.headers, trustProxy) };
			registerCall(request, call);
			try {
				const response = await answer(request, requestId);
				logRequest(log, request, call, response.status, performance.now() - startedAt);
				return response;
			} finally {
				underWay--;
				if (underWay === 0) whenIdle?.();
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

/** `HEAD` answers as `GET` does, without the body (RFC 9110 §9.3.2). */
async function head(request: Request, handle: EdgeDeps["handle"]): Promise<Response> {
	const get = new Request(request, { method: "GET" });
	registerCall(get, callOf(request));
	const { body, headers, status } = await handle(get);
	if (headers.get("content-type")?.startsWith("text/event-stream")) await body?.cancel();
	else if (body !== null) headers.set("content-length", String((await new Response(body).bytes()).length));
	return new Response(null, { status, headers });
}

/** One line a request. The path without the query, no header, no body: nothing secret can be in it. */
function logRequest(log: Log, request: Request, call: Call, status: number, milliseconds: number): void {
	const { pathname } = new URL(request.url);
	log.info(
		{
			request_id: call.requestId,
			method: request.method,
			path: pathname,
			status,
			ms: Math.round(milliseconds * 100) / 100,
			client: call.address,
			principal: call.principal,
		},
		"request",
	);
}
