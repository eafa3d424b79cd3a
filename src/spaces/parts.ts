import type { SpaceNames } from "../auth/store.ts";
import { presented } from "../http/credential.ts";
import { contextOf } from "../http/request-context.ts";
import type { Actor } from "../kernel/change-context.ts";
import { nameOf } from "../kernel/credentials.ts";
import type { Log } from "../kernel/log.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import { Repeater } from "../kernel/repeater.ts";
import type { RunUnit } from "../kernel/unit-of-work.ts";
import { Access, type AccessDeps, type Admission, callerId } from "./access.ts";
import { AccessWatch } from "./access-watch.ts";
import { type LogAccess, logAccess } from "./log-access.ts";
import type { Right } from "./rights.ts";
import { type SpaceService, spaceService } from "./service.ts";
import type { SpaceStore } from "./store.ts";

export interface SpacePartsDeps extends Omit<AccessDeps, "lookUp"> {
	readonly store: SpaceStore;
	readonly run: RunUnit;
	readonly log: Log;
	/** Called when an access that is watched has ended. */
	readonly onChange: () => void;
}

/** What belongs to spaces, and the guards of the routes of what is in them. */
export interface SpaceParts {
	readonly spaces: SpaceService;
	readonly access: Access;
	readonly watch: AccessWatch;
	/** Removes what deleted spaces have left. */
	readonly remover: Repeater;
	readonly names: SpaceNames;
	/** Lets a request through that has the right; returns who asks. Throws `unauthorized`, `forbidden`, `not_found`. */
	guard(right: Right): (request: Request) => Promise<string>;
	/** Lets a request through that may change tasks. Throws the same. */
	requireWriter(request: Request): Promise<Writer>;
	/** Throws the same unless the request may read tasks; no promise where everybody may. */
	requireReader(request: Request): MaybePromise<void>;
	/**
	 * Who reads; undefined without a credential, where everybody may read. A valid one that does not reach an open space
	 * reads what none does. Throws the same, and for a wrong credential too.
	 */
	readerOf(request: Request): Promise<Actor | undefined>;
	logAccess(request: Request): Promise<LogAccess>;
	/** Aborts when the request is gone, and within 5 s of when it has the right no more. */
	untilRevoked(right: Right): (request: Request) => { readonly signal: AbortSignal; release(): void };
}

/** Who changes tasks. */
export interface Writer {
	/** In the scope of idempotency keys: a token and its user are two. */
	readonly id: string;
	/** The user, also of a token. */
	readonly userId: string;
	/** Of the token, else of the user. */
	readonly name: string;
	readonly isToken: boolean;
	/** With the rights of an owner, which no token has. */
	readonly isOwner: boolean;
}

const rowsPerRemoval = 500;
const removalEveryMs = 30_000;

export function spaceParts(deps: SpacePartsDeps): SpaceParts {
	const { store, run, log, onChange } = deps;
	const access = new Access({ ...deps, lookUp: store.lookUp });
	const watch = new AccessWatch(log, onChange);
	return {
		spaces: spaceService(store, run),
		access,
		watch,
		remover: new Repeater({
			round: async () => ((await store.purge(rowsPerRemoval)) ? 0 : removalEveryMs),
			failure: "What deleted spaces have left could not be removed; trying again.",
			log,
		}),
		names: spaceNames(store),
		guard: (right) => async (request) => callerId(await access.require(request, right)),
		requireWriter: async (request) => writerOf(await access.require(request, "write")),
		requireReader(request) {
			if (access.isOpenTo(contextOf(request))) return undefined;
			return access.require(request, "read").then(() => undefined);
		},
		readerOf: async (request) => {
			const context = contextOf(request);
			const credential = presented(request);
			if (!access.isOpenTo(context)) await access.require(request, "read");
			else if (credential !== undefined) await access.admit(credential, context);
			return context.actor;
		},
		logAccess: logAccess(access, watch),
		untilRevoked: (right) => (request) => untilRevoked(access, watch, right, request),
	};
}

function writerOf(admission: Admission): Writer {
	const { caller, rights } = admission;
	if (caller.kind === "key") throw new Error("an API key changes tasks");
	const isToken = caller.kind === "token";
	const name = isToken ? caller.token.name : nameOf(caller.user);
	const isOwner = rights.has("own");
	return { id: callerId(admission), userId: caller.user.id, name, isToken, isOwner };
}

/** The names of spaces, as access tokens list them. */
export function spaceNames({ lookUp, namesOf }: Pick<SpaceStore, "lookUp" | "namesOf">): SpaceNames {
	return {
		async idsOf(userId, names) {
			const found = await Promise.all(names.map((name) => lookUp(name, userId)));
			return found.map(({ reached }) => reached?.space.id);
		},
		namesOf,
	};
}

function untilRevoked(access: Access, watch: AccessWatch, right: Right, request: Request) {
	const credential = presented(request);
	const { space, spaceName } = contextOf(request);
	if (credential === undefined) throw new Error("a request without a credential waits");
	const revoked = new AbortController();
	const watched = watch.watch({
		key: [credential.text, space, right].join(" "),
		async holds() {
			const now = await access.readmit(credential, spaceName);
			return now !== "invalid" && now?.space === space && now.rights.has(right);
		},
		onEnd: () => revoked.abort(),
	});
	return { signal: AbortSignal.any([request.signal, revoked.signal]), release: watched.release };
}
