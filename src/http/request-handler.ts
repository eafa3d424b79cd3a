import type { Server } from "bun";
import { withoutAccessTokens } from "../kernel/credentials.ts";
import type { Log } from "../kernel/log.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import { errorResponse } from "./error-response.ts";
import { contextOf, RequestContext, setContext } from "./request-context.ts";

export interface RequestHandlerDeps {
	/** Never gets a HEAD: a GET stands for it. */
	readonly handle: (request: Request) => MaybePromise<Response>;
	readonly log: Log;
	readonly trustProxy: number;
	/** How long a connection may wait for its next request. */
	readonly idleTimeoutSeconds: number;
	/** Called for every finished request. */
	readonly observe?:
		| ((method: string, path: string, status: number, milliseconds: number) => void)
		| undefined;
}

/** The outermost layer: what every request gets, whatever happens to it further in. */
export interface RequestHandler {
	/** No promise where nothing has to be waited for: one for each request showed in the throughput. */
	fetch(request: Request, server: Server<undefined>): MaybePromise<Response>;
	/** Resolves when no request is under way, or after `milliseconds`; false in that case. */
	idle(milliseconds: number): Promise<boolean>;
}

export function requestHandler(deps: RequestHandlerDeps): RequestHandler {
	const { handle, log, trustProxy, idleTimeoutSeconds, observe } = deps;
	let underWay = 0;
	let whenIdle: (() => void) | undefined;

	function finished({ method }: Request, context: RequestContext, response: Response): Response {
		const { requestId, prefix, path, address, principal } = context;
		const { status } = response;
		const milliseconds = performance.now() - context.startedAt;
		observe?.(method, path, status, milliseconds);
		const at = Date.now();
		log.request({
			at,
			requestId,
			method,
			path: withoutAccessTokens(prefix + path),
			status,
			milliseconds,
			client: address,
			principal,
		});
		context.setIdleTimeout(idleTimeoutSeconds);
		underWay--;
		if (underWay === 0) whenIdle?.();
		return response;
	}

	return {
		fetch(received, server) {
			underWay++;
			const context = new RequestContext(received, server, trustProxy);
			const request = addressed(received, context);
			setContext(request, context);
			try {
				const result = request.method === "HEAD" ? headResponse(request, handle) : handle(request);
				if (!(result instanceof Promise)) return finished(request, context, result);
				return result.then(
					(response) => finished(request, context, response),
					(error) => finished(request, context, errorResponse(error, context, log)),
				);
			} catch (error) {
				return finished(request, context, errorResponse(error, context, log));
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

/**
 * The request as it is routed: without the prefix of a space. Where `Host` is missing, as HTTP/1.0 allows, Bun gives a
 * bare path instead of a URL.
 */
function addressed(request: Request, { prefix, path }: RequestContext): Request {
	const { url } = request;
	if (prefix === "" && !url.startsWith("/")) return request;
	const query = url.indexOf("?");
	return new Request(`http://localhost${path}${query === -1 ? "" : url.slice(query)}`, request);
}

/** The response to `GET` without its body (RFC 9110 §9.3.2). */
async function headResponse(request: Request, handle: RequestHandlerDeps["handle"]): Promise<Response> {
	const { headers: requested, signal, url } = request;
	// Not under its own URL, which cannot be parsed where `Host` is malformed.
	const get = new Request(`http://localhost${url.slice(url.indexOf("/", "http://".length))}`, {
		headers: requested,
		signal,
	});
	setContext(get, contextOf(request));
	const { body, headers, status } = await handle(get);
	if (headers.get("content-type")?.startsWith("text/event-stream")) await body?.cancel();
	else if (body !== null) headers.set("content-length", String((await new Response(body).bytes()).length));
	return new Response(null, { status, headers });
}
