import { Elysia } from "elysia";
import type { BodyReader, ReadBody } from "../http/body.ts";
import { setPrivate } from "../http/conditional-get.ts";
import { contextOf } from "../http/request-context.ts";
import { jsonBody } from "../http/validation.ts";
import { canonical } from "../kernel/canonical.ts";
import { memoize } from "../kernel/memoize.ts";
import { loginOperation, meOperation } from "./operations.ts";
import { Credentials } from "./schema.ts";
import type { Auth } from "./service.ts";

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

export function meRoutes({ auth }: Pick<LoginRouteDeps, "auth">) {
	return new Elysia().get(
		"/auth/me",
		async ({ request, set }) => {
			const { email, id } = await auth.requireUser(request);
			setPrivate(set);
			return canonical({ email, id });
		},
		{ detail: meOperation },
	);
}
