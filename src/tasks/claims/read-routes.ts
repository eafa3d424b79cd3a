import { Elysia } from "elysia";
import { setPrivate } from "../../http/conditional-get.ts";
import { unauthorized } from "../../http/credential.ts";
import type { Cursors } from "../../http/paging.ts";
import { queryOf } from "../../http/query.ts";
import { contextOf } from "../../http/request-context.ts";
import { readQuery } from "../../http/validation.ts";
import { represent } from "../../kernel/canonical.ts";
import type { Actor } from "../../kernel/change-context.ts";
import { AppError, validationError } from "../../kernel/errors.ts";
import { isId } from "../../kernel/ids.ts";
import type { MaybePromise } from "../../kernel/maybe-promise.ts";
import type { SpaceId } from "../../kernel/space.ts";
import { noSuchTask } from "../changes.ts";
import { respond } from "../respond.ts";
import { listOperation, resultOperation } from "./operations.ts";
import { claimListBody } from "./representation.ts";
import { ClaimQuery } from "./schema.ts";
import type { ClaimPageQuery, ClaimPlace, ClaimStore } from "./store.ts";

export interface ClaimReadDeps {
	readonly claims: Pick<ClaimStore, "list" | "result">;
	/** Throws `unauthorized`, `forbidden` or `not_found` unless the request may read tasks. No promise where everybody may. */
	readonly requireReader: (request: Request) => MaybePromise<void>;
	/** Who reads: undefined without a credential, where everybody may. Throws the same, and for a wrong credential too. */
	readonly readerOf: (request: Request) => Promise<Actor | undefined>;
	readonly cursors: Cursors;
}

const path = "/collab/claims";
const parse = readQuery(ClaimQuery);

/** No task has it. */
const nilId = "00000000-0000-0000-0000-000000000000";

export function claimReadRoutes({ claims, requireReader, readerOf, cursors }: ClaimReadDeps) {
	return new Elysia()
		.get(
			path,
			async ({ request, set }) => {
				const reader = await readerOf(request);
				const { space, prefix } = contextOf(request);
				const query = queryOf(request.url);
				// The credential comes before the query.
				if (reader === undefined && new URLSearchParams(query).has("mine")) throw unauthorized();
				const { cursor, limit = 100, ...filters } = parse(query);
				const wanted = { space, ...filters, actor: filters.mine && reader };
				const list = listName(wanted);
				const page = await claims.list(pageQuery(wanted, limit, readCursor(list, cursor, cursors)));
				const last = page.more ? page.rows.at(-1) : undefined;
				const next = last && cursors.seal(list, `${last.fence} ${last.task}`);
				setPrivate(set);
				set.headers["cache-control"] = "no-store";
				if (next !== undefined) {
					const following = new URLSearchParams({ ...filters, cursor: next, limit: String(limit) });
					set.headers.link = `<${prefix}${path}?${following}>; rel="next"`;
				}
				return claimListBody(page, reader, next);
			},
			{ detail: listOperation },
		)
		.get(
			"/collab/tasks/:id/result",
			async ({ request, params, set }) => {
				await requireReader(request);
				if (!isId(params.id)) throw noSuchTask();
				const result = await claims.result(contextOf(request).space, params.id);
				if (result === undefined) throw new AppError("not_found", "There is no such result.");
				return respond(request, set, represent(result));
			},
			{ detail: resultOperation },
		);
}

interface Wanted {
	readonly space: SpaceId;
	readonly holder?: string;
	readonly task?: string;
	readonly actor: Actor | undefined;
}

function pageQuery(
	{ space, holder, task, actor }: Wanted,
	limit: number,
	after: ClaimPlace | undefined,
): ClaimPageQuery {
	return { space, holder, task: task === undefined || isId(task) ? task : nilId, actor, limit, after };
}

/** A cursor belongs to one query, all of it but the limit. */
function listName({ space, holder, task, actor }: Wanted): string {
	return `claims ${JSON.stringify([space, holder, task, actor])}`;
}

function readCursor(list: string, cursor: string | undefined, cursors: Cursors): ClaimPlace | undefined {
	if (cursor === undefined) return undefined;
	const [fence, task] = cursors.open(list, cursor)?.split(" ") ?? [];
	if (fence !== undefined && task !== undefined) return { fence: Number(fence), task };
	throw validationError([
		{ message: "is not a cursor that this list gave out for this query", path: "/cursor" },
	]);
}
