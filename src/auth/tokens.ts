import { jwt } from "@elysiajs/jwt";

const issuer = "orchestrator";

/** Tokens verified before are kept, so that a caller's second request costs no HMAC. */
const verifiedMax = 10_000;

export interface Identity {
	readonly userId: string;
	readonly tokenGeneration: number;
}

export interface Tokens {
	readonly expiresInSeconds: number;
	sign(identity: Identity): Promise<string>;
	/** Undefined for whatever is not a token of ours that is still good. */
	verify(token: string): Promise<Identity | undefined>;
}

interface Verified extends Identity {
	readonly expiresAtMs: number;
}

/** HS256 tokens with `sub iat exp iss jti`, and `gen`, the generation that a new password ends. */
export function tokens(secret: string, expireMinutes: number): Tokens {
	const signer = jwt({ name: "jwt", secret, alg: "HS256", iss: issuer }).decorator.jwt;
	const expiresInSeconds = expireMinutes * 60;
	const verified = new Map<string, Verified>();

	return {
		expiresInSeconds,
		sign({ userId, tokenGeneration }) {
			const exp = Math.floor(Date.now() / 1000) + expiresInSeconds;
			return signer.sign({ sub: userId, exp, jti: crypto.randomUUID(), gen: tokenGeneration });
		},
		async verify(token) {
			const known = verified.get(token) ?? (await check(token));
			if (known !== undefined && known.expiresAtMs > Date.now()) return known;
			verified.delete(token);
			return undefined;
		},
	};

	async function check(token: string): Promise<Verified | undefined> {
		const claims = await signer.verify(token, {
			algorithms: ["HS256"],
			issuer,
			requiredClaims: ["sub", "iat", "exp", "iss", "jti"],
		});
		if (claims === false || typeof claims.sub !== "string" || typeof claims.exp !== "number")
			return undefined;
		const { sub: userId, exp } = claims;
		const generation = (claims as { gen?: unknown }).gen;
		if (typeof generation !== "number") return undefined;
		const found = { userId, tokenGeneration: generation, expiresAtMs: exp * 1000 };
		if (verified.size >= verifiedMax) verified.delete(verified.keys().next().value ?? "");
		verified.set(token, found);
		return found;
	}
}
