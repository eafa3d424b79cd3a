import { Refusal } from "../errors.ts";
import { callOf } from "../http/call.ts";
import { isId } from "../ids.ts";
import { normalEmail } from "./email.ts";
import type { Passwords } from "./passwords.ts";
import type { User, UserStore } from "./store.ts";
import type { Tokens } from "./tokens.ts";

export interface Auth {
	/** A token for the user, or `invalid_credentials`: one answer for a wrong address and a wrong password. */
	login(email: string, password: string): Promise<string>;
	/** The user whose Bearer token the request bears, as it is now; refuses with `unauthorized`. */
	requireUser(request: Request): Promise<User>;
}

export function auth(users: UserStore, passwords: Passwords, tokens: Tokens): Auth {
	return {
		async login(email, password) {
			const user = await users.findByEmail(normalEmail(email));
			if (!(await passwords.verify(password, user?.passwordHash)) || user === undefined) {
				throw new Refusal("invalid_credentials", "The e-mail address or the password is wrong.");
			}
			return tokens.sign({ userId: user.id, tokenGeneration: user.tokenGeneration });
		},

		async requireUser(request) {
			const token = bearerToken(request.headers);
			const identity = token === undefined ? undefined : await tokens.verify(token);
			if (identity === undefined || !isId(identity.userId)) throw unauthorized();
			const user = await users.find(identity.userId);
			if (user?.tokenGeneration !== identity.tokenGeneration) throw unauthorized();
			callOf(request).principal = user.id;
			return user;
		},
	};
}

function bearerToken(headers: Headers): string | undefined {
	return /^Bearer +([A-Za-z0-9._~+/-]{1,4096}=*)$/i.exec(headers.get("authorization") ?? "")?.[1];
}

function unauthorized(): Refusal {
	return new Refusal("unauthorized", "This needs a valid Bearer token; get one at /auth/login.", {
		challenge: "Bearer",
	});
}
