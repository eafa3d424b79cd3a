import type { Caller, TokenCaller, UserCaller } from "../auth/store.ts";
import { type Credential, invalidCredential, presented, unauthorized } from "../http/credential.ts";
import { contextOf, type RequestContext } from "../http/request-context.ts";
import { AppError } from "../kernel/errors.ts";
import { defaultSpace, isSpaceName, type SpaceId } from "../kernel/space.ts";
import { type Right, rightsOf } from "./rights.ts";
import { noSuchSpace } from "./service.ts";
import type { Role, SpaceRow, SpaceStore } from "./store.ts";

export interface AccessDeps {
	/** Whom a credential stands for, as it is now; undefined for one that is not valid. */
	readonly callerOf: (credential: Credential) => Promise<Caller | undefined>;
	/** Says in a request's context whom it acts for. */
	readonly actFor: (context: RequestContext, caller: Caller) => void;
	readonly reach: SpaceStore["reach"];
	/** Whether everybody may read `default`. */
	readonly isOpen: boolean;
}

/** What a credential can do in a space that it reaches. */
export interface Admission {
	readonly caller: Caller;
	readonly space: SpaceId;
	/** Absent for an API key, which reaches `default` alone. */
	readonly row: SpaceRow | undefined;
	readonly role: Role | undefined;
	readonly rights: ReadonlySet<Right>;
}

export type ReachedAdmission = Admission & { readonly row: SpaceRow };

/** Decides what a request may do in its space: the one place where credentials, members, roles and scopes meet. */
export class Access {
	constructor(private readonly deps: AccessDeps) {}

	/** Whether a request may read tasks and their events without a credential. */
	isOpenTo({ spaceName }: RequestContext): boolean {
		return this.deps.isOpen && spaceName === defaultName;
	}

	/**
	 * Lets a request through that has a right in its space, and notes in its context the space and whom it acts for.
	 * Throws, in this order: `unauthorized`, `forbidden` for a wrong `X-API-Key`, `not_found` for a space that the credential
	 * does not reach, `forbidden`.
	 */
	async require(request: Request, right: Right): Promise<Admission> {
		const context = contextOf(request);
		const credential = presented(request);
		if (credential === undefined) throw unauthorized();
		const admission = await this.admit(credential, context);
		if (admission === undefined) throw noSuchSpace();
		if (!admission.rights.has(right)) throw lacking(right, admission);
		return admission;
	}

	/**
	 * What a credential can do in the space of a request; undefined if it does not reach the space. Throws `unauthorized` or
	 * `forbidden` for one that is not valid.
	 */
	async admit(credential: Credential, context: RequestContext): Promise<Admission | undefined> {
		const caller = await this.deps.callerOf(credential);
		if (caller === undefined) throw invalidCredential(credential);
		this.deps.actFor(context, caller);
		const admission = await this.#admissionOf(caller, context.spaceName);
		if (admission !== undefined) context.enter(admission.space);
		return admission;
	}

	/** As `admit`, for a credential that was admitted before and may not be valid any more. */
	async readmit(credential: Credential, spaceName: string): Promise<Admission | undefined | "invalid"> {
		const caller = await this.deps.callerOf(credential);
		return caller === undefined ? "invalid" : this.#admissionOf(caller, spaceName);
	}

	/** The space with this name, as a caller reaches it. Throws `not_found`. */
	async reach(caller: UserCaller | TokenCaller, name: string): Promise<ReachedAdmission> {
		const admission = await this.#admissionOf(caller, name);
		if (admission?.row === undefined) throw noSuchSpace();
		return { ...admission, row: admission.row };
	}

	async #admissionOf(caller: Caller, spaceName: string): Promise<Admission | undefined> {
		if (caller.kind === "key") {
			const rights = rightsOf(caller, undefined);
			return spaceName === defaultName
				? { caller, space: defaultSpace, row: undefined, role: undefined, rights }
				: undefined;
		}
		const reached = isSpaceName(spaceName) ? await this.deps.reach(spaceName, caller.user.id) : undefined;
		if (reached === undefined) return undefined;
		const { space, role } = reached;
		const named = caller.kind === "token" ? caller.token.spaces : null;
		if (named !== null && !named.includes(space.id)) return undefined;
		return { caller, space: space.id, row: space, role, rights: rightsOf(caller, role) };
	}
}

/** The name under which the routes of no other space stand. */
export const defaultName = "default";

/** Who asks, in the scope of idempotency keys: a token and its user are two. */
export function callerId({ caller }: Pick<Admission, "caller">): string {
	switch (caller.kind) {
		case "user":
			return caller.user.id;
		case "token":
			return `token/${caller.token.id}`;
		case "key":
			return caller.fingerprint;
	}
}

function lacking(right: Right, { caller, role }: Admission): AppError {
	const what = {
		read: "read tasks",
		write: "change tasks",
		jobs: "use jobs",
		own: "manage this space",
		metrics: "read the metrics",
	}[right];
	const who = { user: `the role ${role}`, token: "this access token", key: "an API key" }[caller.kind];
	return new AppError("forbidden", `With ${who} a request cannot ${what}.`);
}
