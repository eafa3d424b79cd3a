import { type Representation, represent } from "../kernel/canonical.ts";
import { AppError } from "../kernel/errors.ts";
import { type Precondition, requireMatch } from "../kernel/precondition.ts";
import { defaultSpace, type SpaceId } from "../kernel/space.ts";
import type { RunUnit, Unit } from "../kernel/unit-of-work.ts";
import { setRole, takeRole } from "./members.ts";
import { spaceBody } from "./representation.ts";
import { members, type Role, type SpaceRow, type SpaceRows, type SpaceStore, spaces } from "./store.ts";

/** How many living spaces a user may have made. */
export const madeMax = 100;

export interface NewSpace {
	readonly name: string;
	readonly title: string;
	/** The user who makes it, and so its first owner. */
	readonly userId: string;
	readonly now: number;
}

export interface SpaceChange {
	readonly id: SpaceId;
	readonly ifMatch: Precondition;
}

export interface MemberChange {
	readonly space: SpaceId;
	readonly userId: string;
}

/**
 * The use cases of spaces and their members. Each is one transaction; none appends an event. Throws `not_found`,
 * `conflict`, `precondition_required`, `precondition_failed`, `unavailable`.
 */
export interface SpaceService extends SpaceStore {
	create(space: NewSpace): Promise<SpaceRow>;
	/** Undefined: the title stays. */
	update(change: SpaceChange & { readonly title: string | undefined }): Promise<Representation>;
	/** From its commit on the space is there for nobody; its name is free. */
	remove(change: SpaceChange & { readonly now: number }): Promise<void>;
	/** Gives a user a role, a first one or another. */
	setMember(change: MemberChange & { readonly role: Role }): Promise<void>;
	removeMember(change: MemberChange): Promise<void>;
}

export function spaceService(store: SpaceStore, run: RunUnit): SpaceService {
	return {
		...store,
		create: (space) => run(createSpace(space)),
		update: (change) => run(updateSpace(change)),
		remove: (change) => run(removeSpace(change)),
		setMember: (change) => run(setRole(change)),
		removeMember: (change) => run(takeRole(change)),
	};
}

function createSpace({ name, title, userId, now }: NewSpace): Unit<SpaceRow> {
	return {
		reads: [spaces.reads({ names: [name], madeBy: userId }), members.reads({ userId })],
		decide(work) {
			const rows = work.rows(spaces);
			if (!work.rows(members).isUser(userId)) throw new AppError("not_found", "There is no such user.");
			if (rows.findByName(name) !== undefined) throw new AppError("conflict", "A space has this name.");
			if (rows.countMadeBy(userId) >= madeMax) {
				throw new AppError("conflict", `A user can have made ${madeMax} spaces at a time: delete one.`);
			}
			const space = {
				...{ id: rows.nextId(), name, title, version: 1, madeBy: userId },
				...{ rev: work.rev(), createdAt: now, deletedAt: null },
			};
			rows.insert(space);
			work.rows(members).put({ space: space.id, userId, role: "owner" });
			return space;
		},
	};
}

/** A patch that changes nothing keeps version and ETag. */
function updateSpace({
	id,
	ifMatch,
	title,
}: SpaceChange & { readonly title: string | undefined }): Unit<Representation> {
	return {
		reads: [spaces.reads({ ids: [id] })],
		decide(work) {
			const rows = work.rows(spaces);
			const space = requireSpace(rows, id);
			const current = represent(spaceBody(space));
			requireMatch(ifMatch, current);
			if (title === undefined || title === space.title) return current;
			const next = { ...space, title, version: space.version + 1 };
			rows.update(next);
			return represent(spaceBody(next));
		},
	};
}

function removeSpace({ id, ifMatch, now }: SpaceChange & { readonly now: number }): Unit<void> {
	return {
		reads: [spaces.reads({ ids: [id] })],
		decide(work) {
			const rows = work.rows(spaces);
			const space = requireSpace(rows, id);
			requireMatch(ifMatch, represent(spaceBody(space)));
			if (id === defaultSpace) throw new AppError("conflict", "The space default is always there.");
			rows.update({ ...space, deletedAt: now });
		},
	};
}

/** Throws `not_found` for a space that does not live. */
export function requireSpace(rows: SpaceRows, id: SpaceId): SpaceRow {
	const space = rows.find(id);
	if (space === undefined) throw noSuchSpace();
	return space;
}

/** Also for a space that the credential does not reach: which ones there are is nobody else's affair. */
export function noSuchSpace(): AppError {
	return new AppError("not_found", "There is no such space.");
}
