import { Elysia } from "elysia";
import type { Cursors } from "../http/paging.ts";
import { queryOf } from "../http/query.ts";
import { readQuery } from "../http/validation.ts";
import { canonicalArray, canonicalObject } from "../kernel/canonical.ts";
import { validationError } from "../kernel/errors.ts";
import { listMembersOperation, listSpacesOperation } from "./operations.ts";
import { memberBody, reachedSpaceBody } from "./representation.ts";
import type { SpaceRouteDeps } from "./routes.ts";
import { PageQuery } from "./schema.ts";

type ListRouteDeps = Pick<SpaceRouteDeps, "spaces" | "access" | "requireLogin" | "cursors">;

const readPageQuery = readQuery(PageQuery);

export function spaceListRoutes({ spaces, access, requireLogin, cursors }: ListRouteDeps) {
	return new Elysia()
		.get(
			"/spaces",
			async ({ request, set }) => {
				const caller = await requireLogin(request);
				const { place, limit } = pageOf(cursors, "spaces", request);
				const only = caller.kind === "token" ? caller.token.spaces : null;
				const after = place === undefined ? undefined : Number(place);
				const page = await spaces.reachedBy(caller.user.id, { after, limit, only });
				const last = page.more ? page.rows.at(-1)?.space.id : undefined;
				const next = last === undefined ? undefined : cursors.seal("spaces", String(last));
				if (next !== undefined) set.headers.link = nextLink("/spaces", next, limit);
				return listBody("spaces", page.rows.map(reachedSpaceBody), next);
			},
			{ detail: listSpacesOperation },
		)
		.get(
			"/spaces/:space/members",
			async ({ request, params, set }) => {
				const { row, rights } = await access.reach(await requireLogin(request), params.space);
				const list = `members ${row.id}`;
				const { place, limit } = pageOf(cursors, list, request);
				const page = await spaces.members(row.id, { after: place, limit });
				const last = page.more ? page.rows.at(-1)?.userId : undefined;
				const next = last && cursors.seal(list, last);
				if (next !== undefined) set.headers.link = nextLink(`/spaces/${row.name}/members`, next, limit);
				const isForOwner = rights.has("own");
				return listBody(
					"members",
					page.rows.map((member) => memberBody(member, isForOwner)),
					next,
				);
			},
			{ detail: listMembersOperation },
		);
}

function pageOf(cursors: Cursors, list: string, request: Request) {
	const { cursor, limit = 100 } = readPageQuery(queryOf(request.url));
	const place = cursor === undefined ? undefined : cursors.open(list, cursor);
	if (cursor === undefined || place !== undefined) return { place, limit };
	throw validationError([{ message: "is not a cursor that this list gave out", path: "/cursor" }]);
}

function nextLink(path: string, cursor: string, limit: number): string {
	return `<${path}?${new URLSearchParams({ cursor, limit: String(limit) })}>; rel="next"`;
}

function listBody(kind: string, items: readonly string[], next: string | undefined): string {
	return canonicalObject({
		items: canonicalArray(items),
		kind: `"${kind}"`,
		next_cursor: next === undefined ? undefined : JSON.stringify(next),
	});
}
