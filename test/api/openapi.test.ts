import { describe, expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { ask } from "../support/ask.ts";
import { documentOf, type OpenApiOperation } from "../support/document.ts";
import { startServer } from "../support/server.ts";

const server = await startServer({ DATABASE_URL: "sqlite://:memory:" });
const { document } = await documentOf(server);
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
	Object.entries(methods).map(
		([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const,
	),
);

function operationAt(line: string): OpenApiOperation {
	const found = operations.find(([at]) => at === line)?.[1];
	if (found === undefined) throw new Error(`${line} is not in the document`);
	return found;
}

test("the document is valid OpenAPI 3.0", async () => {
	const { valid, errors } = await new Validator().validate(structuredClone(document) as never);
	expect(errors ?? []).toEqual([]);
	expect(valid).toBe(true);
	expect(document.openapi).toBe("3.0.3");
});

test("the served document is the one that the program prints, in canonical form", async () => {
	const served = await ask(server, "GET /swagger/json");
	expect(served.text).toBe(await server.app.openapi());
	expect(served.headers.get("content-type")).toBe("application/json");
});

test("no schema uses a keyword that OpenAPI 3.0 does not have", () => {
	const wrong: string[] = [];
	walk(document, "", (path, name, value) => {
		if (["$id", "const", "examples", "$schema", "~standard", "~kind", "prefixItems", "x-tag"].includes(name))
			wrong.push(path);
		if (name === "type" && (value === "null" || Array.isArray(value))) wrong.push(path);
		if (name === "exclusiveMinimum" && typeof value === "number") wrong.push(path);
	});
	expect(wrong).toEqual([]);
});

/** The example of a body: its own, or its schema's. */
function exampleOf({ example, schema }: { example?: unknown; schema?: { example?: unknown } }): unknown {
	return example ?? schema?.example;
}

function walk(
	node: unknown,
	path: string,
	visit: (path: string, name: string, value: unknown) => void,
): void {
	if (typeof node !== "object" || node === null) return;
	for (const [name, value] of Object.entries(node)) {
		// An example is a value, not a schema.
		if (name === "example") continue;
		visit(`${path}/${name}`, name, value);
		walk(value, `${path}/${name}`, visit);
	}
}

test("every operation has a unique operationId", () => {
	const names = operations.map(([, { operationId }]) => operationId);
	expect(new Set(names).size).toBe(names.length);
	for (const name of names) expect(name).toMatch(/^[a-z][A-Za-z]+$/);
});

test("every tag has a description", () => {
	expect(document.tags.map(({ name }) => name)).toEqual([
		"Actors",
		"Events",
		"Health",
		"Jobs",
		"Login",
		"Metrics",
		"Spaces",
		"Tasks",
		"Tokens",
	]);
	for (const { description } of document.tags) expect(description).toMatch(/^[A-Z`].+\.$/s);
});

test("the document has every operation of health, login and tasks", () => {
	expect(operations.map(([line]) => line)).toEqual(
		expect.arrayContaining([
			"DELETE /collab/tasks/{id}",
			"GET /auth/me",
			"GET /collab/state/tasks",
			"GET /collab/tasks/{id}",
			"GET /healthz",
			"PATCH /auth/me",
			"PATCH /collab/tasks/{id}",
			"POST /auth/login",
			"POST /collab/tasks",
			"POST /collab/tasks/batch",
		]),
	);
	expect(operations.map(([line]) => line).filter((line) => line.includes("swagger"))).toEqual([]);
});

test.each([
	["GET /healthz", "200 405 500 503"],
	["POST /auth/login", "200 400 401 413 415 422 429 500 503"],
	["GET /auth/me", "200 401 403 429 500 503"],
	["PATCH /auth/me", "200 400 401 403 413 415 422 429 500 503"],
	["POST /auth/tokens", "200 400 401 403 409 413 415 422 429 500 503"],
	["GET /auth/tokens", "200 401 403 429 500 503"],
	["DELETE /auth/tokens/{id}", "204 401 403 404 429 500 503"],
	["GET /auth/actors", "200 401 403 422 429 500 503"],
	["GET /auth/actors/{kind}/{id}", "200 401 403 404 429 500 503"],
	["POST /collab/tasks", "200 400 401 403 404 409 413 415 422 429 500 503"],
	["POST /collab/tasks/batch", "200 400 401 403 404 409 413 415 422 429 500 503"],
	["GET /collab/state/tasks", "200 304 401 403 404 422 429 500 503"],
	["GET /collab/tasks/{id}", "200 304 401 403 404 429 500 503"],
	["PATCH /collab/tasks/{id}", "200 400 401 403 404 409 412 413 415 422 428 429 500 503"],
	["DELETE /collab/tasks/{id}", "204 400 401 403 404 412 428 429 500 503"],
	["POST /collab/tasks/{id}/comments", "200 400 401 403 404 413 415 422 429 500 503"],
	["GET /collab/tasks/{id}/comments", "200 304 401 403 404 422 429 500 503"],
	["DELETE /collab/tasks/{id}/comments/{comment}", "204 401 403 404 429 500 503"],
])("%s declares %s", (line, statuses) => {
	expect(Object.keys(operationAt(line).responses).sort().join(" ")).toBe(statuses);
});

describe.each(operations)("%s", (line, operation) => {
	const { parameters = [], requestBody, responses, security } = operation;

	test("has a summary, a description and a tag that is defined", () => {
		expect(operation.summary).toMatch(/^[A-Z].*[^.]$/);
		expect(operation.description).toMatch(/^[A-Z`].+\.$/s);
		expect(operation.tags).toHaveLength(1);
		expect(document.tags.map(({ name }) => name)).toContain(operation.tags[0] ?? "");
		expect(Object.keys(responses).some((status) => status.startsWith("4"))).toBe(true);
	});

	test("describes body and headers of every status", () => {
		for (const [status, { headers = {}, content }] of Object.entries(responses)) {
			expect(Object.keys(headers)).toContain("X-Request-Id");
			expect(Object.keys(headers).includes("RateLimit")).toBe(line !== "GET /healthz");
			if (["204", "304"].includes(status)) expect(content).toBeUndefined();
			else for (const media of Object.values(content ?? { none: {} })) expect(exampleOf(media)).toBeDefined();
			if (["429", "503"].includes(status)) expect(Object.keys(headers)).toContain("Retry-After");
			if (["304", "412"].includes(status)) expect(Object.keys(headers)).toContain("ETag");
			if ("ETag" in headers) expect(Object.keys(headers)).toContain("Cache-Control");
		}
	});

	test("has an example for its body", () => {
		if (requestBody === undefined) return expect(line).toMatch(/^(GET|DELETE)|\/(cancel|retry)$/);
		for (const { schema } of Object.values(requestBody.content)) {
			expect(schema.example).toBeObject();
		}
	});

	test("has its path's parameters and a known security scheme", () => {
		const inPath = [...line.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
		const named = parameters.filter((parameter) => parameter.in === "path");
		expect(named.map(({ name }) => name)).toEqual(inPath as string[]);
		expect(security).toBeArray();
		for (const scheme of security.flatMap(Object.keys)) {
			expect(Object.keys(document.components.securitySchemes ?? {})).toContain(scheme);
		}
	});
});

test("the parameters of a list are declared with their bounds", () => {
	const { parameters = [] } = operationAt("GET /collab/state/tasks");
	const inQuery = parameters.filter((parameter) => parameter.in === "query");
	expect(inQuery.map(({ name }) => name)).toEqual([
		...["cursor", "limit", "status", "label", "assignee", "claimed_by", "parent", "blocked_by"],
		...["due_before", "number", "ready", "q", "brief", "sort", "order"],
	]);
	expect(inQuery.map(({ name, required, schema }) => ({ name, required, schema }))).toEqual(
		expect.arrayContaining([
			{ name: "cursor", required: false, schema: { type: "string", maxLength: 300 } },
			{
				name: "limit",
				required: false,
				schema: { type: "integer", minimum: 1, maximum: 1000, default: 100 },
			},
			{ name: "order", required: false, schema: { type: "string", enum: ["asc", "desc"], default: "desc" } },
			{ name: "q", required: false, schema: { type: "string", maxLength: 200 } },
		]),
	);
	expect(parameters.filter((parameter) => parameter.in === "header").map(({ name }) => name)).toEqual([
		"If-None-Match",
	]);
});

test("a parameter that may be repeated is a list with its bounds", () => {
	const { parameters = [] } = operationAt("GET /auth/actors");
	expect(parameters).toEqual([
		{
			name: "actor",
			explode: true,
			in: "query",
			required: true,
			description: expect.any(String),
			schema: { type: "array", items: { type: "string", maxLength: 100 }, minItems: 1, maxItems: 100 },
		} as never,
	]);
});

test("a patch also accepts a merge patch, and null where null is allowed", () => {
	const { requestBody, parameters } = operationAt("PATCH /collab/tasks/{id}");
	expect(Object.keys(requestBody?.content ?? {})).toEqual([
		"application/json",
		"application/merge-patch+json",
	]);
	const { schema } = requestBody?.content["application/json"] ?? {};
	expect(schema).toMatchObject({
		properties: {
			description: { type: "string", maxLength: 20_000, nullable: true },
			title: { type: "string", minLength: 1, maxLength: 200 },
		},
	});
	expect(parameters).toContainEqual(
		expect.objectContaining({ name: "If-Match", in: "header", required: true }),
	);
});

test("every operation that needs a credential says which one", () => {
	const wanted = operations.filter(([line]) => !/^\w+ \/(events|jobs|metrics)/.test(line));
	const reads = [
		"GET /collab/state/tasks",
		"GET /collab/tasks/stats",
		"GET /collab/tasks/{id}",
		"GET /collab/tasks/{id}/comments",
	];
	for (const line of reads) expect(operationAt(line).security).toEqual([{ bearer: [] }, { apiKey: [] }, {}]);
	for (const line of ["GET /events", "GET /events/tail"]) {
		expect(operationAt(line).security).toEqual([{ apiKey: [] }, { bearer: [] }, {}]);
	}
	const tokenToo = [
		"GET /auth/actors",
		"GET /auth/actors/{kind}/{id}",
		"GET /auth/me",
		"GET /spaces",
		"GET /spaces/{space}",
		"GET /spaces/{space}/members",
		"POST /collab/tasks",
		"POST /collab/tasks/batch",
		"PATCH /collab/tasks/{id}",
		"DELETE /collab/tasks/{id}",
		"POST /collab/tasks/{id}/comments",
		"DELETE /collab/tasks/{id}/comments/{comment}",
	];
	for (const line of tokenToo) expect(operationAt(line).security).toEqual([{ bearer: [] }, { apiKey: [] }]);
	const bearer = wanted.filter(
		([line, { security }]) => security.length > 0 && ![...reads, ...tokenToo].includes(line),
	);
	expect(bearer.map(([line]) => line).sort()).toEqual([
		"DELETE /auth/tokens/{id}",
		"DELETE /spaces/{space}",
		"DELETE /spaces/{space}/members/{id}",
		"GET /auth/tokens",
		"PATCH /auth/me",
		"PATCH /spaces/{space}",
		"POST /auth/tokens",
		"POST /spaces",
		"POST /spaces/{space}/members",
	]);
	for (const [, { security }] of bearer) expect(security).toEqual([{ bearer: [] }]);
	expect(document.components.securitySchemes).toEqual({
		apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
		bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
	});
});
