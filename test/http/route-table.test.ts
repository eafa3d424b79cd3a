import { expect, test } from "bun:test";
import { RouteTable } from "../../src/http/route-table.ts";

const table = new RouteTable(() => [
	{ method: "GET", path: "/jobs" },
	{ method: "POST", path: "/jobs" },
	{ method: "GET", path: "/jobs/:id" },
	{ method: "GET", path: "/jobs/stats" },
	{ method: "POST", path: "/jobs/lease" },
	{ method: "POST", path: "/jobs/:id/cancel" },
]);

test.each([
	["/jobs", "/jobs", "GET HEAD OPTIONS POST"],
	["/jobs/", "/jobs", "GET HEAD OPTIONS POST"],
	["/jobs/1", "/jobs/:id", "GET HEAD OPTIONS"],
	["/jobs/1/", "/jobs/:id", "GET HEAD OPTIONS"],
	["/jobs/stats", "/jobs/stats", "GET HEAD OPTIONS"],
	["/jobs/lease", "/jobs/lease", "GET HEAD OPTIONS POST"],
	["/jobs/1/cancel", "/jobs/:id/cancel", "OPTIONS POST"],
	["/jobs/1/2", undefined, ""],
	["/", undefined, ""],
	["/jobs?x", undefined, ""],
	["/constructor", undefined, ""],
])("%s is of the route %s and knows %s", (path, route, methods) => {
	expect(table.routeOf(path)).toBe(route);
	expect(table.methodsOf(path).join(" ")).toBe(methods);
});

test("the routes are read when they are first asked for", () => {
	const routes = [{ method: "GET", path: "/first" }];
	const late = new RouteTable(() => routes);
	routes.push({ method: "GET", path: "/second" });
	expect(late.routeOf("/second")).toBe("/second");
});
