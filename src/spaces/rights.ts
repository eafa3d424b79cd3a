import type { Caller, Scope } from "../auth/store.ts";
import { type Role, roles } from "./store.ts";

/** What routes ask for. `own`: members, title and deletion of a space, and anybody's comments. */
export type Right = "read" | "write" | "jobs" | "own" | "metrics";

/** The least role for a right, and the scopes of which a token needs one; with none it can never have it. */
const wanted: Readonly<Record<Right, { readonly role: Role; readonly scopes: readonly Scope[] }>> = {
	read: { role: "reader", scopes: ["tasks:read", "tasks:write"] },
	write: { role: "writer", scopes: ["tasks:write"] },
	jobs: { role: "writer", scopes: ["jobs"] },
	own: { role: "owner", scopes: [] },
	metrics: { role: "owner", scopes: ["metrics"] },
};

const rights = Object.keys(wanted) as readonly Right[];

/** The rights of a caller with this role in a space that it reaches. A token has those that role and scopes both allow. */
export function rightsOf(caller: Caller, role: Role | undefined): ReadonlySet<Right> {
	return new Set(rights.filter((right) => hasRight(caller, role, right)));
}

function hasRight(caller: Caller, role: Role | undefined, right: Right): boolean {
	if (caller.kind === "key") return right === "jobs" || right === "metrics";
	if (role === undefined || roles.indexOf(role) < roles.indexOf(wanted[right].role)) return false;
	if (caller.kind === "user") return right !== "metrics";
	return wanted[right].scopes.some((scope) => caller.token.scopes.includes(scope));
}
