/** A secret of 256 bits in hexadecimal, for the installation to keep. */
export function randomSecret(): string {
	return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex");
}
