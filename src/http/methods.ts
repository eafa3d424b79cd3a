import { memoize } from "../memoize.ts";

/** A route as the router knows it: `/collab/tasks/:id`. */
interface Route {
	readonly method: string;
	readonly path: string;
}

/** Which methods a path knows, for `Allow`; `HEAD` goes with `GET` and `OPTIONS` with everything. */
export function methodsByPath(routes: () => readonly Route[]): (path: string) => readonly string[] {
	const known = memoize(() =>
		routes()
			.filter(({ path }) => !path.includes("*"))
			.map(({ method, path }) => ({ method, form: new RegExp(`^${path.replace(/:[^/]+/g, "[^/]+")}/?$`) })),
	);
	return (path) => {
		const methods = known()
			.filter(({ form }) => form.test(path))
			.map(({ method }) => method);
		if (methods.length === 0) return [];
		return [...new Set([...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"])].sort();
	};
}
