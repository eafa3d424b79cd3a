import { jwt } from "@elysiajs/jwt";
import type { Clock } from "../kernel/clock.ts";
import { isId } from "../kernel/ids.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import type { Identity } from "./store.ts";

const issuer = "orchestrator";

/** Tokens verified before are kept, so that a caller's second request costs no HMAC. */
const verifiedMax = 10_000;

/** Base64url between dots, of a bounded length. */
const tokenForm = /^[A-Za-z0-9._-]{1,4096}$/;

/** Whom a token stands for, and until when. */
export interface TokenIdentity extends Identity {
	readonly expiresAtMs: number;
}

export interface Tokens {
	readonly expiresInSeconds: number;
	sign(identity: Identity): Promise<string>;
	/**
	 * Undefined unless the text is a token of ours that has not expired. No promise for one that was verified before, nor
	 * for what has not the form of a token. Whether the user is still there, and the generation current, the guard says.
	 */
	verify(token: string): MaybePromise<TokenIdentity | undefined>;
}

/** HS256 tokens with `sub iat exp iss jti`, and `gen`, the generation that a new password ends. */
export function tokens(secret: string, expireMinutes: number, clock: Clock): Tokens {
	const signer = jwt({ name: "jwt", secret, alg: "HS256", iss: issuer }).decorator.jwt;
	const expiresInSeconds = expireMinutes * 60;
	const verified = new Map<string, TokenIdentity>();

	return {
		expiresInSeconds,
		sign({ userId, tokenGeneration }) {
			const exp = Math.floor(clock() / 1000) + expiresInSeconds;
			return signer.sign({ sub: userId, exp, jti: crypto.randomUUID(), gen: tokenGeneration });
		},
		verify(token) {
			const known = verified.get(token);
			if (known === undefined) {
				return tokenForm.test(token) && isCanonical(token) ? check(token) : undefined;
			}
			if (known.expiresAtMs > clock()) return known;
			verified.delete(token);
			return undefined;
		},
	};

	async function check(token: string): Promise<TokenIdentity | undefined> {
		const claims = await signer.verify(token, {
			algorithms: ["HS256"],
			issuer,
			currentDate: new Date(clock()),
			requiredClaims: ["sub", "iat", "exp", "iss", "jti"],
		});
		if (claims === false || typeof claims.sub !== "string" || typeof claims.exp !== "number")
			return undefined;
		const { sub: userId, exp } = claims;
		if (!isId(userId)) return undefined;
		const generation = (claims as { gen?: unknown }).gen;
		if (typeof generation !== "number") return undefined;
		const found = { userId, tokenGeneration: generation, expiresAtMs: exp * 1000 };
		if (verified.size >= verifiedMax) verified.delete(verified.keys().next().value ?? "");
		verified.set(token, found);
		return found;
	}
}

/** The last letter of a base64url text may have unused bits; of the texts that decode alike, only the one we issued is valid. */
function isCanonical(token: string): boolean {
	return token.split(".").every((part) => Buffer.from(part, "base64url").toString("base64url") === part);
}
