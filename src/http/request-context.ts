import type { Server } from "bun";
import type { Actor, ChangeContext } from "../kernel/change-context.ts";
import { defaultSpace, type SpaceId } from "../kernel/space.ts";
import { clientAddress } from "./client-address.ts";
import { defaultHeaders, type ResponseHeaders } from "./envelope.ts";

/** What is known of one request, besides the request itself. */
export class RequestContext {
	readonly startedAt = performance.now();
	readonly requestId: string;
	/** The client's address: the socket's, or the one a trusted proxy names. */
	readonly address: string;
	/** The URL's path as it is routed: without its query, and without the prefix of a space. */
	readonly path: string;
	/** The prefix that was asked for, such as `/spaces/acme`; empty without one. What `Location` and `Link` begin with. */
	readonly prefix: string;
	/** The name of the space, as it was asked for. */
	readonly spaceName: string;
	/** The headers of the response; any layer may add some. */
	readonly headers: ResponseHeaders;
	/** The caller, for the log: a user's id or a key's fingerprint, once known. Never a secret. */
	principal: string | undefined;
	/** Who makes the request's changes, once a guard has found out. */
	actor: Actor | undefined;
	/** Without a credential it would get nothing: no cache that others share may keep the response. */
	isPrivate = false;
	#space: SpaceId | undefined;
	#isStream = false;

	constructor(
		private readonly received: Request,
		private readonly server: Server<undefined>,
		trustedProxies: number,
	) {
		const { headers } = received;
		const socket = server.requestIP(received)?.address ?? "unknown";
		this.requestId = requestIdOf(headers);
		this.address = clientAddress(socket, headers, trustedProxies);
		const { prefix, space, path } = inSpace(pathOf(received.url));
		this.path = path;
		this.prefix = prefix;
		this.spaceName = space;
		this.#space = space === "default" ? defaultSpace : undefined;
		this.headers = defaultHeaders(this.requestId);
	}

	/** The space that the request works in. In another space than `default` it is there once a guard has found it. */
	get space(): SpaceId {
		if (this.#space === undefined) throw new Error("a request in a space that no guard has passed");
		return this.#space;
	}

	/** The request was let into its space, which without its credential it would not have been. */
	enter(space: SpaceId): void {
		this.#space = space;
		this.isPrivate = true;
	}

	/** Lifts the server's time-out: for streams, which may be quiet for long. */
	keepOpen(): void {
		this.#isStream = true;
		this.server.timeout(this.received, 0);
	}

	/**
	 * The response is made: from now on the connection may be idle for `seconds`. The next request, once its headers are
	 * there, has the server's own time-out again.
	 */
	setIdleTimeout(seconds: number): void {
		if (this.#isStream && this.received.method !== "HEAD") return;
		this.server.timeout(this.received, seconds);
	}
}

/** A request carries its context. A WeakMap instead cost several microseconds a request, most of them in the GC. */
const key = Symbol("context");
type Carrier = Request & { [key]?: RequestContext };

export function setContext(request: Request, context: RequestContext): void {
	(request as Carrier)[key] = context;
}

/** The context of a request that the request handler took in. */
export function contextOf(request: Request): RequestContext {
	const context = (request as Carrier)[key];
	if (context === undefined) throw new Error("a request without a context");
	return context;
}

/** What the events of a request's changes bear. To be asked for after the guard: no change is made by nobody. */
export function changeContext(request: Request): ChangeContext {
	const { actor, requestId, space } = contextOf(request);
	if (actor === undefined) throw new Error("a change of a request that no guard has passed");
	return { actor, requestId, space };
}

/** What stands in a space; the routes of the space itself, such as its members, have no such part. */
const prefixed = /^(\/spaces\/([^/]+))(\/(?:collab|events|jobs)(?:\/.*)?)$/;

/** A path without the prefix of its space: the only place where prefixes are known. */
export function inSpace(path: string): {
	readonly prefix: string;
	readonly space: string;
	readonly path: string;
} {
	const [, prefix, name, rest] = path.startsWith("/spaces/") ? (prefixed.exec(path) ?? []) : [];
	if (prefix === undefined || name === undefined || rest === undefined) {
		return { prefix: "", space: "default", path };
	}
	return { prefix, space: decoded(name), path: rest };
}

function decoded(name: string): string {
	try {
		return decodeURIComponent(name);
	} catch {
		return name;
	}
}

const requestIdForm = /^[A-Za-z0-9._-]{1,128}$/;

/** The client's own `X-Request-Id` where it has the allowed form, else a new one. */
export function requestIdOf(headers: Headers): string {
	const given = headers.get("x-request-id");
	return given !== null && requestIdForm.test(given) ? given : crypto.randomUUID();
}

/** The path of a URL, without its query. Where `Host` is missing, as HTTP/1.0 allows, Bun gives a bare path for a URL. */
function pathOf(url: string): string {
	const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("//") + 2);
	const end = url.indexOf("?", start);
	return end === -1 ? url.slice(start) : url.slice(start, end);
}
