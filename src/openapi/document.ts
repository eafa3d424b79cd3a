import { Elysia } from "elysia";
import { canonical } from "../canonical.ts";
import { version } from "../version.ts";

/** What the document needs of a route: where it is and what it says of itself. */
export interface DescribedRoute {
	readonly method: string;
	readonly path: string;
	readonly hooks: { readonly detail?: unknown };
}

const documentation = {
	info: {
		title: "Orchestrator",
		version,
		description:
			"One place in which people, worker programs and AI agents coordinate work. Bodies are canonical JSON (RFC 8785); an ETag is the SHA-256 of the body.",
		license: { name: "MIT", url: "https://opensource.org/license/mit" },
	},
	servers: [{ url: "/" }],
	components: {
		securitySchemes: {
			bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
			apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
		},
	},
} as const;

/**
 * The OpenAPI 3 document of the routes, as canonical JSON. The plugin reads a copy of the routes that has their
 * descriptions and none of their handlers, so that asking for the document passes no limiter and no guard.
 */
export async function openapiDocument(routes: readonly DescribedRoute[]): Promise<string> {
	// Loaded when first asked for: the plugin brings a second user interface with it, which the start need not wait for.
	const { swagger } = await import("@elysiajs/swagger");
	const described = new Elysia().use(
		swagger({ path: "/plugin", documentation: structuredClone(documentation) as never }),
	);
	for (const { method, path, hooks } of routes) {
		described.route(method, path, (() => null) as never, { detail: hooks.detail } as never);
	}
	const response = await described.handle(new Request("http://localhost/plugin/json"));
	return canonical(toOpenapi30(await response.json()));
}

/** JSON Schema 2020-12 (`const`, `examples`, `type: "null"`) as OpenAPI 3.0.3 writes it. */
function toOpenapi30(node: unknown): unknown {
	if (Array.isArray(node)) return node.map(toOpenapi30);
	if (typeof node !== "object" || node === null) return node;
	const { const: only, examples, anyOf, ...rest } = node as Record<string, unknown>;
	const mended: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(rest))
		mended[name] = name === "example" ? value : toOpenapi30(value);
	if (only !== undefined) Object.assign(mended, { type: typeof only, enum: [only] });
	if (mended.enum !== undefined && mended.type === undefined) mended.type = "string";
	if (Array.isArray(examples)) mended.example = examples[0];
	if (Array.isArray(anyOf)) Object.assign(mended, union(anyOf));
	return mended;
}

function union(branches: readonly unknown[]): Record<string, unknown> {
	const rest = branches.filter((branch) => (branch as { type?: unknown }).type !== "null");
	const nullable = rest.length < branches.length ? { nullable: true } : {};
	const [first] = rest;
	if (rest.length === 1) return { ...(toOpenapi30(first) as Record<string, unknown>), ...nullable };
	return { anyOf: rest.map(toOpenapi30), ...nullable };
}
