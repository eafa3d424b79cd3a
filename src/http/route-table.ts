import { memoize } from "../kernel/memoize.ts";

/** A route as the router knows it: `/collab/tasks/:id`. */
export interface Route {
	readonly method: string;
	readonly path: string;
}

interface Entry {
	readonly path: string;
	readonly methods: readonly string[];
	readonly pattern: RegExp;
}

/** Finds the routes of a request's path. Reads the routes when first asked, since they are added one after the other. */
export class RouteTable {
	readonly #entries: () => readonly Entry[];
	readonly #paths: () => ReadonlySet<string>;

	constructor(routes: () => readonly Route[]) {
		this.#entries = memoize(() =>
			[...Map.groupBy(routes(), ({ path }) => path)].map(([path, sharing]) => ({
				path,
				methods: sharing.map(({ method }) => method),
				pattern: new RegExp(`^${path.replace(/:[^/]+/g, "[^/]+")}/?$`),
			})),
		);
		this.#paths = memoize(() => new Set(this.#entries().map(({ path }) => path)));
	}

	/** The path as its route has it, one without parameters first: `/jobs/stats` rather than `/jobs/:id`. */
	routeOf(path: string): string | undefined {
		if (this.#paths().has(path)) return path;
		const matches = this.#matches(path);
		return (matches.find((entry) => !entry.path.includes(":")) ?? matches[0])?.path;
	}

	/** The methods of a path, for `Allow`: `HEAD` goes with `GET`, `OPTIONS` with everything. Empty for an unknown path. */
	methodsOf(path: string): readonly string[] {
		const methods = this.#matches(path).flatMap((entry) => entry.methods);
		if (methods.length === 0) return [];
		return [...new Set([...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"])].sort();
	}

	#matches(path: string): readonly Entry[] {
		return this.#entries().filter(({ pattern }) => pattern.test(path));
	}
}
