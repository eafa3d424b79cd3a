import type { Scope } from "../../src/auth/store.ts";
import type { Role } from "../../src/spaces/store.ts";

/**
 * Contract §8 as data: what each operation wants, what each credential has, and so what a request gets. Nothing here is
 * taken from the program.
 */

/** What an operation wants of a request. */
export type Wanted =
	| "nothing"
	/** A JWT or an access token. */
	| "login"
	| "jwt"
	/** A JWT or an access token that reaches the space in the path. */
	| "member"
	/** The JWT of an owner of the space in the path. */
	| "owner"
	| "read"
	/** The same, but it looks at credentials also where everybody may read. */
	| "claims"
	| "write"
	| "jobs"
	| "metrics"
	/** Either of `read` and `jobs`. */
	| "events";

export interface OperationCase {
	readonly wants: Wanted;
	readonly body?: unknown;
	/** What a request that is let in ends with. */
	readonly through: number;
	/** Instead of the document's path; `{task}` and `{job}` are those of the space. */
	readonly path?: string;
}

/** Every operation of the document. */
export const operations: Readonly<Record<string, OperationCase>> = {
	"GET /healthz": { wants: "nothing", through: 200 },
	"POST /auth/login": { wants: "nothing", body: {}, through: 422 },
	"GET /auth/me": { wants: "login", through: 200 },
	"PATCH /auth/me": { wants: "jwt", body: { name: 1 }, through: 422 },
	"GET /auth/actors": { wants: "login", through: 422 },
	"GET /auth/actors/{kind}/{id}": { wants: "login", path: "/auth/actors/user/nobody", through: 404 },
	"GET /auth/tokens": { wants: "jwt", through: 200 },
	"POST /auth/tokens": { wants: "jwt", body: {}, through: 422 },
	"DELETE /auth/tokens/{id}": { wants: "jwt", path: "/auth/tokens/none", through: 404 },
	"GET /collab/state/tasks": { wants: "read", through: 200 },
	"POST /collab/tasks": { wants: "write", body: {}, through: 422 },
	"POST /collab/tasks/batch": { wants: "write", body: {}, through: 422 },
	"GET /collab/tasks/stats": { wants: "read", through: 200 },
	"GET /collab/tasks/{id}": { wants: "read", path: "/collab/tasks/{task}", through: 200 },
	"PATCH /collab/tasks/{id}": { wants: "write", path: "/collab/tasks/{task}", body: {}, through: 428 },
	"DELETE /collab/tasks/{id}": { wants: "write", path: "/collab/tasks/{task}", through: 428 },
	"GET /collab/claims": { wants: "claims", through: 200 },
	"POST /collab/tasks/claim": { wants: "write", body: { holder: 1 }, through: 422 },
	"POST /collab/tasks/{id}/claim": {
		...{ wants: "write", path: "/collab/tasks/{task}/claim", body: { holder: 1 }, through: 422 },
	},
	"POST /collab/tasks/{id}/heartbeat": {
		...{ wants: "write", path: "/collab/tasks/{task}/heartbeat", body: {}, through: 422 },
	},
	"POST /collab/tasks/{id}/release": {
		...{ wants: "write", path: "/collab/tasks/{task}/release", body: {}, through: 422 },
	},
	"POST /collab/tasks/{id}/complete": {
		...{ wants: "write", path: "/collab/tasks/{task}/complete", body: {}, through: 422 },
	},
	// There is none.
	"GET /collab/tasks/{id}/result": { wants: "read", path: "/collab/tasks/{task}/result", through: 404 },
	"GET /collab/tasks/{id}/comments": { wants: "read", path: "/collab/tasks/{task}/comments", through: 200 },
	"POST /collab/tasks/{id}/comments": {
		...{ wants: "write", path: "/collab/tasks/{task}/comments", body: {}, through: 422 },
	},
	"DELETE /collab/tasks/{id}/comments/{comment}": {
		...{ wants: "write", path: "/collab/tasks/{task}/comments/none", through: 404 },
	},
	"GET /events": { wants: "events", through: 200 },
	"GET /events/tail": { wants: "events", path: "/events/tail?last_event_id=x", through: 422 },
	"GET /jobs": { wants: "jobs", through: 200 },
	"POST /jobs": { wants: "jobs", body: {}, through: 422 },
	"POST /jobs/batch": { wants: "jobs", body: {}, through: 422 },
	"POST /jobs/lease": { wants: "jobs", body: {}, through: 422 },
	"GET /jobs/stats": { wants: "jobs", through: 200 },
	"GET /jobs/{id}": { wants: "jobs", path: "/jobs/{job}", through: 200 },
	// The job has ended.
	"POST /jobs/{id}/cancel": { wants: "jobs", path: "/jobs/{job}/cancel", through: 409 },
	"POST /jobs/{id}/retry": { wants: "jobs", path: "/jobs/{job}/retry", through: 409 },
	"POST /jobs/{id}/heartbeat": { wants: "jobs", path: "/jobs/{job}/heartbeat", body: {}, through: 422 },
	"POST /jobs/{id}/complete": { wants: "jobs", path: "/jobs/{job}/complete", body: {}, through: 422 },
	"POST /jobs/{id}/fail": { wants: "jobs", path: "/jobs/{job}/fail", body: {}, through: 422 },
	"GET /metrics": { wants: "metrics", through: 200 },
	"GET /spaces": { wants: "login", through: 200 },
	"POST /spaces": { wants: "jwt", body: {}, through: 422 },
	"GET /spaces/{space}": { wants: "member", through: 200 },
	"PATCH /spaces/{space}": { wants: "owner", body: {}, through: 428 },
	"DELETE /spaces/{space}": { wants: "owner", through: 428 },
	"GET /spaces/{space}/members": { wants: "member", through: 200 },
	"POST /spaces/{space}/members": { wants: "owner", body: {}, through: 422 },
	"DELETE /spaces/{space}/members/{id}": {
		wants: "owner",
		path: "/spaces/{space}/members/nobody",
		through: 404,
	},
};

/** The roles of a user, by the names of spaces. */
export type Roles = Readonly<Record<string, Role>>;

/** Whom a credential stands for. */
export type Holder =
	| { readonly kind: "wrong" }
	| { readonly kind: "key" }
	| { readonly kind: "jwt"; readonly roles: Roles }
	| {
			readonly kind: "token";
			readonly roles: Roles;
			readonly scopes: readonly Scope[];
			/** Absent: all of its user's. */
			readonly spaces?: readonly string[];
	  };

export interface CredentialCase {
	readonly headers: Readonly<Record<string, string>>;
	readonly bearer?: Holder;
	readonly key?: Holder & { readonly isAccessToken: boolean };
}

/** `default` under one of its two addresses, or another space. */
export interface Place {
	readonly prefix: string;
	readonly space: string;
}

const order: readonly Role[] = ["reader", "writer", "owner"];

const least: Readonly<Record<"read" | "write" | "jobs" | "metrics", { role: Role; scopes: Scope[] }>> = {
	read: { role: "reader", scopes: ["tasks:read", "tasks:write"] },
	write: { role: "writer", scopes: ["tasks:write"] },
	jobs: { role: "writer", scopes: ["jobs"] },
	metrics: { role: "owner", scopes: ["metrics"] },
};

/** The status of a request; `isPublic`: under `READS=public`. */
export function expectedStatus(
	{ wants, through }: OperationCase,
	credential: CredentialCase,
	path: string,
	space: string,
	isPublic: boolean,
): number {
	const isOpen = isPublic && space === "default";
	if (wants === "nothing" || (wants === "read" && isOpen)) return through;
	const shown = presentedBy(credential, path);
	const isShownToAll = isOpen && (wants === "events" || wants === "claims");
	if (shown === undefined) return isShownToAll ? through : 401;
	const { holder, isInKey } = shown;
	if (holder.kind === "wrong") return isInKey ? 403 : 401;
	if (wants === "login") return through;
	if (wants === "jwt" || wants === "owner") {
		if (holder.kind !== "jwt") return 403;
		if (wants === "jwt") return through;
	}
	if (!isReached(holder, space)) return isShownToAll ? through : 404;
	return isAllowed(holder, wants, space) || isShownToAll ? through : 403;
}

/** On `/jobs`, `/events` and `/metrics` the key comes first; elsewhere last, and only an access token counts there. */
function presentedBy({ bearer, key }: CredentialCase, path: string) {
	const ofKey = key && { holder: key, isInKey: true };
	const ofBearer = bearer && { holder: bearer, isInKey: false };
	if (/^\/(jobs|events|metrics)/.test(path)) return ofKey ?? ofBearer;
	return ofBearer ?? (key?.isAccessToken ? ofKey : undefined);
}

function isReached(holder: Holder, space: string): boolean {
	if (holder.kind === "wrong") return false;
	if (holder.kind === "key") return space === "default";
	if (holder.kind === "token" && holder.spaces?.includes(space) === false) return false;
	return holder.roles[space] !== undefined;
}

function isAllowed(holder: Holder, wants: Wanted, space: string): boolean {
	if (wants === "events") return isAllowed(holder, "read", space) || isAllowed(holder, "jobs", space);
	if (wants === "claims") return isAllowed(holder, "read", space);
	if (holder.kind === "wrong") return false;
	if (holder.kind === "key") return wants === "jobs" || wants === "metrics";
	const role = holder.roles[space];
	if (wants === "member") return true;
	if (wants === "owner") return role === "owner";
	if (wants === "nothing" || wants === "login" || wants === "jwt") return true;
	const { role: leastRole, scopes } = least[wants];
	if (role === undefined || order.indexOf(role) < order.indexOf(leastRole)) return false;
	if (holder.kind === "jwt") return wants !== "metrics";
	return scopes.some((scope) => holder.scopes.includes(scope));
}
