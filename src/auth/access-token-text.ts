import { timingSafeEqual } from "node:crypto";
import { sha256 } from "../kernel/canonical.ts";
import { accessTokenPrefix } from "../kernel/credentials.ts";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** 131 bits. */
const randomLength = 22;
/** 119 bits at least: a byte of the MAC gives a character, some a little more often than others. */
const macLength = 21;
const form = new RegExp(`^${accessTokenPrefix}[${alphabet}]{${randomLength + macLength}}$`);

/** Texts recognized before are kept, so that a caller's second request costs no HMAC. */
const recognizedMax = 10_000;

/**
 * The texts of this installation's access tokens: `orc_`, 22 random characters, and 21 of an HMAC-SHA-256 of those. So a
 * forged one is recognized without a look into the database.
 */
export interface AccessTokenTexts {
	make(): string;
	/**
	 * The SHA-256, in hex, under which a token is kept; undefined for a text that this installation did not make. Nothing
	 * says yet that the token is still there.
	 */
	hashOf(text: string): string | undefined;
}

/** `secret`: one that all replicas share and restarts keep. */
export function accessTokenTexts(secret: string): AccessTokenTexts {
	const recognized = new Map<string, string>();

	function macOf(random: string): string {
		const digest = new Bun.CryptoHasher("sha256", secret).update(random).digest();
		return Array.from(digest.subarray(0, macLength), (byte) => alphabet[byte % alphabet.length]).join("");
	}

	function isOurs(text: string): boolean {
		if (!form.test(text)) return false;
		const random = text.slice(accessTokenPrefix.length, -macLength);
		return timingSafeEqual(Buffer.from(macOf(random)), Buffer.from(text.slice(-macLength)));
	}

	return {
		make() {
			const random = randomCharacters(randomLength);
			return `${accessTokenPrefix}${random}${macOf(random)}`;
		},
		hashOf(text) {
			const known = recognized.get(text);
			if (known !== undefined) return known;
			if (!isOurs(text)) return undefined;
			const hash = sha256(text);
			if (recognized.size >= recognizedMax) recognized.delete(recognized.keys().next().value ?? "");
			recognized.set(text, hash);
			return hash;
		},
	};
}

/** Each character is as likely as any other: bytes beyond the last multiple of 62 are drawn again. */
function randomCharacters(length: number): string {
	const bound = 256 - (256 % alphabet.length);
	let text = "";
	while (text.length < length) {
		const bytes = crypto.getRandomValues(new Uint8Array(length)).filter((byte) => byte < bound);
		for (const byte of bytes) text += alphabet[byte % alphabet.length];
	}
	return text.slice(0, length);
}
