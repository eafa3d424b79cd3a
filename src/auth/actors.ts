import { nameOf } from "../kernel/credentials.ts";
import { isId } from "../kernel/ids.ts";
import type { AccessTokenStore, FormerActorStore, UserStore } from "./store.ts";

/** Somebody whom events name, as they are shown. */
export interface NamedActor {
	readonly id: string;
	readonly kind: "user" | "token" | "key";
	readonly name: string;
	/** The name is kept, though the user or the token is gone. */
	readonly removed: boolean;
	/** Whose token it is. */
	readonly user?: string;
}

export interface ActorService {
	/** `actor`: as events have it, `user/<id>`. Undefined for whoever never was, and for `system`, which is nobody. */
	find(actor: string): Promise<NamedActor | undefined>;
	/** Those that are or were, in the order that was asked, each once. */
	findAll(actors: readonly string[]): Promise<readonly NamedActor[]>;
}

export interface ActorDeps {
	readonly users: Pick<UserStore, "find">;
	readonly tokens: Pick<AccessTokenStore, "find">;
	readonly former: FormerActorStore;
	/** Whether a fingerprint is that of one of the keys of today; of earlier ones nothing is known. */
	readonly isKey: (fingerprint: string) => boolean;
}

export function actorService({ users, tokens, former, isKey }: ActorDeps): ActorService {
	async function userNamed(id: string): Promise<NamedActor | undefined> {
		const user = await users.find(id);
		return user && { id, kind: "user", name: nameOf(user), removed: false };
	}

	async function tokenNamed(id: string): Promise<NamedActor | undefined> {
		const token = await tokens.find(id);
		return token && { id, kind: "token", name: token.name, removed: false, user: token.userId };
	}

	/** To be asked for after the living: who is removed meanwhile is found in one of the two. */
	async function formerNamed(kind: "user" | "token", id: string): Promise<NamedActor | undefined> {
		const found = await former.find(`${kind}/${id}`);
		if (found === undefined) return undefined;
		const { name, userId } = found;
		return { id, kind, name, removed: true, ...(userId !== null && { user: userId }) };
	}

	async function find(actor: string): Promise<NamedActor | undefined> {
		const [, kind, id = ""] = /^(user|token|key)\/([0-9a-f-]+)$/.exec(actor) ?? [];
		if (kind === "key") {
			return isKey(id) ? { id, kind, name: `API key ${id}`, removed: false } : undefined;
		}
		if (!isId(id)) return undefined;
		if (kind === "user") return (await userNamed(id)) ?? formerNamed(kind, id);
		return (await tokenNamed(id)) ?? formerNamed("token", id);
	}

	return {
		find,
		async findAll(actors) {
			const found = await Promise.all([...new Set(actors)].map(find));
			return found.filter((actor) => actor !== undefined);
		},
	};
}
