import { Elysia } from "elysia";
import { canonical } from "../canonical.ts";
import { jsonBody } from "../http/schema.ts";
import { loginDoc, meDoc } from "./docs.ts";
import { Credentials } from "./schema.ts";
import type { Auth } from "./service.ts";

export interface LoginRouteDeps {
	readonly auth: Auth;
	/** Guards `/auth/login`, and nothing else. */
	readonly loginLimit: (routes: Elysia) => Elysia;
	readonly expiresInSeconds: number;
}

export function loginRoutes({ auth, loginLimit, expiresInSeconds }: LoginRouteDeps) {
	return new Elysia().use(loginLimit).post(
		"/auth/login",
		async ({ body, set }) => {
			const { email, password } = body.value();
			const token = await auth.login(email, password);
			set.headers["cache-control"] = "no-store";
			return canonical({ access_token: token, expires_in: expiresInSeconds, token_type: "bearer" });
		},
		{ body: jsonBody(Credentials), detail: loginDoc },
	);
}

export function meRoutes({ auth }: Pick<LoginRouteDeps, "auth">) {
	return new Elysia().get(
		"/auth/me",
		async ({ request, set }) => {
			const { email, id } = await auth.requireUser(request);
			set.headers["cache-control"] = "no-store";
			return canonical({ email, id });
		},
		{ detail: meDoc },
	);
}
