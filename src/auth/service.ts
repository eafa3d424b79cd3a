import { AppError } from "../errors.ts";
import { contextOf } from "../http/request-context.ts";
import { whenResolved } from "../maybe-promise.ts";
import { normalEmail } from "./email.ts";
import type { Passwords } from "./passwords.ts";
import type { User, UserStore } from "./store.ts";
import type { Tokens } from "./tokens.ts";

export interface Auth {
	/** A token for the user, or `invalid_credentials`: one answer for a wrong address and a wrong password. */
	login(email: string, password: string): Promise<string>;
	/** The user whose Bearer token the request bears, as it is now; refuses with `unauthorized`. */
	requireUser(request: Request): User | Promise<User>;
}

export function auth(users: UserStore, passwords: Passwords, tokens: Tokens): Auth {
	return {
		async login(email, password) {
			const user = await users.findByEmail(normalEmail(email));
			if (!(await passwords.verify(password, user?.passwordHash)) || user === undefined) {
				throw new AppError("invalid_credentials", "The e-mail address or the password is wrong.");
			}
			return tokens.sign({ userId: user.id, tokenGeneration: user.tokenGeneration });
		},

		requireUser(request) {
			const token = bearerToken(request.headers);
			if (token === undefined) throw unauthorized();
			return whenResolved(tokens.verify(token), (identity) => {
				if (identity === undefined) throw unauthorized();
				return whenResolved(users.find(identity.userId), (user) => {
					if (user?.tokenGeneration !== identity.tokenGeneration) throw unauthorized();
					contextOf(request).principal = user.id;
					return user;
				});
			});
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
