import { describe, expect, test } from "bun:test";
import { dereference, faultsOf, type OpenApi } from "../support/document.ts";
import { startServer } from "../support/server.ts";

const server = await startServer({ DATABASE_URL: "sqlite://:memory:" });
const text = await server.app.openapi();
const document: OpenApi = JSON.parse(text);
const { components } = document;

/** Every object in the document, with the path to it; what an example holds is left out. */
function* objects(node: unknown, path = ""): Generator<readonly [string, Record<string, unknown>]> {
	if (typeof node !== "object" || node === null) return;
	if (!Array.isArray(node)) yield [path, node as Record<string, unknown>];
	for (const [name, value] of Object.entries(node)) {
		if (name !== "example") yield* objects(value, `${path}/${name}`);
	}
}

const references = [...objects(document)].filter(([, node]) => "$ref" in node);

test("the document stays small enough to read: repeated parts are named components", () => {
	expect(Buffer.byteLength(text)).toBeLessThan(140_000);
});

test("every representation and every request body is a named schema", () => {
	expect(Object.keys(components.schemas ?? {})).toEqual(
		expect.arrayContaining([
			"AccessToken",
			"CompleteRequest",
			"Credentials",
			"Error",
			"Event",
			"EventList",
			"EventType",
			"FailRequest",
			"Fault",
			"Health",
			"HeartbeatRequest",
			"Job",
			"JobBatch",
			"JobList",
			"JobState",
			"JobStats",
			"Lease",
			"LeaseRequest",
			"NewJob",
			"NewJobs",
			"NewTask",
			"QueueStats",
			"Task",
			"TaskList",
			"TaskPatch",
			"User",
		]),
	);
	for (const [path, node] of objects(document.paths)) {
		if (path.endsWith("/schema")) expect([path, node.type]).not.toEqual([path, "object"]);
	}
});

test("a named schema refers to the others by name", () => {
	const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
	expect(components.schemas).toMatchObject({
		Error: { properties: { details: { items: ref("Fault") } } },
		EventList: { properties: { items: { items: ref("Event") } } },
		Job: { properties: { lease: ref("Lease"), state: ref("JobState") } },
		JobBatch: { properties: { items: { items: ref("Job") } } },
		JobList: { properties: { items: { items: ref("Job") } } },
		JobStats: { properties: { items: { items: ref("QueueStats") } } },
		NewJobs: { properties: { jobs: { items: ref("NewJob") } } },
		ActorList: { properties: { items: { items: ref("Actor") } } },
		TaskList: { properties: { items: { items: { anyOf: [ref("Task"), ref("BriefTask")] } } } },
		TokenList: { properties: { items: { items: ref("Token") } } },
	});
	expect(JSON.stringify(components.schemas)).not.toContain("x-component");
});

test("parameters, headers and errors that operations share are named components", () => {
	expect(Object.keys(components.parameters ?? {}).sort()).toEqual([
		"ActorId",
		"ActorKind",
		"Claim-Fence",
		"CommentId",
		"Idempotency-Key",
		"If-Match",
		"If-None-Match",
		"JobId",
		"Last-Event-ID",
		"SpaceName",
		"TaskId",
		"TokenId",
		"UserId",
		"cursor",
		"limit",
		"types",
	]);
	expect(Object.keys(components.headers ?? {})).toEqual(
		expect.arrayContaining(["ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"]),
	);
	expect(Object.keys(components.responses ?? {})).toEqual(
		expect.arrayContaining([
			"BadRequest",
			"Forbidden",
			"Internal",
			"NotFound",
			"Unauthorized",
			"Unavailable",
		]),
	);
});

test("every reference resolves and has no siblings, and every component is referred to", () => {
	const used = new Set(references.map(([, { $ref }]) => $ref));
	const there = Object.entries(components)
		.filter(([kind]) => kind !== "securitySchemes")
		.flatMap(([kind, parts]) => Object.keys(parts).map((name) => `#/components/${kind}/${name}`));
	expect([...used].sort()).toEqual(there.sort());
	for (const [path, node] of references) expect([path, Object.keys(node)]).toEqual([path, ["$ref"]]);
});

describe("every example is valid", () => {
	const examples = [...objects(dereference(document))].filter(([, node]) => "example" in node);

	test("there are some in schemas and in media types", () => {
		expect(examples.map(([path]) => path)).toEqual(
			expect.arrayContaining([
				"/components/schemas/Task",
				"/components/schemas/FailRequest",
				"/components/responses/NotFound/content/application/json",
				"/paths//events/tail/get/responses/200/content/text/event-stream/schema",
			]),
		);
	});

	test.each(examples)("%s", (_path, { example, ...node }) => {
		const schema = "schema" in node ? (node.schema as object) : node;
		expect(faultsOf(schema, example)).toEqual([]);
	});
});
