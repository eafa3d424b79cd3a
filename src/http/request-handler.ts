import type { Server } from "bun";
import type { Log } from "../log.ts";
import { errorResponse } from "./error-response.ts";
import { contextOf, RequestContext, setContext } from "./request-context.ts";

export interface RequestHandlerDeps {
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
export interface RequestHandler {
	/** Answers at once where nothing has to be waited for: a promise for each request showed in the throughput. */
	fetch(request: Request, server: Server<undefined>): Response | Promise<Response>;
	/** Resolves when no request is under way, or after `milliseconds`; false in that case. */
	idle(milliseconds: number): Promise<boolean>;
}

export function requestHandler({ handle, log, trustProxy, observe }: RequestHandlerDeps): RequestHandler {
	let underWay = 0;
	let whenIdle: (() => void) | undefined;

	function finished({ method }: Request, call: RequestContext, response: Response): Response {
		const { requestId, path, address, principal } = call;
		const { status } = response;
		const milliseconds = performance.now() - call.startedAt;
		observe?.(method, path, status, milliseconds);
		const at = Date.now();
		log.request({ at, requestId, method, path, status, milliseconds, client: address, principal });
		underWay--;
		if (underWay === 0) whenIdle?.();
		return response;
	}

	return {
		fetch(received, server) {
			underWay++;
			const request = addressed(received);
			const call = new RequestContext(received, server, trustProxy);
			setContext(request, call);
			try {
				const answer = request.method === "HEAD" ? head(request, handle) : handle(request);
				if (!(answer instanceof Promise)) return finished(request, call, answer);
				return answer.then(
					(response) => finished(request, call, response),
					(error) => finished(request, call, errorResponse(error, call, log)),
				);
			} catch (error) {
				return finished(request, call, errorResponse(error, call, log));
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
async function head(request: Request, handle: RequestHandlerDeps["handle"]): Promise<Response> {
	const { headers: asked, signal, url } = request;
	// Not under its own URL: a `Host` that is none would make that one that cannot be read.
	const get = new Request(`http://localhost${url.slice(url.indexOf("/", "http://".length))}`, {
		headers: asked,
		signal,
	});
	setContext(get, contextOf(request));
	const { body, headers, status } = await handle(get);
	if (headers.get("content-type")?.startsWith("text/event-stream")) await body?.cancel();
	else if (body !== null) headers.set("content-length", String((await new Response(body).bytes()).length));
	return new Response(null, { status, headers });
}
