import { Elysia } from "elysia";
import type { TokenCaller, User, UserCaller } from "../auth/store.ts";
import type { BodyReader } from "../http/body.ts";
import { noBody, privateUnlessKnown, setEtag } from "../http/conditional-get.ts";
import { unauthorized } from "../http/credential.ts";
import type { Cursors } from "../http/paging.ts";
import { readIfMatch } from "../http/preconditions.ts";
import { jsonBody, type Submitted } from "../http/validation.ts";
import { represent } from "../kernel/canonical.ts";
import type { Clock } from "../kernel/clock.ts";
import { AppError } from "../kernel/errors.ts";
import { isId } from "../kernel/ids.ts";
import { requireMatch } from "../kernel/precondition.ts";
import type { Access } from "./access.ts";
import { spaceListRoutes } from "./list-routes.ts";
import { noSuchMember } from "./members.ts";
import {
	createSpaceOperation,
	getSpaceOperation,
	removeMemberOperation,
	removeSpaceOperation,
	setMemberOperation,
	updateSpaceOperation,
} from "./operations.ts";
import { memberBody, spaceBody } from "./representation.ts";
import { NewMember, NewSpace, SpacePatch } from "./schema.ts";
import type { SpaceService } from "./service.ts";
import type { SpaceRow } from "./store.ts";

export interface SpaceRouteDeps {
	readonly spaces: SpaceService;
	readonly access: Pick<Access, "reach">;
	/** Who has sent a request with a JWT or an access token. Throws `unauthorized`, `forbidden`. */
	readonly requireLogin: (request: Request) => Promise<UserCaller | TokenCaller>;
	/** The user of a JWT. Throws `unauthorized`, `forbidden`. */
	readonly requireJwt: (request: Request) => Promise<User>;
	readonly findUser: (address: string) => Promise<User | undefined>;
	readonly readBody: BodyReader;
	readonly cursors: Cursors;
	readonly clock: Clock;
}

const newSpace = jsonBody(NewSpace);
const spacePatch = jsonBody(SpacePatch);
const newMember = jsonBody(NewMember);

export function spaceRoutes(deps: SpaceRouteDeps) {
	const { spaces, access, requireLogin, requireJwt, findUser, readBody, clock } = deps;

	/** The space as its owner reaches it. Throws `not_found`, and `forbidden` for other members. */
	async function requireOwner(request: Request, name: string): Promise<SpaceRow> {
		const { row, rights } = await access.reach({ kind: "user", user: await requireJwt(request) }, name);
		if (!rights.has("own")) throw new AppError("forbidden", "This needs an owner of the space.");
		return row;
	}

	/** The precondition comes before the body (contract §1). */
	function requireCurrent(request: Request, space: SpaceRow, body: Submitted<unknown>): void {
		if (body.isFaulty) requireMatch(readIfMatch(request.headers), represent(spaceBody(space)));
	}

	return new Elysia()
		.use(spaceListRoutes(deps))
		.post(
			"/spaces",
			async ({ request, set }) => {
				const body = newSpace(await readBody(request));
				const { id: userId } = await requireJwt(request);
				const { name, title } = body.value();
				const made = spaces.create({ name, title: title ?? "", userId, now: clock() });
				const space = await made.catch((error: unknown) => {
					// The user was removed after the request was admitted.
					throw error instanceof AppError && error.code === "not_found" ? unauthorized() : error;
				});
				const { body: text, etag } = represent(spaceBody(space));
				setEtag(set, etag);
				set.headers.location = `/spaces/${name}`;
				return text;
			},
			{ detail: createSpaceOperation },
		)
		.get(
			"/spaces/:space",
			async ({ request, params, set }) => {
				const { row } = await access.reach(await requireLogin(request), params.space);
				return privateUnlessKnown(request, set, represent(spaceBody(row)));
			},
			{ detail: getSpaceOperation },
		)
		.patch(
			"/spaces/:space",
			async ({ request, params, set }) => {
				const body = spacePatch(await readBody(request));
				const space = await requireOwner(request, params.space);
				requireCurrent(request, space, body);
				const ifMatch = readIfMatch(request.headers);
				const { title } = body.value();
				const next = await spaces.update({ id: space.id, ifMatch, title: title === null ? "" : title });
				setEtag(set, next.etag);
				return next.body;
			},
			{ detail: updateSpaceOperation },
		)
		.delete(
			"/spaces/:space",
			async ({ request, params, set }) => {
				const { id } = await requireOwner(request, params.space);
				await spaces.remove({ id, ifMatch: readIfMatch(request.headers), now: clock() });
				return noBody(set, 204);
			},
			{ detail: removeSpaceOperation },
		)
		.post(
			"/spaces/:space/members",
			async ({ request, params, set }) => {
				const body = newMember(await readBody(request));
				const { id: space } = await requireOwner(request, params.space);
				const { email, role } = body.value();
				const user = await findUser(email);
				if (user === undefined) throw new AppError("not_found", "There is no user with this address.");
				await spaces.setMember({ space, userId: user.id, role });
				set.headers["cache-control"] = "no-store";
				return memberBody({ userId: user.id, email: user.email, name: user.name, role }, true);
			},
			{ detail: setMemberOperation },
		)
		.delete(
			"/spaces/:space/members/:id",
			async ({ request, params, set }) => {
				const user = await requireJwt(request);
				const { row, rights } = await access.reach({ kind: "user", user }, params.space);
				if (!rights.has("own") && params.id !== user.id) {
					throw new AppError("forbidden", "This needs an owner of the space; you can remove yourself.");
				}
				if (!isId(params.id)) throw noSuchMember();
				await spaces.removeMember({ space: row.id, userId: params.id });
				return noBody(set, 204);
			},
			{ detail: removeMemberOperation },
		);
}
