import { expect, test } from "bun:test";
import fc from "fast-check";
import { ask } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { documentOf, type OpenApiOperation } from "../support/document.ts";
import { post } from "../support/jobs.ts";
import { startServer, type TestServer, testApiKey } from "../support/server.ts";
import { addToken, type IssuedToken } from "../support/tokens.ts";
import { type JsonSchema, valueBy } from "./json-schema.ts";
import { hold } from "./seed.ts";

/** A request that may be valid, or invalid in any of its parts. */
interface Made {
	readonly line: `${string} /${string}`;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: unknown;
	readonly contentType: string;
}

const methods = ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"];
const anyText = fc.oneof(
	fc.string({ maxLength: 20 }),
	fc.string({ unit: "binary", maxLength: 20 }).map((text) => text.toWellFormed()),
);
const visible = fc.string({
	unit: fc.integer({ min: 0x21, max: 0x7e }).map(String.fromCharCode),
	maxLength: 40,
});

for (const { name, newUrl } of everyDatabase) {
	test(`every route on ${name} responds to any request as the document says, and never with a defect`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const { document } = await documentOf(server);
		const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
			Object.entries(operations).map(([method, operation]) => ({ method, path, operation })),
		);
		const ids = await someIds(server);
		const token = await addToken(server);
		const requests = fc.oneof(
			...routes.map(({ method, path, operation }) => requestTo(method, path, operation, ids, server, token)),
		);
		await hold(
			name,
			requests,
			async ({ line, ...options }) => {
				const { status, text } = await ask(server, line, options);
				expect([line, status >= 500 && text]).toEqual([line, false]);
			},
			600,
		);
	});
}

/** Ids that exist: a task's, and those of jobs in two states. */
async function someIds(server: TestServer): Promise<readonly string[]> {
	const headers = { authorization: server.bearer };
	const task = await ask(server, "POST /collab/tasks", { headers, body: { title: "a task" } });
	const jobs = await Promise.all(["a", "b"].map((kind) => post(server.url, "/jobs", { kind, queue: kind })));
	await post(server.url, "/jobs/lease", { worker: "w", queues: ["a"] });
	const me = (await ask(server, "GET /auth/me", { headers })).json as { id: string };
	return [(task.json as { id: string }).id, ...jobs.map(({ job }) => job.id), me.id];
}

function requestTo(
	method: string,
	path: string,
	{ parameters = [], requestBody }: OpenApiOperation,
	ids: readonly string[],
	server: TestServer,
	{ id: tokenId, token }: IssuedToken,
): fc.Arbitrary<Made> {
	const id = fc.oneof(
		{ weight: 3, arbitrary: fc.constantFrom(...ids, tokenId) },
		// A client normalises paths with dots before it sends them.
		{ weight: 1, arbitrary: anyText.filter((text) => !/^\.{0,2}$/.test(text)) },
	);
	const queries = parameters.filter((parameter) => parameter.in === "query");
	const query = fc.record(
		{
			...Object.fromEntries(
				queries.map(({ name, schema }) => [name, valueBy(schema as JsonSchema).map(String)]),
			),
			unknown: anyText,
		},
		{ requiredKeys: [] },
	);
	const [json] = Object.values(requestBody?.content ?? {});
	const body = fc.oneof(
		{ weight: 6, arbitrary: json ? valueBy(json.schema as JsonSchema) : fc.constant(undefined) },
		{ weight: 1, arbitrary: fc.jsonValue() },
		{ weight: 1, arbitrary: anyText },
		{ weight: 1, arbitrary: fc.constant(undefined) },
	);
	return fc
		.record({
			// A stream has no end: its headers are enough.
			method: usually(
				path.endsWith("/tail") ? "HEAD" : method.toUpperCase(),
				methods.filter((other) => !path.endsWith("/tail") || other !== "GET"),
			),
			id,
			kind: usually("user", ["token", "key", "system"]),
			query,
			body,
			contentType: usually("application/json", [
				"",
				"text/plain",
				"application/merge-patch+json",
				"application/json; charset=utf-8",
			]),
			authorization: usually(server.bearer, [
				undefined,
				"Bearer x",
				"Basic eDp5",
				`${server.bearer}x`,
				`Bearer ${token}`,
				`Bearer ${token}x`,
			]),
			key: usually(testApiKey, [undefined, "not-a-key", token, `${token}x`]),
			ifMatch: fc.option(fc.oneof(fc.constantFrom("*", '"x"', 'W/"x"'), visible), { nil: undefined }),
			idempotencyKey: fc.option(visible, { nil: undefined }),
			lastEventId: fc.option(fc.oneof(fc.nat(5).map(String), visible), { nil: undefined }),
		})
		.map(({ method, id, kind, query, body, contentType, ...given }) => {
			const search = new URLSearchParams(query as Record<string, string>);
			const target = path.replace("{kind}", kind).replace(/\{[^}]+\}/g, encodeURIComponent(id));
			const headers = {
				authorization: given.authorization,
				"x-api-key": given.key,
				"if-match": given.ifMatch,
				"if-none-match": given.ifMatch,
				"idempotency-key": given.idempotencyKey,
				"last-event-id": given.lastEventId,
			};
			const present = Object.entries(headers).filter(([, value]) => value !== undefined);
			return {
				line: `${method} ${target as `/${string}`}${search.size > 0 ? `?${search}` : ""}`,
				headers: Object.fromEntries(present) as Record<string, string>,
				// fetch allows no body for these two.
				body: method === "GET" || method === "HEAD" ? undefined : body,
				contentType,
			};
		});
}

function usually<T>(value: T, others: readonly T[]): fc.Arbitrary<T> {
	return fc.oneof(
		{ weight: 8, arbitrary: fc.constant(value) },
		{ weight: 1, arbitrary: fc.constantFrom(...others) },
	);
}
