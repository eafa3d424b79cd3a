import { bearerToken } from "../http/credential.ts";
import { contextOf } from "../http/request-context.ts";
import { AppError } from "../kernel/errors.ts";
import type { Auth } from "./service.ts";
import type { User } from "./store.ts";

/** The user of a request's Bearer token, as it is now. Throws `unauthorized`. */
export type UserGuard = (request: Request) => Promise<User>;

export function userGuard(auth: Pick<Auth, "userOf">): UserGuard {
	return async (request) => {
		const token = bearerToken(request.headers);
		const user = token === undefined ? undefined : await auth.userOf(token);
		if (user === undefined) throw unauthorized();
		const context = contextOf(request);
		context.principal = user.id;
		context.actor = `user/${user.id}`;
		return user;
	};
}

export function unauthorized(): AppError {
	return new AppError("unauthorized", "This needs a valid Bearer token; get one at /auth/login.", {
		challenge: "Bearer",
	});
}
