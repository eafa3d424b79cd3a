import { AppError } from "../kernel/errors.ts";
import type { Passwords } from "./passwords.ts";
import type { User } from "./store.ts";
import type { Tokens } from "./tokens.ts";
import type { UserService } from "./users.ts";

export interface Auth {
	/** A token for the user. Fails with `invalid_credentials` alike for a wrong address and for a wrong password. */
	login(email: string, password: string): Promise<string>;
	/** The user of a token, as it is now; undefined unless the token is valid. */
	userOf(token: string): Promise<User | undefined>;
}

export function auth(
	users: Pick<UserService, "find" | "findByAddress">,
	passwords: Passwords,
	tokens: Tokens,
): Auth {
	return {
		async login(email, password) {
			const user = await users.findByAddress(email);
			if (!(await passwords.verify(password, user?.passwordHash)) || user === undefined) {
				throw new AppError("invalid_credentials", "The e-mail address or the password is wrong.");
			}
			return tokens.sign({ userId: user.id, tokenGeneration: user.tokenGeneration });
		},

		async userOf(token) {
			const identity = await tokens.verify(token);
			if (identity === undefined) return undefined;
			const user = await users.find(identity.userId);
			return user?.tokenGeneration === identity.tokenGeneration ? user : undefined;
		},
	};
}
