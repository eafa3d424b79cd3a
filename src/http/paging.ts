import { timingSafeEqual } from "node:crypto";

const sealBytes = 16;

/** Opaque cursors: a place in a list with a MAC, so that a forged or changed one is recognized. */
export class Cursors {
	readonly #key: string;

	/** `key`: a secret that all replicas share and restarts keep. */
	constructor(key: string) {
		this.#key = key;
	}

	/** Seals a place in the list named `list`; only `open` of the same list takes it back. */
	seal(list: string, place: string): string {
		const payload = Buffer.from(place, "utf8");
		return Buffer.concat([this.#tag(list, payload), payload]).toString("base64url");
	}

	/** The place inside a cursor, or undefined if it is not one that `seal` made for this list. */
	open(list: string, cursor: string): string | undefined {
		const bytes = Buffer.from(cursor, "base64url");
		if (bytes.length <= sealBytes || bytes.toString("base64url") !== cursor) return undefined;
		const payload = bytes.subarray(sealBytes);
		const genuine = timingSafeEqual(bytes.subarray(0, sealBytes), this.#tag(list, payload));
		return genuine ? payload.toString("utf8") : undefined;
	}

	#tag(list: string, payload: Buffer): Buffer {
		const hmac = new Bun.CryptoHasher("sha256", this.#key).update(`${list}\0`).update(payload);
		return hmac.digest().subarray(0, sealBytes) as Buffer;
	}
}
