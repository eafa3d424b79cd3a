/** The text behind the `?` of a URL; empty without one. */
export function queryOf(url: string): string {
	const start = url.indexOf("?");
	return start === -1 ? "" : url.slice(start + 1);
}

const none: readonly string[] = [];

/** The names of a URL's query parameters, each once. */
export function parameterNames(url: string): readonly string[] {
	const query = queryOf(url);
	return query === "" ? none : [...new Set(new URLSearchParams(query).keys())];
}
