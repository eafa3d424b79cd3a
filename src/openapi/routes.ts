import { Elysia } from "elysia";
import favicon from "swagger-ui-dist/favicon-32x32.png" with { type: "file" };
import style from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import bundle from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import { memoize } from "../kernel/memoize.ts";
import { type DescribedRoute, openapiDocument } from "./document.ts";
import { page, pagePolicy, script } from "./page.ts";

/** Swagger UI's own files, inside the binary: no request goes to another host. */
const files: Readonly<Record<string, { readonly path: string; readonly type: string }>> = {
	"favicon.png": { path: favicon, type: "image/png" },
	"swagger-ui.css": { path: style, type: "text/css; charset=utf-8" },
	"swagger-ui-bundle.js": { path: bundle, type: "text/javascript; charset=utf-8" },
};

export interface OpenapiRoutes {
	readonly routes: Elysia;
	document(): Promise<string>;
}

/** Swagger UI and the OpenAPI document of the given routes. The document is built once, on first use. */
export function openapiRoutes(described: () => readonly DescribedRoute[]): OpenapiRoutes {
	const document = memoize(() => openapiDocument(described()));

	const routes = new Elysia({ detail: { hide: true } })
		.get("/", ({ set }) => {
			set.status = 302;
			set.headers.location = "/swagger";
			return "";
		})
		.get("/swagger", ({ set }) => {
			set.headers["content-type"] = "text/html; charset=utf-8";
			set.headers["content-security-policy"] = pagePolicy;
			set.headers["cache-control"] = "no-cache";
			return page;
		})
		.get("/swagger/json", ({ set }) => {
			set.headers["cache-control"] = "no-cache";
			return document();
		})
		.get("/swagger/start.js", ({ set }) => {
			set.headers["content-type"] = "text/javascript; charset=utf-8";
			set.headers["cache-control"] = "no-cache";
			return script;
		});
	for (const [name, { path, type }] of Object.entries(files)) {
		routes.get(`/swagger/${name}`, async ({ set }) => {
			set.headers["content-type"] = type;
			set.headers["cache-control"] = "public, max-age=86400";
			return Bun.file(path).bytes();
		});
	}
	return { routes: routes as unknown as Elysia, document };
}
