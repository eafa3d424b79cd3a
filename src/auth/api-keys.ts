import { timingSafeEqual } from "node:crypto";

/** The keys of worker programs. */
export interface ApiKeys {
	/** The fingerprint of a valid key, else undefined. Takes about the same time for every text. */
	fingerprint(key: string): string | undefined;
	/** Whether a fingerprint is that of a valid key. */
	has(fingerprint: string): boolean;
}

export function apiKeys(keys: readonly string[]): ApiKeys {
	const digests = keys.map(digestOf);
	const fingerprints = new Set(digests.map(fingerprintOf));
	return {
		fingerprint(key) {
			const digest = digestOf(key);
			let isKnown = false;
			// Every digest is compared, each in constant time: the time shows neither which one fits nor how far.
			for (const known of digests) isKnown = timingSafeEqual(known, digest) || isKnown;
			return isKnown ? fingerprintOf(digest) : undefined;
		},
		has: (fingerprint) => fingerprints.has(fingerprint),
	};
}

/** The first 12 hexadecimal digits of a key's SHA-256. */
function fingerprintOf(digest: Buffer): string {
	return digest.toString("hex").slice(0, 12);
}

function digestOf(key: string): Buffer {
	return new Bun.CryptoHasher("sha256").update(key).digest() as Buffer;
}
