/** A route as the router knows it: `/collab/tasks/:id`. */
export interface Route {
	readonly path: string;
}

/** What a path is called that is no route's: there are as many of those as anybody cares to ask for. */
export const unknownRoute = "none";

/** The route of a path, as the router has it. There are as many answers as there are routes, and one more. */
export function routeNames(routes: readonly Route[]): (path: string) => string {
	const names = [...new Set(routes.map(({ path }) => path))];
	const plain = new Set(names.filter((name) => !/[:*]/.test(name)));
	const formed = names
		.filter((name) => !plain.has(name))
		.map((name) => ({
			name,
			form: new RegExp(`^${name.replace(/:[^/]+/g, "[^/]+").replaceAll("*", ".*")}$`),
		}));
	return (path) => {
		const bare = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
		if (plain.has(bare)) return bare;
		return formed.find(({ form }) => form.test(bare))?.name ?? unknownRoute;
	};
}
