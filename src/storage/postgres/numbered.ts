/** A statement with `$1`, `$2`, … in place of each `?`. */
export function numbered(text: string): string {
	let count = 0;
	return text.replaceAll("?", () => `$${++count}`);
}
