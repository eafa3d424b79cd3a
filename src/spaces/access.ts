import type { Caller, Identity, KeyCaller, TokenCaller, UserCaller } from "../auth/store.ts";
import { type Credential, invalidCredential, presented, unauthorized } from "../http/credential.ts";
import { contextOf, type RequestContext } from "../http/request-context.ts";
import { AppError } from "../kernel/errors.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import { defaultSpace, isSpaceName, type SpaceId } from "../kernel/space.ts";
import { type Right, rightsOf } from "./rights.ts";
import { noSuchSpace } from "./service.ts";
import type { MemberLookUp, ReachedSpace, Role, SpaceRow, SpaceStore } from "./store.ts";

export interface AccessDeps {
	/** Whom a credential stands for, as it is now; undefined for one that is not valid. */
	readonly callerOf: (credential: Credential) => Promise<Caller | undefined>;
	/** Says in a request's context whom it acts for. */
	readonly actFor: (context: RequestContext, caller: Caller) => void;
	/** Whom a JWT was issued to; undefined for any other credential. Asks no database. */
	readonly identityOf: (credential: Credential) => MaybePromise<Identity | undefined>;
	readonly lookUp: SpaceStore["lookUp"];
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
		const known = await this.#lookUp(credential, context.spaceName);
		if (known === undefined) throw invalidCredential(credential);
		this.deps.actFor(context, known.caller);
		const { admission } = known;
		if (admission !== undefined) context.enter(admission.space);
		return admission;
	}

	/** As `admit`, for a credential that was admitted before and may not be valid any more. */
	async readmit(credential: Credential, spaceName: string): Promise<Admission | undefined | "invalid"> {
		const known = await this.#lookUp(credential, spaceName);
		return known === undefined ? "invalid" : known.admission;
	}

	/** The space with this name, as a caller reaches it. Throws `not_found`. */
	async reach(caller: UserCaller | TokenCaller, name: string): Promise<ReachedAdmission> {
		const { reached } = await this.#find(name, caller.user.id);
		const { admission } = admitted(caller, reached);
		if (admission?.row === undefined) throw noSuchSpace();
		return { ...admission, row: admission.row };
	}

	/** The user of a JWT and the space are looked up together. */
	async #lookUp(credential: Credential, spaceName: string): Promise<Known | undefined> {
		const { callerOf, identityOf } = this.deps;
		const identity = await identityOf(credential);
		if (identity !== undefined) {
			const { user, reached } = await this.#find(spaceName, identity.userId);
			return user?.tokenGeneration === identity.tokenGeneration
				? admitted({ kind: "user", user }, reached)
				: undefined;
		}
		const caller = await callerOf(credential);
		if (caller === undefined) return undefined;
		if (caller.kind === "key") return admittedKey(caller, spaceName);
		return admitted(caller, (await this.#find(spaceName, caller.user.id)).reached);
	}

	/** What no space can be named reaches no database: Postgres refuses a NUL, together with all that it was asked with. */
	#find(spaceName: string, userId: string): Promise<MemberLookUp> {
		return this.deps.lookUp(isSpaceName(spaceName) ? spaceName : noName, userId);
	}
}

/** A valid credential, and what it can do if it reaches the space. */
interface Known {
	readonly caller: Caller;
	readonly admission: Admission | undefined;
}

function admitted(caller: UserCaller | TokenCaller, reached: ReachedSpace | undefined): Known {
	const named = caller.kind === "token" ? caller.token.spaces : null;
	if (reached === undefined || named?.includes(reached.space.id) === false) {
		return { caller, admission: undefined };
	}
	const { space, role } = reached;
	return { caller, admission: { caller, space: space.id, row: space, role, rights: rightsOf(caller, role) } };
}

function admittedKey(caller: KeyCaller, spaceName: string): Known {
	const rights = rightsOf(caller, undefined);
	const admission = { caller, space: defaultSpace, row: undefined, role: undefined, rights };
	return { caller, admission: spaceName === defaultName ? admission : undefined };
}

/** The name of no space. */
const noName = "";

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
