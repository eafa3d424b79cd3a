import type { Registration } from "./collection.ts";
import { accessTokens } from "./collections/access-tokens.ts";
import { claims } from "./collections/claims.ts";
import { comments } from "./collections/comments.ts";
import { events } from "./collections/events.ts";
import { formerActors } from "./collections/former-actors.ts";
import { idempotency } from "./collections/idempotency.ts";
import { jobs } from "./collections/jobs.ts";
import { members } from "./collections/members.ts";
import { settings } from "./collections/settings.ts";
import { spaces } from "./collections/spaces.ts";
import { tasks } from "./collections/tasks.ts";
import { users } from "./collections/users.ts";

/** Every collection in the database. A new one is one line here and one in SQLite's file of the same name. */
export const collections = {
	accessTokens,
	claims,
	comments,
	events,
	formerActors,
	idempotency,
	jobs,
	members,
	settings,
	spaces,
	tasks,
	users,
} as const satisfies Readonly<Record<string, Registration<unknown>>>;
