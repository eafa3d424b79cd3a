import { describe, expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import Schema from "typebox/schema";
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

test("what is served is what the program prints, in canonical form", async () => {
	const served = await ask(server, "GET /swagger/json");
	expect(served.text).toBe(await server.app.openapi());
	expect(served.headers.get("content-type")).toBe("application/json");
});

test("no schema says what OpenAPI 3.0 does not know", () => {
	const wrong: string[] = [];
	walk(document, "", (path, name, value) => {
		if (["$id", "const", "examples", "$schema", "~standard", "~kind", "prefixItems"].includes(name))
			wrong.push(path);
		if (name === "type" && (value === "null" || Array.isArray(value))) wrong.push(path);
		if (name === "exclusiveMinimum" && typeof value === "number") wrong.push(path);
	});
	expect(wrong).toEqual([]);
});

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

test("operations have names of their own", () => {
	const names = operations.map(([, { operationId }]) => operationId);
	expect(new Set(names).size).toBe(names.length);
});

test("every operation of health, login and tasks is there", () => {
	expect(operations.map(([line]) => line)).toEqual(
		expect.arrayContaining([
			"DELETE /collab/tasks/{id}",
			"GET /auth/me",
			"GET /collab/state/tasks",
			"GET /collab/tasks/{id}",
			"GET /healthz",
			"PATCH /collab/tasks/{id}",
			"POST /auth/login",
			"POST /collab/tasks",
		]),
	);
	expect(operations.map(([line]) => line).filter((line) => line.includes("swagger"))).toEqual([]);
});

test.each([
	["GET /healthz", "200 500 503"],
	["POST /auth/login", "200 400 401 413 415 422 429 500 503"],
	["GET /auth/me", "200 401 429 500 503"],
	["POST /collab/tasks", "200 400 401 413 415 422 429 500 503"],
	["GET /collab/state/tasks", "200 304 422 429 500 503"],
	["GET /collab/tasks/{id}", "200 304 404 429 500 503"],
	["PATCH /collab/tasks/{id}", "200 400 401 404 412 413 415 422 428 429 500 503"],
	["DELETE /collab/tasks/{id}", "204 400 401 404 412 428 429 500 503"],
])("%s declares %s", (line, statuses) => {
	expect(Object.keys(operationAt(line).responses).sort().join(" ")).toBe(statuses);
});

describe.each(operations)("%s", (line, { parameters = [], requestBody, responses, security }) => {
	test("says of every status what comes with it", () => {
		for (const [status, { headers = {}, content }] of Object.entries(responses)) {
			expect(Object.keys(headers)).toContain("X-Request-Id");
			expect(Object.keys(headers).includes("RateLimit")).toBe(line !== "GET /healthz");
			if (["204", "304"].includes(status)) expect(content).toBeUndefined();
			else expect(Object.values(content ?? {})[0]?.schema).toBeObject();
			if (["429", "503"].includes(status)) expect(Object.keys(headers)).toContain("Retry-After");
			if (["304", "412"].includes(status)) expect(Object.keys(headers)).toContain("ETag");
		}
	});

	test("has an example for its body that fits the body's schema", () => {
		if (requestBody === undefined) return expect(line).toMatch(/^(GET|DELETE)|\/(cancel|retry)$/);
		for (const { schema } of Object.values(requestBody.content)) {
			expect(schema.example).toBeObject();
			expect(Schema.Compile(schema as never).Check(schema.example)).toBe(true);
		}
	});

	test("names its path's parameters and a known way to show who asks", () => {
		const inPath = [...line.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
		const named = parameters.filter((parameter) => parameter.in === "path");
		expect(named.map(({ name }) => name)).toEqual(inPath as string[]);
		for (const scheme of (security ?? []).flatMap(Object.keys)) {
			expect(Object.keys(document.components.securitySchemes)).toContain(scheme);
		}
	});
});

test("the parameters of a list are there with their bounds", () => {
	const { parameters = [] } = operationAt("GET /collab/state/tasks");
	const inQuery = parameters.filter((parameter) => parameter.in === "query");
	expect(inQuery.map(({ name, required, schema }) => ({ name, required, schema }))).toEqual([
		{ name: "cursor", required: false, schema: { type: "string", maxLength: 200 } },
		{ name: "limit", required: false, schema: { type: "integer", minimum: 1, maximum: 1000, default: 100 } },
		{ name: "order", required: false, schema: { type: "string", enum: ["asc", "desc"], default: "desc" } },
	]);
	expect(parameters.filter((parameter) => parameter.in === "header").map(({ name }) => name)).toEqual([
		"If-None-Match",
	]);
});

test("a patch takes a merge patch too, and a null where a null is allowed", () => {
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

test("what wants a credential says which", () => {
	const wanted = operations.filter(([line]) => !/^\w+ \/(events|jobs|metrics)/.test(line));
	const bearer = wanted.filter(([, { security }]) => security !== undefined);
	expect(bearer.map(([line]) => line).sort()).toEqual([
		"DELETE /collab/tasks/{id}",
		"GET /auth/me",
		"PATCH /collab/tasks/{id}",
		"POST /collab/tasks",
	]);
	for (const [, { security }] of bearer) expect(security).toEqual([{ bearer: [] }]);
	expect(document.components.securitySchemes).toEqual({
		apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
		bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
	});
});
