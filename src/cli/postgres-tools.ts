/** A Postgres URL for the programs that come with Postgres: without the password, and what of its query they know. */
export function libpqUrl(text: string): string {
	const url = new URL(text);
	url.password = "";
	const sslmode = url.searchParams.get("sslmode");
	url.search = sslmode === null ? "" : `sslmode=${encodeURIComponent(sslmode)}`;
	return url.href;
}

/** A text as one word of a shell's command line. */
export function shellWord(text: string): string {
	return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
