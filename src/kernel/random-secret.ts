/** An integer from 0 and below `end`, at most 256, that nobody can foresee. `end` is a power of two. */
export function randomBelow(end: number): number {
	return (crypto.getRandomValues(new Uint8Array(1))[0] ?? 0) % end;
}

/** A secret of 256 bits in hexadecimal, for the installation to keep. */
export function randomSecret(): string {
	return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex");
}
