import { Elysia } from "elysia";
import { queryOf } from "../http/query.ts";
import { readQuery } from "../http/validation.ts";
import { canonical } from "../kernel/canonical.ts";
import { AppError } from "../kernel/errors.ts";
import { getActorOperation, listActorsOperation } from "./actor-operations.ts";
import { ActorQuery } from "./actor-schema.ts";
import type { ActorService } from "./actors.ts";
import type { LoginGuards } from "./login-guard.ts";

export interface ActorRouteDeps {
	readonly actors: ActorService;
	readonly requireLogin: LoginGuards["requireLogin"];
}

const actorQuery = readQuery(ActorQuery);

/** Names change seldom, and a page asks for the same ones again and again. */
const caching = "private, max-age=300";

export function actorRoutes({ actors, requireLogin }: ActorRouteDeps) {
	return new Elysia()
		.get(
			"/auth/actors",
			async ({ request, set }) => {
				await requireLogin(request);
				const { actor } = actorQuery(queryOf(request.url));
				const items = await actors.findAll(actor);
				set.headers["cache-control"] = caching;
				return canonical({ items, kind: "actors" });
			},
			{ detail: listActorsOperation },
		)
		.get(
			"/auth/actors/:kind/:id",
			async ({ request, params, set }) => {
				await requireLogin(request);
				const actor = await actors.find(`${params.kind}/${params.id}`);
				if (actor === undefined) throw new AppError("not_found", "There is no such actor.");
				set.headers["cache-control"] = caching;
				return canonical(actor);
			},
			{ detail: getActorOperation },
		);
}
