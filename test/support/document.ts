import { expect } from "bun:test";
import Schema from "typebox/schema";
import type { Answer } from "./ask.ts";
import type { TestServer } from "./server.ts";

/** The parts of an OpenAPI 3.0 document that the tests look at. */
export interface OpenApi {
	readonly openapi: string;
	readonly tags: readonly { readonly name: string; readonly description: string }[];
	readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
	readonly components: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

export interface OpenApiOperation {
	readonly operationId: string;
	readonly summary: string;
	readonly description: string;
	readonly tags: readonly string[];
	readonly security: readonly object[];
	readonly parameters?: readonly {
		readonly name: string;
		readonly in: string;
		readonly required: boolean;
		readonly explode?: boolean;
		readonly schema: object;
	}[];
	readonly requestBody?: {
		readonly content: Readonly<Record<string, { readonly schema: { example?: unknown } }>>;
	};
	readonly responses: Readonly<Record<string, OpenApiResponse>>;
}

interface OpenApiResponse {
	readonly headers?: Readonly<Record<string, unknown>>;
	readonly content?: Readonly<
		Record<string, { readonly example?: unknown; readonly schema: { readonly example?: unknown } }>
	>;
}

/** Checks responses against a document. */
export interface Declared {
	/** The document with every reference replaced by the part. */
	readonly document: OpenApi;
	/** Fails unless the document declares the response's status, body and headers. Ignores paths it does not know. */
	holds(method: string, path: string, response: Answer): void;
}

/** Headers that a client may rely on: if a response has one, the document must declare it. */
const promised = [
	"ETag",
	"Link",
	"Location",
	"X-Event-Id",
	"X-Request-Id",
	"Retry-After",
	"WWW-Authenticate",
	"Accept-Encoding",
	"Idempotency-Replayed",
	"RateLimit",
	"RateLimit-Policy",
];

const made = new WeakMap<TestServer, Promise<Declared>>();

export function documentOf(server: TestServer): Promise<Declared> {
	const declared =
		made.get(server) ?? server.app.openapi().then((text) => declaredBy(dereference(JSON.parse(text))));
	made.set(server, declared);
	return declared;
}

/** A document without references. Two references to a part become one object: its schema is then compiled once. */
export function dereference(document: OpenApi): OpenApi {
	const known = new Map<string, unknown>();

	function resolve(ref: string): unknown {
		const [kind = "", name = ""] = ref.replace(/^#\/components\//, "").split("/");
		const part = document.components[kind]?.[name];
		if (part === undefined) throw new Error(`${ref} is not in the document`);
		if (!known.has(ref)) known.set(ref, replace(part));
		return known.get(ref);
	}

	function replace(node: unknown): unknown {
		if (Array.isArray(node)) return node.map(replace);
		if (typeof node !== "object" || node === null) return node;
		if ("$ref" in node) return resolve(String(node.$ref));
		return Object.fromEntries(Object.entries(node).map(([name, value]) => [name, replace(value)]));
	}

	return replace(document) as OpenApi;
}

function declaredBy(document: OpenApi): Declared {
	const forms = Object.entries(document.paths).map(([path, operations]) => ({
		form: new RegExp(`^${path.replace(/\{[^}]+\}/g, "[^/]+")}$`),
		operations,
	}));
	return {
		document,
		holds(method, path, { status, headers, json, text }) {
			// What is in a space has the prefix of a server of the document.
			const bare = (path.split("?")[0] ?? "").replace(/^\/spaces\/[^/]+(?=\/(collab|events|jobs)(\/|$))/, "");
			const operations = forms.find(({ form }) => form.test(bare))?.operations;
			const operation = operations?.[method === "HEAD" ? "get" : method.toLowerCase()];
			if (operation === undefined) return;
			const declared = operation.responses[status];
			if (declared === undefined) throw new Error(`${method} ${path} gave ${status}, undeclared: ${text}`);
			for (const name of promised) {
				if (headers.has(name)) expect(Object.keys(declared.headers ?? {})).toContain(name);
			}
			if (method === "HEAD") return;
			const contentType = headers.get("content-type") ?? "";
			const schema = declared.content?.[contentType]?.schema;
			if (schema === undefined) expect(text).toBe("");
			else expect(faultsOf(schema, contentType.startsWith("text/") ? text : json)).toEqual([]);
		},
	};
}

/** OpenAPI 3.0 has `nullable` instead of JSON Schema's type "null". */
function asJsonSchema(node: unknown): unknown {
	if (Array.isArray(node)) return node.map(asJsonSchema);
	if (typeof node !== "object" || node === null) return node;
	const { nullable, ...rest } = node as Record<string, unknown>;
	const mended = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, asJsonSchema(value)]));
	return nullable === true ? { anyOf: [mended, { type: "null" }] } : mended;
}

const compiled = new WeakMap<object, (value: unknown) => unknown[]>();

/** Why a value does not fit a schema of the document; undefined if it does. */
export function faultsOf(schema: object, value: unknown): readonly unknown[] {
	let check = compiled.get(schema);
	if (check === undefined) {
		const validator = Schema.Compile(asJsonSchema(schema) as never);
		check = (candidate) => (validator.Check(candidate) ? [] : [validator.Errors(candidate)[1], candidate]);
		compiled.set(schema, check);
	}
	return check(value);
}
