import { Elysia } from "elysia";
import { type Tag, tagKey } from "../http/operation.ts";
import { canonical } from "../kernel/canonical.ts";
import { version } from "../kernel/version.ts";
import { shareComponents } from "./components.ts";
import { toOpenapi30 } from "./openapi30.ts";
import { isObject } from "./parts.ts";

/** What the document needs of a route: its method, path and description. */
export interface DescribedRoute {
	readonly method: string;
	readonly path: string;
	readonly hooks: { readonly detail?: { readonly [tagKey]?: Tag } };
}

const documentation = {
	info: {
		title: "Orchestrator",
		version,
		description:
			"One place in which people, worker programs and AI agents coordinate work. Bodies are canonical JSON (RFC 8785); an ETag is the SHA-256 of the body.",
		contact: { name: "The orchestrator's authors" },
		license: { name: "MIT", url: "https://opensource.org/license/mit" },
	},
	servers: [
		{ url: "/" },
		{
			url: "/spaces/{space}",
			description: "A space: what stands under `/collab`, `/events` and `/jobs` is there in each.",
			variables: { space: { default: "default", description: "The space's name." } },
		},
	],
	components: {
		securitySchemes: {
			bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
			apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
		},
	},
} as const;

/**
 * The OpenAPI 3 document of the routes, as canonical JSON. The plugin reads a copy of the routes that has their
 * descriptions but not their handlers, so that reading the document runs no limiter and no guard. It does not support
 * references to parameters, headers and responses: those are made from its output.
 */
export async function openapiDocument(routes: readonly DescribedRoute[]): Promise<string> {
	// Loaded on first use: the plugin brings a second user interface with it, which would slow the start.
	const { swagger } = await import("@elysiajs/swagger");
	const tags = new Map<string, Tag>();
	const plain = routes.map(({ method, path, hooks }) => {
		const { [tagKey]: tag, ...detail } = hooks.detail ?? {};
		if (tag !== undefined) tags.set(tag.name, tag);
		return { method, path, detail };
	});
	const general = { ...structuredClone(documentation), tags: [...tags.values()].sort(byName) };
	const described = new Elysia().use(swagger({ path: "/plugin", documentation: general as never }));
	for (const { method, path, detail } of plain) {
		described.route(method, path, (() => null) as never, { detail } as never);
	}
	const response = await described.handle(new Request("http://localhost/plugin/json"));
	const document = toOpenapi30(await response.json());
	if (!isObject(document)) throw new TypeError("the document is not an object");
	return canonical(shareComponents(document));
}

function byName(a: Tag, b: Tag): number {
	return a.name < b.name ? -1 : 1;
}
