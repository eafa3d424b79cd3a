import { contextOf } from "../http/request-context.ts";
import { AppError } from "../kernel/errors.ts";
import { findUser } from "./find-user.ts";
import type { Passwords } from "./passwords.ts";
import type { User, UserStore } from "./store.ts";
import type { Tokens } from "./tokens.ts";

export interface Auth {
	/** A token for the user. Fails with `invalid_credentials` alike for a wrong address and for a wrong password. */
	login(email: string, password: string): Promise<string>;
	/** The user of the request's Bearer token, as it is now. Fails with `unauthorized`. */
	requireUser(request: Request): Promise<User>;
}

export function auth(users: UserStore, passwords: Passwords, tokens: Tokens): Auth {
	return {
		async login(email, password) {
			const user = await findUser(users, email);
			if (!(await passwords.verify(password, user?.passwordHash)) || user === undefined) {
				throw new AppError("invalid_credentials", "The e-mail address or the password is wrong.");
			}
			return tokens.sign({ userId: user.id, tokenGeneration: user.tokenGeneration });
		},

		async requireUser(request) {
			const token = bearerToken(request.headers);
			const identity = token === undefined ? undefined : await tokens.verify(token);
			if (identity === undefined) throw unauthorized();
			const user = await users.find(identity.userId);
			if (user?.tokenGeneration !== identity.tokenGeneration) throw unauthorized();
			const context = contextOf(request);
			context.principal = user.id;
			context.actor = `user/${user.id}`;
			return user;
		},
	};
}

/** What follows the scheme, whose case does not matter (RFC 9110 §11.1). */
function bearerToken(headers: Headers): string | undefined {
	const header = headers.get("authorization") ?? "";
	const scheme = /^Bearer +/i.exec(header)?.[0];
	return scheme && header.slice(scheme.length);
}

function unauthorized(): AppError {
	return new AppError("unauthorized", "This needs a valid Bearer token; get one at /auth/login.", {
		challenge: "Bearer",
	});
}
