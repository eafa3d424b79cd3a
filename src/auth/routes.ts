import { Elysia } from "elysia";
import type { BodyReader, ReadBody } from "../http/body.ts";
import { unauthorized } from "../http/credential.ts";
import { contextOf } from "../http/request-context.ts";
import { jsonBody } from "../http/validation.ts";
import { canonical } from "../kernel/canonical.ts";
import { nameOf } from "../kernel/credentials.ts";
import { memoize } from "../kernel/memoize.ts";
import type { LoginGuards } from "./login-guard.ts";
import { loginOperation, meOperation, updateMeOperation } from "./operations.ts";
import { Credentials, UserPatch } from "./schema.ts";
import type { Auth } from "./service.ts";
import type { SpaceNames, User } from "./store.ts";
import { callingToken } from "./token-body.ts";
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
	readonly guards: LoginGuards;
	readonly spaces: Pick<SpaceNames, "namesOf">;
	readonly readBody: BodyReader;
}

const userPatch = jsonBody(UserPatch);

export function meRoutes({ users, guards, spaces, readBody }: MeRouteDeps) {
	const { requireLogin, requireJwt } = guards;

	return new Elysia()
		.get(
			"/auth/me",
			async ({ request }) => {
				const caller = await requireLogin(request);
				if (caller.kind === "user") return canonical(userBody(caller.user));
				const { user, token } = caller;
				const names = await spaces.namesOf(token.spaces ?? []);
				return canonical({ ...userBody(user), token: callingToken(token, names) });
			},
			{ detail: meOperation },
		)
		.patch(
			"/auth/me",
			async ({ request, set }) => {
				const body = userPatch(await readBody(request));
				const user = await requireJwt(request);
				const { name } = body.value();
				const current = name === undefined ? user : await users.rename(user.id, name);
				// Removed since the guard has looked.
				if (current === undefined) throw unauthorized();
				set.headers["cache-control"] = "no-store";
				return canonical(userBody(current));
			},
			{ detail: updateMeOperation },
		);
}

function userBody(user: User) {
	return { email: user.email, id: user.id, name: nameOf(user) };
}
