import { Elysia } from "elysia";
import type { BodyReader, ReadBody } from "../http/body.ts";
import { setPrivate } from "../http/conditional-get.ts";
import { contextOf } from "../http/request-context.ts";
import { jsonBody } from "../http/validation.ts";
import { canonical } from "../kernel/canonical.ts";
import { nameOf } from "../kernel/credentials.ts";
import { memoize } from "../kernel/memoize.ts";
import { loginOperation, meOperation, updateMeOperation } from "./operations.ts";
import { Credentials, UserPatch } from "./schema.ts";
import type { Auth } from "./service.ts";
import type { User } from "./store.ts";
import { type UserGuard, unauthorized } from "./user-guard.ts";
import type { UserService } from "./users.ts";

export interface LoginRouteDeps {
	readonly auth: Auth;
	readonly readBody: BodyReader;
	/** Guards `/auth/login`, and nothing else; it reads the parsed body. */
	readonly loginLimit: (routes: Elysia) => Elysia;
	readonly expiresInSeconds: number;
}

const credentials = jsonBody(Credentials);

export function loginRoutes(deps: LoginRouteDeps) {
	const app = memoize(() => loginApp(deps));
	return new Elysia().post("/auth/login", ({ request }) => app().fetch(request), { detail: loginOperation });
}

/**
 * An app of its own: the limit's plugin looks at everything that a request has, and Elysia would prepare that for every
 * route of the app that the plugin is in.
 */
function loginApp({ auth, readBody, loginLimit, expiresInSeconds }: LoginRouteDeps) {
	return new Elysia({ handler: { standardHostname: false } })
		.onRequest(({ request, set }) => {
			set.headers = contextOf(request).headers;
		})
		.onError(({ error }) => {
			throw error;
		})
		.onParse(({ request }) => readBody(request))
		.use(loginLimit)
		.post("/auth/login", async ({ body, set }) => {
			const { email, password } = credentials(body as ReadBody).value();
			const token = await auth.login(email, password);
			set.headers["cache-control"] = "no-store";
			return canonical({ access_token: token, expires_in: expiresInSeconds, token_type: "bearer" });
		});
}

export interface MeRouteDeps {
	readonly users: Pick<UserService, "rename">;
	readonly requireUser: UserGuard;
	readonly readBody: BodyReader;
}

const userPatch = jsonBody(UserPatch);

export function meRoutes({ users, requireUser, readBody }: MeRouteDeps) {
	return new Elysia()
		.get(
			"/auth/me",
			async ({ request, set }) => {
				const user = await requireUser(request);
				setPrivate(set);
				return userBody(user);
			},
			{ detail: meOperation },
		)
		.patch(
			"/auth/me",
			async ({ request, set }) => {
				const body = userPatch(await readBody(request));
				const user = await requireUser(request);
				const { name } = body.value();
				const current = name === undefined ? user : await users.rename(user.id, name);
				// Removed since the guard has looked.
				if (current === undefined) throw unauthorized();
				set.headers["cache-control"] = "no-store";
				return userBody(current);
			},
			{ detail: updateMeOperation },
		);
}

function userBody(user: User): string {
	return canonical({ email: user.email, id: user.id, name: nameOf(user) });
}
