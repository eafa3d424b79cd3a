import { AppError } from "../kernel/errors.ts";
import { defaultSpace, type SpaceId } from "../kernel/space.ts";
import type { Unit, UnitPart } from "../kernel/unit-of-work.ts";
import { type MemberRow, type MemberRows, members, type Role, spaces } from "./store.ts";

/** How many members a space has at most. In `default` every user is one. */
export const membersMax = 1000;

interface MemberChange {
	readonly space: SpaceId;
	readonly userId: string;
}

export function setRole({ space, userId, role }: MemberChange & { readonly role: Role }): Unit<void> {
	return {
		reads: [spaces.reads({ ids: [space] }), members.reads({ ofSpace: space, userId })],
		decide(work) {
			const rows = work.rows(members);
			if (work.rows(spaces).find(space) === undefined || !rows.isUser(userId)) throw noSuchMember();
			const current = rows.find(space, userId);
			if (current === undefined && space !== defaultSpace && rows.ofSpace(space).length >= membersMax) {
				throw new AppError("conflict", `A space has at most ${membersMax} members.`);
			}
			if (role !== "owner") requireOtherOwner(rows, current);
			rows.put({ space, userId, role });
		},
	};
}

export function takeRole({ space, userId }: MemberChange): Unit<void> {
	return {
		reads: [spaces.reads({ ids: [space] }), members.reads({ ofSpace: space, userId })],
		decide(work) {
			const rows = work.rows(members);
			if (work.rows(spaces).find(space) === undefined || !rows.isUser(userId)) throw noSuchMember();
			if (space === defaultSpace) {
				throw new AppError("conflict", "Every user is a member of the space default.");
			}
			const current = rows.find(space, userId);
			if (current === undefined) throw noSuchMember();
			requireOtherOwner(rows, current);
			rows.remove(current);
		},
	};
}

/** Throws `conflict` if this member is a space's only owner. */
function requireOtherOwner(rows: MemberRows, member: MemberRow | undefined): void {
	if (member?.role === "owner" && isOnlyOwner(rows, member)) {
		throw new AppError("conflict", "A space has at least one owner: make another member an owner first.");
	}
}

function isOnlyOwner(rows: MemberRows, { space, userId }: MemberRow): boolean {
	return !rows.ofSpace(space).some((other) => other.role === "owner" && other.userId !== userId);
}

/** What a user's membership adds to the units that add and remove the user. */
export const membership = { join: joinDefault, leave: leaveAll };

/** The first user owns `default`: a part of the unit that adds a user. */
function joinDefault(userId: string): UnitPart {
	return {
		reads: [members.reads({ ofSpace: defaultSpace, userId })],
		decide(work) {
			const rows = work.rows(members);
			const hasOwner = rows.ofSpace(defaultSpace).some(({ role }) => role === "owner");
			if (!hasOwner) rows.put({ space: defaultSpace, userId, role: "owner" });
		},
	};
}

/** Ends all roles of a user: a part of the unit that removes a user. Throws `OnlyOwnerError`. */
function leaveAll(userId: string): UnitPart {
	return {
		reads: [members.reads({ everywhereOf: userId })],
		decide(work) {
			const rows = work.rows(members);
			const owned = rows.everywhereOf(userId).filter(({ role }) => role === "owner");
			const left = owned.filter((member) => isOnlyOwner(rows, member));
			if (left.length > 0) throw new OnlyOwnerError(left.map(({ space }) => space));
			rows.forget(userId);
		},
	};
}

/** The user is the only owner of these spaces. */
export class OnlyOwnerError extends AppError {
	constructor(readonly spaces: readonly SpaceId[]) {
		super("conflict", "The user is the only owner of a space.");
	}
}

export function noSuchMember(): AppError {
	return new AppError("not_found", "There is no such member.");
}
